"""Conversations become requests: turns, prompts, tokens, latency, outcome; whole arrays at once.

Every request fits its conversation: input is system prompt, history, prompt and what was pasted;
`cached_tokens` follow from history and the time since the last turn; latency follows from tokens;
the next turn comes when the answer has been read.

Bound: what one stretch of time begins.

Glossary: *row* one request to come, a row of a `REQUEST` array; *task* a conversation that works
through a list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stream_guard.simulator.clients import Clients
from stream_guard.simulator.engine.columns import Taken
from stream_guard.simulator.engine.roster import MODELS, Roster
from stream_guard.simulator.provider import EMBED, ERRORS, NEW, OVERLOADED, Provider

Array = NDArray[Any]
WINDOW: Final = 120_000  # tokens that a conversation may carry along
CACHE_S: Final = 300  # how long the provider keeps a prefix
LONGEST: Final = 400  # turns
EMBEDDING: Final = MODELS.index(EMBED)
NEWEST: Final = MODELS.index(NEW)
_REACH: Final = np.cumsum([ratio for _, ratio in ERRORS])
_STATUSES: Final = np.array([*(status for status, _ in ERRORS), 200])
_FIRST_MS: Final = np.array([model.first_token_ms for model in MODELS])
_TOKEN_MS: Final = np.array([model.token_ms for model in MODELS])

REQUEST: Final = np.dtype(
    [
        ("at", "i8"),  # ms
        ("account", "i4"), ("look", "i4"), ("place", "i4"), ("end_user", "u4"), ("tools", "i4"),
        ("template", "i4"), ("session", "i8"), ("turn", "i2"), ("status", "i2"), ("input", "i4"),
        ("cached", "i4"), ("output", "i4"),
        ("reasoned", "i4"),  # tokens
        ("latency", "i4"),  # ms
        ("chars", "i4"),
        ("tail", "i4"),  # what is one of few: see `tail_of`
        ("row", "i4"), ("other", "i4"), ("is_sketched", "?"),
    ]
)  # fmt: skip


_WHOLE: Final = np.dtype(f"V{REQUEST.itemsize}")  # a row that is only moved: four times as quick
Rows = dict[str, Array]  # columns of rows in the making
# What is one of few, and how many; the first may be any number.
TAIL: Final = (
    ("labels", 0),
    ("language", 16),
    ("wish", 3),
    ("images", 5),
    ("model", len(MODELS)),
    ("calls", 8),
)


@dataclass(slots=True)
class Batch:
    """Conversations that begin: whose, when, and whose face they wear.

    ``model`` and ``end_user`` are drawn from the account's ways where they are None.
    """

    account: Array
    at: Array  # Unix seconds
    is_task: Array | None = None  # None: by the account's interest


class Sessions:
    """Makes rows of conversations."""

    def __init__(
        self, roster: Roster, clients: Clients, provider: Provider, rng: np.random.Generator
    ) -> None:
        self._roster = roster
        self._pool = roster.pool
        self._provider = provider
        self._rng = rng
        self.sketch_ratio = 0.0
        self._begun = 0
        self._chats = np.array(clients.chats, np.float32)
        self._code = np.array(clients.code, np.float32)[:, 0]
        self._input = np.array([client.input for client in clients.clients], np.float32)
        self._output = np.array([client.output for client in clients.clients], np.float32)

    def expand(self, batch: Batch) -> Array:
        """All requests of these conversations, by conversation."""
        if not len(batch.account):
            return np.empty(0, REQUEST)
        rng, who = self._rng, self._roster.table.of(batch.account)
        is_task = rng.random(len(who)) < who["list_ratio"] if batch.is_task is None else batch.is_task
        turns = self._turns(who, is_task)
        owner = np.repeat(np.arange(len(who)), turns)
        first = np.cumsum(turns) - turns
        rows = {"turn": np.arange(len(owner)) - first[owner] + 1, "is_task": is_task[owner]}
        self._begin(rows, batch, owner, is_task)
        account = self._roster.table.of(rows["account"])
        self._ask(rows, account)
        self._offer(rows, account)
        history = self._count(rows, account, first[owner])
        self._time(rows, account, batch.at[owner], (first, owner))
        is_warm = rows["turn"] > 1
        is_warm[1:] &= np.diff(rows["at"]) < CACHE_S * 1000
        system = self._roster.system_tokens.array[rows["look"]]
        rows["cached"] = system // 512 * 512 + np.where(is_warm, history, 0)
        self._fail(rows)
        rows["tail"] = tail_of(rows)
        made = np.empty(len(owner), REQUEST)
        for name in REQUEST.names or ():
            made[name] = rows[name]
        is_in_use = made["at"] < account["end"] * 1000
        return made if is_in_use.all() else taken(made, np.flatnonzero(is_in_use))

    def _turns(self, who: Taken, is_task: Array) -> Array:
        drawn = self._rng.geometric(1 / np.maximum(who["turns"], 1.0))
        listed = 1 + (self._rng.random(len(who)) < who["follow_ratio"])
        turns: Array = np.minimum(np.where(is_task & ~who["is_dry"], listed, drawn), LONGEST)
        return turns

    def _begin(self, rows: Rows, batch: Batch, owner: Array, is_task: Array) -> None:
        """What a conversation keeps: place, look, model, end user."""
        rng, who, count = self._rng, self._roster.table.of(batch.account), len(batch.account)
        chance = rng.random((5, count), np.float32)
        is_plain = ~is_task & (who["list"] >= 0)
        look = np.where(is_plain, who["plain"], who["look"])
        looks = np.where(is_plain, who["plains"], who["looks"])
        is_away = chance[0] < who["away_ratio"]
        home = who["home"] + (who["homes"] * chance[1] ** who["steep"]).astype(np.int64)
        away = who["away"] + (who["aways"] * chance[1]).astype(np.int64)
        model = np.where(chance[2] < who["other_ratio"], who["other_model"], who["model"])
        model = np.where(chance[4] < self._moved(who, batch.at), NEWEST, model)
        end_user = (who["end_users"] * chance[3] ** 2).astype(np.uint32) * np.uint32(2_654_435_761)
        rows["account"] = batch.account[owner]
        rows["place"] = np.where(is_away, away, home)[owner]
        rows["look"] = (look + (looks * chance[1] ** 2.0).astype(np.int64))[owner]
        rows["model"] = np.where(who["model"] == EMBEDDING, EMBEDDING, model)[owner]
        rows["end_user"] = np.where(who["end_users"] > 0, (end_user ^ who["end_user_salt"]) | 1, 0)[owner]
        rows["session"] = self._begun + owner
        self._begun += count

    def _moved(self, who: Taken, at: Array) -> Array:
        """Share of each one's requests that goes to the new model, if there is one by now."""
        release = self._provider.release
        if release is None:
            return np.zeros(len(who))
        days = (at - release) / 86_400
        moved: Array = who["eager"] * (1 - np.exp(-3 * np.maximum(days, 0.0)))
        return moved

    def _ask(self, rows: Rows, account: Taken) -> None:
        """The prompt of each turn, and what is said of it."""
        rng, pool, count = self._rng, self._pool, len(rows["turn"])
        use = self._roster.mixes.array[account["mix"], rng.integers(0, 256, count)].astype(np.int64)
        topic = account.topics(rng.integers(0, 64, count)).astype(np.int64)
        is_followup = (rows["turn"] > 1) & ~account["is_dry"] & (rng.random(count) < 0.75)
        use[is_followup] = pool.followup
        wants_own = rng.random(count) < account["language_ratio"]
        picked = pool.draw(rng, use, topic, np.where(wants_own, account["language"], 0))
        is_listed = rows["is_task"] & (account["list"] >= 0) & ((rows["turn"] == 1) | account["is_dry"])
        for index in np.unique(account["list"][is_listed]):
            mine = np.flatnonzero(is_listed & (account["list"] == index))
            picked[mine] = self._roster.lists[index].take(len(mine))
        rows["row"], rows["other"] = picked, pool.like(rng, picked)
        rows["language"] = pool.language[picked]
        rows["labels"] = pool.classify(rng, pool.use[picked])
        rows["is_sketched"] = rng.random(count) < self.sketch_ratio

    def _offer(self, rows: Rows, account: Taken) -> None:
        """Templates, tools, images, the wish to reason."""
        rng, count, roster = self._rng, len(rows["turn"]), self._roster
        chance = rng.random((5, count), np.float32)
        use = self._pool.use[rows["row"]]
        is_equipped = rows["is_task"] | (account["list"] < 0)
        wrapped = roster.template_count.array[account["templates"], use] * is_equipped
        first = roster.template_first.array[account["templates"], use]
        rows["template"] = np.where(wrapped > 0, first + (wrapped * chance[0] ** 1.6).astype(np.int64), 0)
        rows["tools"] = np.where(is_equipped & (chance[1] < account["tools_ratio"]), account["tools"], 0)
        calls = np.minimum((-np.log(1 - chance[2]) / 1.1).astype(np.int8), 6)
        rows["calls"] = np.where(rows["tools"] > 0, calls, -1)
        has_images = chance[3] < account["images_ratio"]
        rows["images"] = np.minimum(np.where(has_images, 1 + 3 * chance[3] / 0.2, 0).astype(np.int8), 4)
        asks = account["reasoning_ratio"]
        rows["wish"] = np.where(asks < 0, 0, np.where(chance[4] < asks, 2, 1))

    def _count(self, rows: Rows, account: Taken, first: Array) -> Array:
        """Tokens and characters; what each turn carries along of the conversation before it."""
        rng, count, pool = self._rng, len(rows["turn"]), self._pool
        longer = rng.uniform(0.95, 1.05, count)
        prompt = np.maximum(1, pool.tokens[rows["row"]] * longer)
        rows["chars"] = np.maximum(1, pool.chars[rows["row"]] * longer)
        added = prompt + self._pasted(rows, account, prompt)
        factor = pool.answer_factor[pool.use[rows["row"]]]
        length = self._chats[rng.integers(0, len(self._chats), count), 1] * factor
        serves = np.flatnonzero(account["context"] > 1)
        length[serves] = quantiles(rng, self._output, account["context"][serves] - 2)
        output = np.maximum(1, np.minimum(length, account["max_tokens"]))
        rows["output"] = np.where(rows["model"] == EMBEDDING, 0, output)
        reasons = np.flatnonzero(rows["wish"] == 2)
        rows["reasoned"] = np.zeros(count)
        rows["reasoned"][reasons] = 1 + 700 * factor[reasons] * np.exp(
            0.9 * rng.standard_normal(len(reasons))
        )
        total = np.cumsum(added + rows["output"])
        before = total - added - rows["output"]
        history: Array = np.minimum(before - before[first], WINDOW)
        rows["input"] = self._roster.system_tokens.array[rows["look"]] + history + added
        return history

    def _pasted(self, rows: Rows, account: Taken, prompt: Array) -> Array:
        """Tokens of files and documents beside the prompt."""
        rng, count = self._rng, len(rows["turn"])
        pasted = np.zeros(count)
        chance, is_first, context = rng.random(count), rows["turn"] == 1, account["context"]
        pastes = np.flatnonzero((context == 1) & (chance < 0.6))
        later = 400 * np.exp(rng.standard_normal(len(pastes)))
        files = self._code[rng.integers(0, len(self._code), len(pastes))]
        pasted[pastes] = np.where(is_first[pastes], files, later)
        pastes = np.flatnonzero((context == 0) & is_first & (chance < 0.15))
        pasted[pastes] = self._chats[rng.integers(0, len(self._chats), len(pastes)), 0] // 2
        serves = np.flatnonzero(context > 1)
        length = quantiles(rng, self._input, context[serves] - 2)
        pasted[serves] = np.maximum(0, length - prompt[serves])
        return pasted

    def _time(self, rows: Rows, account: Taken, at: Array, turns: tuple[Array, Array]) -> None:
        """When each turn is answered, and how long that took."""
        rng, count = self._rng, len(rows["turn"])
        first, owner = turns
        model = rows["model"]
        written = rows["output"] + rows["reasoned"]
        latency = _FIRST_MS[model] * (1 + rows["input"] / 40_000) + written * _TOKEN_MS[model]
        latency *= np.exp(0.25 * rng.standard_normal(count))
        rows["latency"] = latency
        think = account["gap_s"] * np.exp(0.9 * rng.standard_normal(count))
        passed = np.cumsum(np.where(rows["turn"] == 1, 0.0, latency / 1000 + think))
        rows["at"] = ((at + passed - passed[first][owner]) * 1000).astype(np.int64)

    def _fail(self, rows: Rows) -> None:
        """Errors of calm hours and of bad ones; a failed request has no answer."""
        chance = self._rng.random(len(rows["turn"]))
        status = _STATUSES[np.searchsorted(_REACH, chance)]
        first, last = rows["at"].min() / 1000, rows["at"].max() / 1000
        for incident in self._provider.incidents:
            if incident.start > last or incident.end < first:
                continue
            is_bad = (rows["at"] >= incident.start * 1000) & (rows["at"] < incident.end * 1000)
            bad = np.flatnonzero(is_bad)
            status[bad[self._rng.random(len(bad)) < incident.error_ratio]] = OVERLOADED
        rows["status"] = status
        failed = np.flatnonzero(status >= 400)
        rows["latency"][failed] = 45 * np.exp(0.5 * self._rng.standard_normal(len(failed)))


def taken(rows: Array, places: Array) -> Array:
    """Rows at some places, in their order."""
    return rows.view(_WHOLE)[places].view(REQUEST)


def together(parts: Sequence[Array]) -> Array:
    """Rows of all parts, one after the other."""
    return np.concatenate([rows.view(_WHOLE) for rows in parts]).view(REQUEST)


def tail_of(rows: Rows) -> Array:
    """One number for all that is one of few: labels, language, wish to reason, images, model, tool calls."""
    calls = np.where(rows["status"] < 400, rows["calls"] + 1, 0)
    tail = rows["labels"].astype(np.int32)
    for name, values in TAIL[1:-1]:
        tail = tail * values + rows[name]
    return tail * TAIL[-1][1] + calls


def read_tail(tail: int) -> dict[str, int]:
    """What `tail_of` had put together; ``calls`` is -1 where none are told."""
    said = {}
    for name, values in reversed(TAIL[1:]):
        tail, said[name] = divmod(tail, values)
    said["calls"] -= 1
    return said | {"labels": tail}


def without_calls(tail: Any) -> Any:
    """The tail of a refused request, or of many: nobody called a tool."""
    return tail - tail % TAIL[-1][1]


def quantiles(rng: np.random.Generator, tables: Array, which: Array) -> Array:
    """A value for each, from its table of evenly spaced quantiles."""
    place = rng.random(len(which)) * (tables.shape[1] - 1)
    low = place.astype(np.int64)
    below, above = tables[which, low], tables[which, low + 1]
    values: Array = below + (place - low) * (above - below)
    return values
