"""What an evaluation came to: the shape of its JSON (docs/evaluation.md says what each field means)."""

from collections.abc import Mapping

from msgspec import Struct

SCHEMA = 1


class Rate(Struct, frozen=True):
    """A count with its rate and the rate's exact 95 % interval."""

    count: int
    value: float | None
    low: float | None
    high: float | None


class CampaignResult(Struct, frozen=True, kw_only=True):
    """One campaign of the truth."""

    campaign: str
    kind: str
    accounts: int  # that asked
    blocked: int
    throttled: int
    challenged: int
    exchanges: int  # in the log, or planned: what it would have had unopposed
    harvested: int
    harvested_ratio: float
    delay_s: float | None  # None: never blocked
    delay_exchanges: int | None
    found_as: str | None
    purity: float | None
    completeness: float
    newcomers: int  # accounts that first asked after the campaign's first block
    newcomers_stopped: int
    newcomer_exchanges: float | None  # median exchanges before their own block; None: half were never
    early: Rate  # accounts that were blocked before half of their first day, of `accounts`
    by_hour: tuple[tuple[float, int, int], ...]  # hours since its first exchange, tried, served
    spent: Mapping[str, float] | None = None  # closed loop: accounts, cards, proxies, usd
    level: str = ""  # closed loop: naive, careful, informed
    scale: float | None = None  # closed loop: size against the record's


class HonestResult(Struct, frozen=True, kw_only=True):
    """Honest accounts of one kind, or all."""

    kind: str
    accounts: int
    account_days: int  # days on which an account asked
    requests: int
    blocked: Rate  # accounts ever blocked; per 100,000 account-days
    throttled: Rate  # ever throttled or challenged, and never blocked; per 100,000 account-days
    blocked_share: Rate  # accounts ever blocked, of `accounts`
    requests_refused: int  # by blocks
    requests_throttled: int
    days_in_use: float | None = None  # closed loop: days that its accounts existed within the traffic


class Result(Struct, frozen=True, kw_only=True):
    """One decider on one traffic."""

    schema: int = SCHEMA
    decider: str
    traffic: str
    mode: str  # open_log or closed_loop
    split: str = "unknown"  # tune, test, unknown
    seed: int | None = None
    scale: float | None = None
    parameters: dict[str, float | str] = {}
    events: int
    unreadable: int = 0
    repeated: int = 0
    unlabelled_accounts: int = 0
    days: float
    cpu_us_per_event: float | None = None  # of the decider alone
    harvested_ratio: float | None  # over all campaigns
    false_blocks: int
    false_blocks_per_100k_account_days: Rate
    honest_requests_refused: int
    purity: float | None
    campaigns: dict[str, CampaignResult]
    honest: dict[str, HonestResult]
    honest_total: HonestResult
    blocks_by_reason: dict[str, tuple[int, int]]  # reason -> blocked accounts: honest, campaign
    enforcement_delay_s: float | None = None  # closed loop: from a decision to its being in force
    complaints: int | None = None  # closed loop: honest customers who wrote in
