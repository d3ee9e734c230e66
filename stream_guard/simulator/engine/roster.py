"""Who there is: one row per account, and the pieces of text that its events are made of.

An account is what the provider knows of it (`SignUp`), how its client speaks (`Manner`), where it
sits (`Places`), what it asks (`Interest`) and when (`Habit`).  `Roster.add` packs all five into one
row of a structured array and appends constant text to shared lists, so that thousands of events are
drawn at once and put into words by joining pieces.

Columns lie apart, so that what a draw needs of many accounts is close together.

Bound: 250 bytes a row and about 1 kB of text per account, for the whole run.

Glossary: *look* what a client keeps constant: all but model, network and conversation; *piece* a part
of a JSON line that ends in a comma.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_guard.simulator.draws import Draw
from stream_guard.simulator.engine.pool import TOPIC_STEPS, Pool, TaskList
from stream_guard.simulator.identities import Build, phone_prefix, public_domain
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
FOREVER: Final = 4e9  # seconds: after any traffic

ACCOUNT: Final = np.dtype(
    [
        ("campaign", "i2"), ("per_min", "i4"), ("per_day", "i4"), ("begin", "f8"), ("end", "f8"),
        # how it speaks
        ("look", "i4"), ("looks", "i2"), ("plain", "i4"), ("plains", "i2"), ("model", "i1"),
        ("other_model", "i1"), ("other_ratio", "f4"), ("tools", "i4"), ("tools_ratio", "f4"),
        ("reasoning_ratio", "f4"), ("images_ratio", "f4"), ("max_tokens", "i4"), ("context", "i2"),
        ("end_users", "i4"), ("end_user_salt", "u4"), ("templates", "i4"), ("eager", "f4"),
        # where it sits
        ("home", "i4"), ("homes", "i2"), ("steep", "f4"), ("away", "i4"), ("aways", "i2"),
        ("away_ratio", "f4"),
        # what it asks
        ("mix", "i4"), ("topics", "u1", (TOPIC_STEPS,)), ("language", "i1"), ("language_ratio", "f4"),
        ("list", "i4"), ("list_ratio", "f4"), ("follow_ratio", "f4"), ("is_dry", "?"),
        # when
        ("sessions", "f4"), ("curve", "i4"), ("shift", "i4"), ("rest", "f4"), ("weekend", "f4"),
        ("spread", "f4"), ("shape", "f4"), ("is_gamma", "?"), ("turns", "f4"), ("gap_s", "f4"),
    ]
)  # fmt: skip

System = tuple[str, int]  # hash and tokens of a system prompt


@dataclass(slots=True)
class SignUp:
    """What an account gives when it is opened; None: its own."""

    kind: str
    country: str
    created_at: float
    campaign: int = -1
    tier: str = "pay_as_you_go"
    payment_id: str | None = None
    org_id: str | None = None
    device: str | None = None
    email_domain: str | None = None
    address: Address | None = None
    referral: str | None = None


@dataclass(slots=True)
class Manner:
    """How a client speaks."""

    build: Build
    model: Model = MEDIUM
    other_model: Model = LARGE
    other_ratio: float = 0.0
    surface: str = "api"
    temperature: float | None = None
    max_tokens: int | None = None
    stream: bool | None = None
    keys: Sequence[str] = ()
    systems: Sequence[System] = ()  # one per conversation, the first most often
    plain_systems: Sequence[System] | None = None  # of what is not from the list; None: the same
    templates: int = 0  # a set of `Roster.template_set`
    tools: tuple[str, ...] = ()
    tools_ratio: float = 1.0
    reasoning_ratio: float | None = None
    images_ratio: float = 0.0
    end_users: int = 0
    end_user_salt: int | None = None
    context: int = 0  # 0 a chat, 1 code, from 2 on a service with the lengths of a ServeGen client
    eager: float = 0.0  # how soon it moves to a new model: share of its requests after a day


@dataclass(slots=True)
class Places:
    """Where requests come from."""

    homes: Sequence[Address]
    steep: float = 1.0  # 1: evenly; more: mostly the first
    aways: Sequence[Address] = ()
    away_ratio: float = 0.0


@dataclass(slots=True)
class Interest:
    """What somebody asks."""

    mix: int  # of `Roster.mix`
    topics: Array  # of `Roster.topics`
    language: str = "en"
    language_ratio: float = 0.0  # asked in that language, where the use has it
    tasks: int = -1  # a list of `Roster.task_list`
    list_ratio: float = 1.0  # conversations that work through the list
    follow_ratio: float = 0.0  # of these, with a second turn
    is_dry: bool = False  # no follow-up questions: each turn is a new prompt


@dataclass(slots=True)
class Habit:
    """When somebody comes, and for how long he stays."""

    per_day: float  # conversations, on an average day of use; 0: somebody else deals him work
    curve: int = 0  # of `Roster.curve`: hours of two weeks, mean one
    shift: int = 0  # hours that his clock is ahead
    rest: float = 0.0  # days without any
    weekend: float = 1.0  # weekend days against others
    spread: float = 0.0  # better and worse days: sigma of the logarithm
    shape: float = 1.0  # of the law of gaps
    is_gamma: bool = True
    turns: float = 1.0
    gap_s: float = 60.0
    begin: float = 0.0
    end: float = FOREVER


@dataclass(slots=True)
class Member:
    """All five together."""

    given: SignUp
    manner: Manner
    places: Places
    interest: Interest
    habit: Habit = field(default_factory=lambda: Habit(0.0))


class Columns:
    """The accounts' numbers, by column; `of` takes those of some accounts."""

    def __init__(self) -> None:
        self.size = 0
        self._arrays: dict[str, Array] = {}
        self._grow(1024)

    def _grow(self, room: int) -> None:
        grown = np.zeros(room, ACCOUNT)
        for name in ACCOUNT.names or ():
            column = np.ascontiguousarray(grown[name])
            if self.size:
                column[: self.size] = self._arrays[name][: self.size]
            self._arrays[name] = column

    def append(self, row: tuple[Any, ...]) -> int:
        """Add an account; its index."""
        if self.size == len(self._arrays["campaign"]):
            self._grow(2 * self.size)
        for column, value in zip(self._arrays.values(), row, strict=True):
            column[self.size] = value
        self.size += 1
        return self.size - 1

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name][: self.size]

    def of(self, accounts: Array) -> "Taken":
        """The columns of some accounts, in this order."""
        return Taken(self._arrays, accounts)

    def one(self, account: int, name: str) -> Any:
        """One number of one account."""
        return self._arrays[name][account]


class Taken:
    """Columns of some accounts, taken when they are asked for."""

    def __init__(self, arrays: dict[str, Array], accounts: Array) -> None:
        self._arrays = arrays
        self._accounts = accounts
        self._taken: dict[str, Array] = {}

    def __len__(self) -> int:
        return len(self._accounts)

    def __getitem__(self, name: str) -> Array:
        if name not in self._taken:
            self._taken[name] = self._arrays[name][self._accounts]
        return self._taken[name]

    def topics(self, places: Array) -> Array:
        """One topic for each, at a place of its own."""
        return self._arrays["topics"][self._accounts, places]


class Roster:
    """All accounts of one traffic."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.table = Columns()
        self.ids: list[str] = []
        self.kinds: list[str] = []
        self.heads: list[str] = []  # per account
        self.looks: list[str] = []
        self.system_tokens = Growing(np.float32)  # per look
        self.places: list[str] = []
        self.tools: list[str] = [""]
        self.templates: list[str] = [""]
        self.template_first = Growing(np.int64, len(pool.uses))
        self.template_count = Growing(np.int64, len(pool.uses))
        self.mixes = Growing(np.uint8, 256)
        self.curves = Growing(np.float32, 336)
        self.lists: list[TaskList] = []
        self._tools: dict[tuple[str, ...], int] = {(): 0}
        self._place_of: dict[Address, int] = {}
        self._mix_of: dict[bytes, int] = {}
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
        self.heads.append(head)
        self.kinds.append(member.given.kind)
        return self.table.append(self._row(draw, member))

    def _row(self, draw: Draw, member: Member) -> tuple[Any, ...]:
        given, manner, places = member.given, member.manner, member.places
        asked, habit = member.interest, member.habit
        look = self._look(manner, manner.systems)
        plain = look if manner.plain_systems is None else self._look(manner, manner.plain_systems)
        home, away = self._place(places.homes), self._place(places.aways)
        return (
            given.campaign, LIMITS_PER_MIN[given.tier], LIMITS_PER_DAY.get(given.tier, UNLIMITED),
            max(habit.begin, given.created_at), habit.end,
            *look, *plain, MODELS.index(manner.model), MODELS.index(manner.other_model), manner.other_ratio,
            self._offer(manner.tools), manner.tools_ratio if manner.tools else 0.0,
            -1.0 if manner.reasoning_ratio is None else manner.reasoning_ratio,
            manner.images_ratio, manner.max_tokens or 16_000, manner.context, manner.end_users,
            draw.rng.getrandbits(32) if manner.end_user_salt is None else manner.end_user_salt,
            manner.templates, manner.eager,
            *home, places.steep, *away, places.away_ratio if places.aways else 0.0,
            asked.mix, asked.topics, LANGUAGES.index(asked.language) if asked.language in LANGUAGES else 0,
            asked.language_ratio, asked.tasks, asked.list_ratio if asked.tasks >= 0 else 0.0,
            asked.follow_ratio, asked.is_dry,
            habit.per_day, habit.curve, habit.shift, habit.rest, habit.weekend, habit.spread, habit.shape,
            habit.is_gamma, habit.turns, habit.gap_s,
        )  # fmt: skip

    def _look(self, manner: Manner, systems: Sequence[System]) -> tuple[int, int]:
        first = len(self.looks)
        for system in systems or ((None, 0),):
            for key in manner.keys or (None,):
                said = {
                    "operation": "embeddings" if manner.model is EMBED else "chat",
                    "surface": manner.surface,
                    "max_tokens": manner.max_tokens,
                    "temperature": manner.temperature,
                    "user_agent": manner.build.user_agent,
                    "tls_fingerprint": manner.build.tls_fingerprint,
                    "api_key_id": key,
                    "stream": manner.stream,
                    "system_prompt_hash": system[0],
                }
                self.looks.append(piece(said))
                self.system_tokens.add(system[1])
        return first, len(self.looks) - first

    def _place(self, addresses: Iterable[Address]) -> tuple[int, int]:
        addresses = list(addresses)
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
            self.tools.append(piece({"tools": tools}))
        return self._tools[tools]

    def template_set(self, templates: dict[str, list[str]]) -> int:
        """Wrappers by way of use ("" for all), the first most often."""
        first, count = np.zeros(len(self.pool.uses), np.int64), np.zeros(len(self.pool.uses), np.int64)
        for use, hashes in sorted(templates.items()):  # "" comes first: a use's own are set after it
            where = slice(None) if not use else self.pool.uses.index(use)
            first[where], count[where] = len(self.templates), len(hashes)
            self.templates.extend(piece({"prompt_template_hash": text}) for text in hashes)
        self.template_first.add(first)
        return self.template_count.add(count)

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


class Growing:
    """Rows that are added one at a time and read as one array."""

    def __init__(self, dtype: Any, width: int | None = None) -> None:
        self._width = width
        self._array: Array = np.zeros(64 if width is None else (64, width), dtype)
        self._size = 0

    def add(self, row: Any) -> int:
        """Append; the new row's index."""
        if self._size == len(self._array):
            self._array = np.concatenate([self._array, np.zeros_like(self._array)])
        self._array[self._size] = row
        self._size += 1
        return self._size - 1

    @property
    def array(self) -> Array:
        """All rows."""
        return self._array[: self._size]


def topics(draw: Draw, breadth: float = 0.3) -> Array:
    """Topics that somebody asks about, few or many, ready to draw from by six bits."""
    shares = np.cumsum(draw.shares(TOPICS, breadth))
    steps = (np.arange(TOPIC_STEPS) + 0.5) / TOPIC_STEPS
    return np.searchsorted(shares, steps).clip(0, TOPICS - 1).astype(np.uint8)


_encode = msgspec.json.Encoder().encode


def piece(said: dict[str, Any]) -> str:
    """A part of an event that ends in a comma; what is None is left out."""
    text = _encode({key: value for key, value in said.items() if value is not None}).decode()
    return text[1:-1] + "," if text != "{}" else ""


def place_piece(address: Address) -> str:
    """What an event says of its network."""
    return (
        f'"client_ip":"{address.ip}","asn":{address.asn},"ip_country":"{address.country}",'
        f'"network_type":"{address.network_type}",'
    )


def sign_up(draw: Draw, given: SignUp, home: Address) -> tuple[str, str]:
    """The account's id and what all its events say of it."""
    payment = None if given.tier == "free" else given.payment_id or draw.opaque("pm_")
    indicators = {
        "device": given.device or draw.opaque("dev_"),
        "email_domain": given.email_domain or public_domain(draw),
        "signup_ip": (given.address or home).ip,
    }
    if given.tier == "free" or draw.chance(0.3):
        indicators["phone_prefix"] = phone_prefix(draw, given.country)
    if given.referral is not None:
        indicators["referral"] = given.referral
    account_id = draw.opaque("acc_")
    head = {
        "account_id": account_id,
        "org_id": given.org_id,
        "payment_id": payment,
        "billing_country": payment and given.country,
        "account_created_at": round(given.created_at, 3),
        "tier": given.tier,
        "indicators": indicators,
    }
    return account_id, piece(head)
