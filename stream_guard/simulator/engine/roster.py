"""Who there is: one row per account, and the pieces of text that its events are made of.

An account is what the provider knows of it (`SignUp`), how its client speaks (`Manner`), where it
sits (`Places`), what it asks (`Interest`) and when (`Habit`).  `Roster.add` packs all five into one
row of numbers and appends constant text to shared lists, so that thousands of events are
drawn at once and put into words by joining pieces.

Bound: 250 bytes of numbers and about 2.5 kB of text per account, for the whole run.

Glossary: *look* what an account and its client keep constant: all but model, network and
conversation; *piece* a part of a JSON line that ends in a comma, as bytes: they are joined in a third of
the time that text takes.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_guard.simulator.draws import Draw
from stream_guard.simulator.engine.columns import Columns, Growing
from stream_guard.simulator.engine.member import Manner, Member, SignUp, System
from stream_guard.simulator.engine.pool import TOPIC_STEPS, Pool, TaskList
from stream_guard.simulator.identities import phone_prefix, public_domain
from stream_guard.simulator.networks import Address
from stream_guard.simulator.prompts import LANGUAGES, TOPICS
from stream_guard.simulator.provider import (
    EMBED,
    LARGE,
    LIMITS_PER_DAY,
    LIMITS_PER_MIN,
    MEDIUM,
    NEW,
    OLD,
    SMALL,
    Model,
)

Array = NDArray[Any]
MODELS: Final[tuple[Model, ...]] = (LARGE, MEDIUM, SMALL, OLD, EMBED, NEW)
UNLIMITED: Final = 1 << 30
_NO_SYSTEM: Final[tuple[tuple[None, int]]] = ((None, 0),)
_NO_KEY: Final = (None,)
_STREAMS: Final = {None: "", False: '"stream":false,', True: '"stream":true,'}
_MODEL_OF: Final = {model.name: index for index, model in enumerate(MODELS)}
_LANGUAGE_OF: Final = {language: index for index, language in enumerate(LANGUAGES)}
VARIANTS: Final = 200  # of one way to spread prompts over uses: more than anybody could tell apart


class Roster:
    """All accounts of one traffic."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.table = Columns()
        self.ids: list[str] = []
        self.kinds: list[str] = []
        self.looks: list[bytes] = []
        self.system_tokens = Growing(np.float32)  # per look
        self.places: list[bytes] = []
        self.tools: list[bytes] = [b""]
        self.templates: list[bytes] = [b""]
        self.template_first = Growing(np.int64, len(pool.uses))
        self.template_count = Growing(np.int64, len(pool.uses))
        self.mixes = Growing(np.uint8, 256)
        self.curves = Growing(np.float32, 336)
        self.lists: list[TaskList] = []
        self._use_of = {use: index for index, use in enumerate(pool.uses)}
        self._tools: dict[tuple[str, ...], int] = {(): 0}
        self._place_of: dict[Address, int] = {}
        self._mix_of: dict[bytes, int] = {}
        self._variants: dict[tuple[tuple[str, float], ...], list[int]] = {}
        self.curves.add(np.ones(336))
        self.template_set({})

    @property
    def size(self) -> int:
        """How many accounts there are."""
        return self.table.size

    def add(self, draw: Draw, member: Member) -> int:
        """Open an account; its index."""
        account_id, head = sign_up(draw, member.given, member.places.homes[0])
        self.ids.append(account_id)
        self.kinds.append(member.given.kind)
        return self.table.append(self._row(draw, member, head))

    def _row(self, draw: Draw, member: Member, head: str) -> tuple[Any, ...]:
        given, manner, places = member.given, member.manner, member.places
        asked, habit = member.interest, member.habit
        look = self._look(head, manner, manner.systems)
        plain = look if manner.plain_systems is None else self._look(head, manner, manner.plain_systems)
        home, away = self._place(places.homes), self._place(places.aways)
        return (
            given.campaign, LIMITS_PER_MIN[given.tier], LIMITS_PER_DAY.get(given.tier, UNLIMITED),
            max(habit.begin, given.created_at), habit.end,
            *look, *plain, _MODEL_OF[manner.model.name], _MODEL_OF[manner.other_model.name],
            manner.other_ratio,
            self._offer(manner.tools), manner.tools_ratio if manner.tools else 0.0,
            -1.0 if manner.reasoning_ratio is None else manner.reasoning_ratio,
            manner.images_ratio, manner.max_tokens or 16_000, manner.context, manner.end_users,
            draw.rng.getrandbits(32) if manner.end_user_salt is None else manner.end_user_salt,
            manner.templates, manner.eager,
            *home, places.steep, *away, places.away_ratio if places.aways else 0.0,
            asked.mix, asked.topics, _LANGUAGE_OF.get(asked.language, 0),
            asked.language_ratio, asked.tasks, asked.list_ratio if asked.tasks >= 0 else 0.0,
            asked.follow_ratio, asked.is_dry,
            habit.per_day, habit.curve, habit.shift, habit.rest, habit.weekend, habit.spread, habit.shape,
            habit.is_gamma, habit.turns, habit.gap_s,
        )  # fmt: skip

    def _look(self, head: str, manner: Manner, systems: Sequence[System]) -> tuple[int, int]:
        first = len(self.looks)
        operation = "embeddings" if manner.model is EMBED else "chat"
        limit = "" if manner.max_tokens is None else f'"max_tokens":{manner.max_tokens},'
        warmth = "" if manner.temperature is None else f'"temperature":{manner.temperature},'
        head = (
            f'{head}"operation":"{operation}","surface":"{manner.surface}",{limit}{warmth}"user_agent":"'
            f'{manner.build.user_agent}","tls_fingerprint":"{manner.build.tls_fingerprint}",'
        )
        streams = _STREAMS[manner.stream]
        for system, tokens in systems or _NO_SYSTEM:
            prompt = "" if system is None else f'"system_prompt_hash":"{system}",'
            for key in manner.keys or _NO_KEY:
                of_key = "" if key is None else f'"api_key_id":"{key}",'
                self.looks.append(f"{head}{of_key}{streams}{prompt}".encode())
                self.system_tokens.add(tokens)
        return first, len(self.looks) - first

    def _place(self, addresses: Sequence[Address]) -> tuple[int, int]:
        if len(addresses) == 1:  # the door of a crowd is written down once
            known = self._place_of.get(addresses[0])
            if known is None:
                known = self._place_of[addresses[0]] = len(self.places)
                self.places.append(place_piece(addresses[0]))
            return known, 1
        first = len(self.places)
        self.places.extend(map(place_piece, addresses))
        return first, len(addresses)

    def _offer(self, tools: tuple[str, ...]) -> int:
        if tools not in self._tools:
            self._tools[tools] = len(self.tools)
            self.tools.append(b'"tools":%b,' % _encode(tools))
        return self._tools[tools]

    def template_set(self, templates: dict[str, list[str]]) -> int:
        """Wrappers by way of use ("" for all), the first most often."""
        uses = len(self.pool.uses)
        first, count = [0] * uses, [0] * uses
        for use in sorted(templates):  # "" comes first: a use's own are set after it
            at, hashes = len(self.templates), templates[use]
            if use:
                where = self._use_of[use]
                first[where], count[where] = at, len(hashes)
            else:
                first, count = [at] * uses, [len(hashes)] * uses
            self.templates += [f'"prompt_template_hash":"{text}",'.encode() for text in hashes]
        self.template_first.add(first)
        return self.template_count.add(count)

    def mix_like(self, draw: Draw, weights: dict[str, float]) -> int:
        """How somebody's prompts are spread over uses: as given, each more or less."""
        variants = self._variants.setdefault(tuple(weights.items()), [])
        if len(variants) == VARIANTS:
            return draw.pick(variants)
        variants.append(self.mix({use: weight * draw.about(1.0, 0.7) for use, weight in weights.items()}))
        return variants[-1]

    def mix(self, weights: dict[str, float]) -> int:
        """How prompts are spread over uses."""
        table = self.pool.mix(weights)
        key = table.tobytes()
        if key not in self._mix_of:
            self._mix_of[key] = self.mixes.add(table)
        return self._mix_of[key]

    def curve(self, hours: Sequence[float] | Array) -> int:
        """A rhythm by hour of two weeks (UTC weeks begin on Monday), scaled to mean one."""
        whole = np.resize(np.asarray(hours, np.float64), 336)
        mean = whole.mean()
        return self.curves.add(whole / mean if mean > 0 else whole + 1)

    def task_list(self, tasks: TaskList) -> int:
        """A list to work through."""
        self.lists.append(tasks)
        return len(self.lists) - 1


def topics(draw: Draw, breadth: float = 0.3) -> Array:
    """Topics that somebody asks about, few or many, ready to draw from by six bits."""
    known = _topic_tables(breadth)
    table: Array = known[draw.below(len(known))]
    return table


@cache
def _topic_tables(breadth: float) -> Array:
    """Some thousand ways to spread an interest over topics (Dirichlet)."""
    rng = np.random.default_rng(round(breadth * 1000))
    reach = np.cumsum(rng.dirichlet([breadth] * TOPICS, 2048), axis=1)
    steps = (np.arange(TOPIC_STEPS) + 0.5) / TOPIC_STEPS
    tables: Array = (reach[:, :, None] < steps).sum(axis=1).clip(0, TOPICS - 1).astype(np.uint8)
    return tables


_encode = msgspec.json.Encoder().encode


def place_piece(address: Address) -> bytes:
    """What an event says of its network."""
    ip, asn, country, kind = address
    return f'"client_ip":"{ip}","asn":{asn},"ip_country":"{country}","network_type":"{kind}",'.encode()


def sign_up(draw: Draw, given: SignUp, home: Address) -> tuple[str, str]:
    """The account's id and what all its events say of it."""
    payment = org = phone = ""
    if given.tier != "free":
        card = given.payment_id or draw.opaque("pm_")
        payment = f'"payment_id":"{card}","billing_country":"{given.country}",'
    device = given.device or draw.opaque("dev_")
    domain = given.email_domain or public_domain(draw)
    if given.tier == "free" or draw.chance(0.3):
        phone = f',"phone_prefix":"{phone_prefix(draw, given.country)}"'
    referral = "" if given.referral is None else f',"referral":"{given.referral}"'
    if given.org_id is not None:
        org = f'"org_id":"{given.org_id}",'
    account_id = draw.opaque("acc_")
    return account_id, (
        f'"account_id":"{account_id}",{org}{payment}"account_created_at":{round(given.created_at, 3)},'
        f'"tier":"{given.tier}","indicators":{{"device":"{device}","email_domain":"{domain}",'
        f'"signup_ip":"{(given.address or home).ip}"{phone}{referral}}},'
    )
