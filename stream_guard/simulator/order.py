"""What is ordered of the simulator, and what it hands out beside the events.

Glossary: *gate* what the gateway does with a request before it is served.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

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
    dilution: float | None = None  # ordinary conversations among the campaigns' tasks; None: drawn
    quiet: float | None = None  # honest days before `days`; campaigns begin right after them.  None: there
    # are none, and campaigns begin within the first fifth of `days`
    pace: float = 1.0  # requests of honest accounts, against what they usually ask
