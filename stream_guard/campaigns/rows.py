"""What CAMPAIGNS keeps: rows of its one partition.

| key | row | bound |
|---|---|---|
| ``g:`` indicator | `SuspectRow`: a suspected group | `MAX_MEMBERS` names |
| ``a:`` account | `AccountRow`: a member of a suspected group | one per such account |
| ``c:`` campaign | `CampaignRow` | `MAX_GROUPS` groups, `MAX_LISTED` names |
| ``m:`` campaign, bucket | `MembersRow`: all who belong to it | `BUCKETS` a campaign |
| ``v:`` indicator | `ValueRow`: who of a campaign shows it | what members show |
| ``index`` | `IndexRow`: living campaigns | `MAX_CAMPAIGNS`, the longest silent leaves first |
| ``labels`` | `LabelsRow`: what operators' labels taught | one |

Accounts leave with their last suspected group, suspected groups when they fall back or their campaign ends.
Who was cleared by an operator stays.
"""

from zlib import crc32

from msgspec import Struct

from stream_guard.campaigns.labels import LabelModel
from stream_guard.clock import DAY_MS
from stream_guard.records import Evidence

MAX_MEMBERS = 1024
MAX_GROUPS = 1024
MAX_LISTED = 256
MAX_TIMELINE = 32
MAX_CAMPAIGNS = 4096
BUCKETS = 64  # of the accounts that belong to a campaign
CONDUCT_REQUESTS = 8  # below, an account has no conduct to speak of
NEWS = 0.05  # of score, from which a verdict that stands is said again
AGAIN_MS = DAY_MS  # event time after which a verdict that stands is sent again, news or not
FITS = 0.5  # nats of conduct fit from which an account looks like one of the campaign's
INDEX = "index"
LABELS = "labels"


class SuspectRow(Struct, array_like=True, tag="g"):
    """A suspected group, as its newest finding says."""

    indicator: str
    log_e: float = 0.0
    line: float = 0.0
    share: float = 0.0
    size: int = 0
    units: int = 0  # unrelated customers among them
    causes: tuple[tuple[str, float], ...] = ()  # each cause that could speak, and its log e-value
    evidence: tuple[Evidence, ...] = ()
    members: dict[str, float | None] = {}  # accounts that findings named -> fit; None: no conduct yet
    inside: int = 0  # accounts of its campaign that show it
    campaign: str = ""
    seen_at: int = 0  # ms, its newest finding
    honest: float = -1.0  # share of honest accounts among its members (`makeup.py`); below 0: unknown
    refitted: int = 0  # members whose fit has changed since it was counted,
    counted: int = 0  # and ``inside`` then


class AccountRow(Struct, array_like=True, tag="a"):
    """An account that stands in a suspected group."""

    account_id: str
    requests: int = 0
    answered: int = 0
    unit: str = ""
    segment: str = ""
    fits: dict[str, float] = {}  # suspected group -> how well its conduct fits, in nats
    campaign: str = ""  # it belongs to, as core or by odds
    is_core: bool = False
    verdict: str = ""  # campaign that it is sentenced for; empty: none
    said: tuple[str, float, bool] = ("", 0.0, False)  # kind, score and coldness of the verdict that stands
    votes: dict[str, float] = {}  # as last weighed, for labels to learn from
    fit: float = 0.0
    indicators: tuple[str, ...] = ()  # all that it shows,
    shares: tuple[float, ...] = ()  # and the share of honest accounts, from above, that show each
    among: int = 0  # accounts that the shares are of
    is_charged_back: bool = False
    is_cleared: bool = False  # an operator said that the verdict was wrong
    said_at: int = 0  # ms, when a verdict was last sent
    network: str = ""  # value of its `network:` indicator, the first by name where it shows several
    seen_at: int = 0  # ms, the newest finding that named it
    last_at: int = 0  # ms, its newest event that a finding told of
    past: int = 0  # of `answered`: in lives before, since when it was forgotten for long silence
    moved: float = 0.0  # nats by which its fits have changed since it was last weighed

    @property
    def is_beyond_doubt(self) -> bool:
        """Whether it is sentenced, and so clearly that what speaks against it besides would be no news."""
        return bool(self.verdict) and self.said[1] > 1 - NEWS


class CampaignRow(Struct, array_like=True, tag="c"):
    """A campaign."""

    campaign_id: str
    founded_at: int  # ms
    changed_at: int  # ms, last sign of life
    kind: str = "unknown"
    core: tuple[str, ...] = ()
    count: int = 0  # accounts that belong to it
    listed: dict[str, None] = {}  # the first of them, for whoever looks
    groups: dict[str, None] = {}  # its indicators
    weighed: int = 0  # `count` when all accounts of its groups were last weighed
    around: int = 0  # accounts that stand in its groups and do not belong to it, as of then
    harvested: int = 0  # answered requests of its accounts
    measured: int = 0  # `count` when the traits were counted
    traits: dict[str, tuple[float, float]] = {}  # dimension -> p, q (`traits.py`)
    evidence: tuple[Evidence, ...] = ()  # of the group that speaks most against it
    spokesman: str = ""  # that group
    log_e: float = 0.0
    timeline: tuple[tuple[float, str], ...] = ()
    settled: int = 0  # `count` when all who belong to it were last weighed
    told_at: int = 0  # ms, when its state was last sent
    is_news: bool = False  # it has grown, shrunk or changed in kind since then
    prompts: dict[str, int] = {}  # that its accounts show -> which come together (`prompts.py`),
    several: tuple[float, float] = (0.0, 1.0)  # and shares of its own and of honest accounts with several

    @property
    def is_cold(self) -> bool:
        """Whether all that speaks against it rests on shipped priors."""
        return bool(self.evidence) and all(evidence.is_cold for evidence in self.evidence)

    def note(self, now: int, what: str) -> None:
        """Add a line to the timeline; the oldest but the founding leaves."""
        lines = (*self.timeline, (now / 1000, what))
        self.timeline = lines if len(lines) <= MAX_TIMELINE else (lines[0], *lines[2:])


class ValueRow(Struct, array_like=True, tag="v"):
    """An indicator that accounts of campaigns show."""

    inside: dict[str, int] = {}  # campaign -> accounts of it that show it
    share: float = 0.0  # of honest accounts that show it, from above
    accounts: int = 0  # that the share is of


class MembersRow(Struct, array_like=True, tag="m"):
    """Accounts that belong to a campaign, those of one bucket."""

    accounts: dict[str, None] = {}


class IndexRow(Struct, array_like=True, tag="i"):
    """Living campaigns and when they last gave a sign of life."""

    campaigns: dict[str, int] = {}


class LabelsRow(Struct, array_like=True, tag="l"):
    """The model that operators' labels teach."""

    model: LabelModel


Row = SuspectRow | AccountRow | CampaignRow | MembersRow | ValueRow | IndexRow | LabelsRow


def suspect_key(indicator: str) -> str:
    """Key of a suspected group."""
    return "g:" + indicator


def account_key(account_id: str) -> str:
    """Key of an account."""
    return "a:" + account_id


def value_key(indicator: str) -> str:
    """Key of an indicator that accounts of campaigns show."""
    return "v:" + indicator


def members_key(campaign_id: str, bucket: int) -> str:
    """Key of one bucket of those who belong to a campaign."""
    return f"m:{campaign_id}/{bucket}"


def bucket_of(account_id: str) -> int:
    """The bucket of an account."""
    return crc32(account_id.encode("utf-8", "surrogatepass")) % BUCKETS


def campaign_key(campaign_id: str) -> str:
    """Key of a campaign."""
    return "c:" + campaign_id
