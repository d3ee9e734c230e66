"""An account before it is opened: who he is, how his client speaks, where he sits, what he asks, and when.

Glossary: *member* all five together; *system* a system prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from numpy.typing import NDArray

from stream_guard.simulator.identities import Build
from stream_guard.simulator.networks import Address
from stream_guard.simulator.provider import LARGE, MEDIUM, Model

Array = NDArray[Any]
FOREVER: Final = 4e9  # seconds: after any traffic
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

    def opened(self, created_at: float) -> "SignUp":
        """The same, given at another time."""
        return SignUp(
            self.kind, self.country, created_at, self.campaign, self.tier, self.payment_id, self.org_id,
            self.device, self.email_domain, self.address, self.referral,
        )  # fmt: skip


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
