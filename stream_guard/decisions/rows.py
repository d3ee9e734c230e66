"""What DECISIONS keeps, row by row; every part is bounded.

| row | key | bound |
| --- | --- | --- |
| `AccountRow` | ``a:<account>`` | three claims of `MAX_EVIDENCE` lines; gone when all is over |
| `StandingRow` | ``s:<bucket>`` | names of accounts with a claim, in `BUCKETS` rows |
| `TimerRow` | ``t:<minute>`` | at most `TIMER_NAMES` names; full ones move to ``t:<minute>:<n>`` |
| `BudgetRow` | ``budget`` | as many times as blocks are allowed in an hour |
| `OrgRow` | ``x:org:<id>`` | as many as operators name |
| `NetworksRow` | ``x:networks`` | `MAX_NETWORKS` networks |
| `SwitchesRow` | ``x:shadow`` | `MAX_SWITCHES` rules |

Times are Unix ms of event time; 0 means never, `durations.FOREVER` without end.

Glossary: *claim* a verdict that stands, and since when; *word* what an operator said of an account,
an organisation or a network.
"""

from msgspec import Struct

from stream_guard.records import Action, Evidence, Verdict

MAX_EVIDENCE = 8  # lines per claim and per decision
MAX_REASONS = 8
MAX_NETWORKS = 1000
MAX_SWITCHES = 256
BUCKETS = 1024
TIMER_NAMES = 500


class Claim(Struct, array_like=True):
    """A verdict that stands; a source has at most one."""

    verdict: Verdict
    said_at: int  # when it was last said
    rule: str = ""  # the rule that spoke for it last: it lets go a little later than it takes hold


class Held(Struct, array_like=True):
    """The decision in force, as it was announced."""

    action: Action
    limit_per_min: int | None
    campaign_id: str
    is_shadow: bool
    since: int  # in force like this since
    decided_at: int
    expires_at: int
    rule: str = ""  # that it rests on


class Word(Struct, array_like=True):
    """The newest of its kind that operators said."""

    verb: str  # exempt or unexempt; revoke or label
    spoken_at: float = 0.0  # Unix seconds of the operator's clock: orders words
    until: int = 0
    author: str = ""


class AccountRow(Struct, array_like=True, tag="a"):
    """All that is held of one account."""

    claims: list[Claim] = []
    held: Held | None = None  # None: allow
    sequence: int = 0  # decisions made so far
    returns: int = 0  # came back under a decision, within memory
    ended_at: int = 0  # when the last decision ended by itself
    wake_at: int = 0  # next timer
    pardoned_at: int = 0  # what was said up to then does not count
    exemption: Word | None = None
    pardon: Word | None = None
    tier: str = ""
    org_id: str = ""
    network: str = ""


class StandingRow(Struct, array_like=True, tag="s"):
    """Accounts against whom something stands, so that a wide word finds them."""

    accounts: list[str] = []


class TimerRow(Struct, array_like=True, tag="t"):
    """Accounts to look at in one minute."""

    accounts: list[str] = []
    full: int = 0  # rows of the same minute that are full


class BudgetRow(Struct, array_like=True, tag="b"):
    """When accounts were blocked, in the last hour."""

    blocked_at: list[int] = []


class OrgRow(Struct, array_like=True, tag="o"):
    """What operators said of an organisation."""

    word: Word


class NetworksRow(Struct, array_like=True, tag="n"):
    """What operators said of networks."""

    words: dict[str, Word] = {}


class SwitchesRow(Struct, array_like=True, tag="w"):
    """What operators put into shadow: everything, or single rules."""

    words: dict[str, Word] = {}


Row = AccountRow | StandingRow | TimerRow | BudgetRow | OrgRow | NetworksRow | SwitchesRow


def trimmed(verdict: Verdict) -> Verdict:
    """A verdict with its strongest evidence and first reasons only, and without the operator's word."""
    if len(verdict.evidence) <= MAX_EVIDENCE and len(verdict.reasons) <= MAX_REASONS and not verdict.control:
        return verdict
    return Verdict(
        account_id=verdict.account_id,
        source=verdict.source,
        kind=verdict.kind,
        score=verdict.score,
        campaign_id=verdict.campaign_id,
        evidence=strongest(verdict.evidence),
        reasons=verdict.reasons[:MAX_REASONS],
        tier=verdict.tier,
        org_id=verdict.org_id,
        network=verdict.network,
        is_cold=verdict.is_cold,
        trigger=verdict.trigger,
    )


def strongest(evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """At most `MAX_EVIDENCE` lines, the heaviest first; equal ones in a fixed order."""
    return tuple(sorted(evidence, key=lambda line: (-line.weight, line))[:MAX_EVIDENCE])
