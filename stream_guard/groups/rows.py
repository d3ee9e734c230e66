"""What GROUPS keeps, row by row.

| key | row | bound |
|---|---|---|
| the indicator | `GroupRow`: names and totals | `max_members` names, `MAX_ARRIVALS` profiles |
| indicator, U+001F, account | `MemberRow`: newest profile | `max_members` a group, none in one of one |
| U+0002 ``state`` | `StateRow`: candidates, pending ticks | one per partition |
| U+0002 ``pending/<tick>`` | `PendingRow`: groups to judge | until the next judgement |
| U+0002 ``level/<n>`` | `LevelRow`: what honest accounts of 2^(n-1) requests show | about 25 per partition |
| U+0002 ``sign_ups`` | `SignUpsRow`: when honest accounts signed up | `MAX_SLOTS` counts |
| U+0002 ``popular/<bucket>`` | `PopularRow`: how many honest accounts show a value | 1,024 a partition |
| U+0002 ``lit/<account>`` | `LitRow`: fits suspected groups, teaches nothing | members of suspected groups |

A group that is silent for long ends, and its members' rows with it (`stage.Groups.forget`); of one that lives
on, members that are silent for long leave.
"""

from msgspec import Struct

from stream_guard.records import Evidence, Profile

EVERYONE = 1 << 32  # above any CRC-32
MAX_ARRIVALS = 64
MAX_SLOTS = 1024
STATE = "\x02state"
SIGN_UPS = "\x02sign_ups"
POPULAR = "\x02popular"


class GroupConduct(Struct, array_like=True):
    """How a suspected group behaves, for its members to be held against (`fit.py`)."""

    counts: list[bytes] = []  # statistic -> members per bin, one byte each
    toward: bytes = b""  # 64 doubles: direction of its prompts, where they are the same


class GroupRow(Struct, array_like=True, tag="g"):
    """A group: who is in it, and totals over their newest profiles (integers, so that order can not show)."""

    members: dict[str, int]  # account -> requests that its kept profile covers; 0: none kept
    founded_at: int  # ms
    cut: int = EVERYONE  # accounts are kept whose CRC-32 lies below
    profiled: int = 0  # members with a kept profile
    requests: int = 0
    answered: int = 0
    info: int = 0  # sum of the profiled members' levels: how much there is to judge by
    judge_at: int = 0  # `info` from which it is judged again
    is_candidate: bool = False
    units: int = 0  # as last judged
    log_e: float = 0.0  # as last sent
    line: float = 0.0
    share: float = 0.0
    candidates: int = 0
    evidence: tuple[Evidence, ...] = ()
    causes: tuple[str, ...] = ()  # causes with a vote; empty: not suspected
    heard: tuple[tuple[str, float], ...] = ()  # each cause that could speak, and its log e-value
    sent: dict[str, int] = {}  # suspected: member -> requests covered by what was last sent of it
    conduct: GroupConduct | None = None  # suspected: how it behaves
    arrivals: list[Profile] = []  # suspected: newest profiles of accounts beyond the sample
    seen_at: int = 0  # ms, when it was last changed; of a lone account's group only roughly
    pruned_at: int = 0  # ms, `seen_at` when silent members were last taken out; 0: never


class MemberRow(Struct, array_like=True, tag="m"):
    """One member's newest profile in one group."""

    profile: Profile


class StateRow(Struct, array_like=True, tag="s"):
    """What a partition knows of itself."""

    accounts: int = 0  # accounts whose first profile taught here
    candidates: int = 0  # groups with enough units and positive weight
    suspected: int = 0  # candidates that stand above the line of suspicion
    judge_at: int = 0  # ms
    pending: list[int] = []  # ticks with a PendingRow


class PendingRow(Struct, array_like=True, tag="p"):
    """Groups that changed enough in one tick to be judged at the next boundary."""

    indicators: list[str]


class LevelRow(Struct, array_like=True, tag="l"):
    """What accounts of one level show: a histogram per statistic, and the mean of their mean sketches."""

    seen: int = 0  # accounts that taught, ever
    counts: list[list[int]] = []  # statistic x bin; halved now and then, so that old times fade
    scored: int = 0  # `seen` when what follows was made
    prior: list[list[float]] = []  # statistic x bin: pseudo-accounts, borrowed or shipped
    scores: list[list[float]] = []  # statistic x bin: normal score
    doubts: list[float] = []  # statistic: how much of it was not learnt here, 0 to 1
    rate_spread: float = 0.0  # standard deviation of the log rate
    sketched: int = 0
    centre: bytes = b""  # 64 doubles: mean of mean sketches
    drift: bytes = b""  # 64 doubles: mean of their unit vectors about the centre


class SignUpsRow(Struct, array_like=True, tag="u"):
    """Sign-ups of honest accounts by six-hour slot."""

    slots: dict[int, int] = {}
    total: int = 0


class PopularRow(Struct, array_like=True, tag="v"):
    """How many honest accounts show each value of one bucket (`popular.py`), or the total."""

    counts: dict[str, int] = {}
    accounts: int = 0  # in the total: accounts counted
    dropped: int = 0  # largest count that was dropped: what an unknown value may have
    era: int = 0  # how often the counts were halved


class LitRow(Struct, array_like=True, tag="i"):
    """An account of rare suspected groups, or one whose conduct fits a common one."""

    groups: dict[str, None]


Row = GroupRow | MemberRow | StateRow | PendingRow | LevelRow | SignUpsRow | PopularRow | LitRow


def member_key(indicator: str, account_id: str) -> str:
    """Key of a member's row."""
    return f"{indicator}\x1f{account_id}"


def pending_key(tick: int) -> str:
    """Key of a tick's pending groups."""
    return f"\x02pending/{tick}"


def level_key(level: int) -> str:
    """Key of a level's reference."""
    return f"\x02level/{level}"


def popular_key(bucket: int) -> str:
    """Key of a bucket of the popularity counts."""
    return f"{POPULAR}/{bucket}"


def lit_key(account_id: str) -> str:
    """Key of an account's row while it stands in a suspected group."""
    return f"\x02lit/{account_id}"
