"""A scenario: traffic of one seed, its truth, and what it cost whoever attacked.

Whoever judges a policy plays a `Traffic` event by event and may stand in its way: the *gate* says
what the gateway answers, and the people and attackers in the traffic live with that answer.

Glossary: *gate* what the gateway does with a request before it is served; *planned* what a campaign
would have harvested had nobody stood in its way; *account-day* one honest account that could be
wronged for one day.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from msgspec import Struct

from stream_guard.simulator.draws import Split

Gate = Callable[[str, float], int]
"""(account_id, occurred_at) -> HTTP status that the gateway gives: 0 let through, else 429 or 403.

Called once for each request, in the order of time, right before its event is yielded.
"""

Level = Literal["naive", "careful", "informed"]
LEVELS: tuple[Level, ...] = ("naive", "careful", "informed")


class Truth(Struct, frozen=True, kw_only=True):
    """What an account is: one row of the truth file (evaluation only)."""

    account_id: str
    label: Literal["benign", "campaign"]
    campaign: str | None
    kind: str


class Costs(Struct, frozen=True, kw_only=True):
    """What one campaign has spent so far."""

    accounts: int  # opened, replacements included
    cards: int
    proxies: int  # addresses rented
    usd: float  # of all this, at drawn prices; tokens are not in it


class Complaint(Struct, frozen=True, kw_only=True):
    """An honest customer writes to the provider because he was refused."""

    account_id: str
    at: float
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to draw."""

    seed: int = 1
    split: Split = "tune"
    scale: float = 1.0  # accounts and exchanges of the campaigns, against those of the record
    level: Level = "careful"
    days: float | None = None  # None: the longest that its parts ask for
    accounts: int | None = None  # honest accounts of the background; None: by the campaigns' size
    sketch_ratio: float = 0.0  # events that carry a prompt sketch
    start: float = 1_776_816_000.0  # 22 April 2026, midnight UTC


class Traffic(Protocol):
    """One drawn scenario.  It is played once."""

    planned: Mapping[str, int]
    """Campaign -> answered exchanges it would have had unopposed, up to what has been played."""
    costs: Mapping[str, Costs]
    """Campaign -> what it has spent so far."""
    account_days: Mapping[str, float]
    """Kind of honest account -> days that its accounts were in use, up to what has been played."""
    complaints: list[Complaint]
    span: tuple[float, float]
    """Event time that the traffic covers: start, end."""

    def events(self, gate: Gate | None = None) -> Iterator[bytes]:
        """JSON lines without their ends, strictly in time order, made as they are asked for.

        Where the gate refuses, the event's status is the gate's, and whoever sent it reacts: fails
        over, slows down, opens another account, tries again, gives up or complains.
        """
        ...

    def truth(self) -> Iterable[Truth]:
        """One row for each account that has been seen so far; all of them when all is played."""
        ...
