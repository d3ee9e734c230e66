"""Every metric, declared once: kind, labels, help, and what to do about it.

`docs/metrics.md` is generated from here.  Names are ``stream_guard_<stage>_<what>_<unit|total>``;
``<stage>`` is a part of the program, not a label.  Event time and wall clock never mix: what
compares event times says so.

Glossary: *lane* a stage on one partition; *flush* the transaction that makes a lane's work durable.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from stream_guard.telemetry.labels import (
    BY_ACTION,
    BY_CAMPAIGN,
    BY_COUNT,
    BY_DEAD_LETTER,
    BY_END,
    BY_FIELD,
    BY_FORMAT,
    BY_PROMPT,
    BY_REASON,
    BY_SPANS,
    BY_STAGE,
    BY_STEP,
    BY_VERSION,
    Labels,
)

Kind = Literal["counter", "gauge", "histogram"]
UNITS: Final = (
    "accounts", "bytes", "campaigns", "exchanges", "info", "lanes", "messages", "nats", "records", "rows",
    "seconds", "total",
)  # fmt: skip

# A flush costs 2-3 ms of CPU and some 10 ms of broker; a decision takes 0.25-0.45 s beyond its tick.
FLUSH_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
DELAY_BUCKETS: Final = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 120.0, 600.0, 3600.0)


EVIDENCE_BUCKETS: Final = (5.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 200.0)
EXEMPLAR: Final = "decision_id"  # under this name the console finds it: /decision?id=


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; ``action`` says what to do when it looks wrong."""

    name: str
    kind: Kind
    help: str
    action: str
    labels: Labels = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    has_exemplars: bool = False  # each bucket shows the id of its newest decision

    @property
    def unit(self) -> str:
        """The last word of its name; a counter of things has none."""
        name = self.name.removesuffix("_total")
        unit = name.rsplit("_", 1)[-1]
        return unit if unit in UNITS else "things"

    @property
    def max_series(self) -> int:
        """How many time series it may have, buckets not counted."""
        product = 1
        for values in self.labels.values():
            product *= len(values)
        return product


def _counter(name: str, help_: str, action: str, labels: Labels | None = None) -> Metric:
    return Metric(f"stream_guard_{name}", "counter", help_, action, labels or {})


def _gauge(name: str, help_: str, action: str, labels: Labels | None = None) -> Metric:
    return Metric(f"stream_guard_{name}", "gauge", help_, action, labels or {})


# ---- the stream
EVENTS = _counter(
    "stream_events_total",
    "Events processed, read from the logs.",
    "None for minutes: look whether gateways still write api.requests.v1, then at the lag.",
    BY_STAGE,
)
FED = _counter(
    "stream_fed_messages_total",
    "Messages taken from the partitions of a stage, heartbeats and frames included.",
    "Standing still in one stage while others move: that stage's lanes are held or have no owner.",
    BY_STAGE,
)
CPU = _counter(
    "stream_cpu_seconds_total",
    "CPU time spent in a stage, by feeding it and by packing what it changed.",
    "Above 0.8 per second over all stages: add a worker, or partitions in a planned change.",
    BY_STAGE,
)
LATE = _counter(
    "stream_late_total",
    "Events that came later than the lateness bound and count into the open tick.",
    "More than 1 in 1,000: raise stream.lateness_s, or find the gateway that delivers late.",
    BY_STAGE,
)
FUTURE = _counter(
    "stream_future_total",
    "Events whose time lies further ahead of their arrival than stream.future_s; arrival was taken.",
    "Any steady rate: a gateway's clock is wrong.",
    BY_STAGE,
)
DEAD_LETTERS = _counter(
    "stream_dead_letters_total",
    "Messages that could not be used, by reason; each is in guard.dead-letters.v1 unless capped.",
    "Read the newest letters: the reason names field, value and what was expected; mend the sender.",
    BY_DEAD_LETTER,
)
CAPPED = _counter(
    "stream_dead_letters_capped_total",
    "Messages that could not be used and were only counted: over 100 within 10,000 offsets.",
    "As for dead letters; most of a partition is unreadable, so look at its sender first.",
    BY_STAGE,
)
LAG = _gauge(
    "stream_lag_messages",
    "Messages that wait in the partitions of a stage, over all lanes of this worker.",
    "Growing: the worker does not keep up; look at CPU seconds, then add a worker.",
    BY_STAGE,
)
WATERMARK = _gauge(
    "stream_watermark_timestamp_seconds",
    "Event time reached by the slowest lane of a stage, Unix seconds.",
    "Far below that of `accounts`: look which stage is the first to fall behind, then at its lag.",
    BY_STAGE,
)
OPEN = _gauge(
    "stream_open_records",
    "Records that wait in memory for their tick to close.",
    "Growing without end: one partition is far ahead in event time (kafka.align_s bounds it).",
    BY_STAGE,
)
ROWS = _gauge(
    "stream_kept_rows",
    "Rows that the lanes of a stage keep, packed, in memory.",
    "About 1 KB each for accounts: compare with the memory of the worker before it is full.",
    BY_STAGE,
)
SIZE = _gauge(
    "stream_kept_bytes",
    "Size of these rows, packed: what the changelogs hold after compaction, and recovery reads.",
    "Rows grow without getting more: look which stage, and whether something is unbounded.",
    BY_STAGE,
)
LANES = _gauge(
    "stream_owned_lanes",
    "Lanes that this worker owns.",
    "The sum over workers is below the number of partitions: a lane has no owner; look for a dead worker.",
    BY_STAGE,
)
FLUSH = Metric(
    "stream_guard_stream_flush_seconds",
    "histogram",
    "Wall time of one transaction: rows, outputs and offset.",
    "Above 0.25 s: the broker is slow; look at its disks and at its own metrics.",
    BY_STAGE,
    FLUSH_BUCKETS,
)
FLUSHED_ROWS = _counter(
    "stream_flushed_rows_total",
    "Changed rows written to the changelogs.",
    "Much more than events: profiles are sent too often, or many young accounts came at once.",
    BY_STAGE,
)
RECOVERED_ROWS = _counter(
    "stream_recovered_rows_total",
    "Changelog records read back when lanes were taken over.",
    "Far more than kept rows: compaction lags; look at the broker's log cleaner.",
)
RECOVERY = _gauge(
    "stream_recovery_seconds",
    "Wall time of the last recovery, from assignment to ready.",
    "Above a minute: see recovered rows; fewer rows per worker, or more workers.",
)
FENCED = _counter(
    "stream_fenced_total",
    "Lanes that another worker took over while this one held them; the worker ends and is started again.",
    "More than a few a day: the worker is paused longer than kafka.session_timeout_s (CPU, swapping).",
    BY_STAGE,
)
COUNTED = _counter(
    "stage_counted_total",
    "What the stages count of their own work, see docs/architecture.md.",
    "samples_refused far above samples_learnt: the models stop learning; look for an attack or a new model.",
    BY_COUNT,
)

# ---- decisions and campaigns
DECISIONS = _counter(
    "decisions_made_total",
    "Decisions written, by action, and whether they are only recorded (shadow).",
    "Blocks far above the usual: set shadow mode, then `decisions list` and look at the campaigns.",
    BY_ACTION,
)
OVER_CAP = _counter(
    "decisions_over_cap_total",
    "Blocks that were only recorded, because the cap on blocks per hour was reached.",
    "Any: see the alert StreamGuardBlocksOverCap; look at the campaigns before raising the cap.",
)
REASONS = _counter(
    "decisions_reasons_total",
    "Decisions that bear a reason code, and whether they are only recorded (shadow); cold_start: they rest "
    "on shipped priors.",
    "One code alone carries most blocks: its evidence may be wrong for a new kind of honest traffic.",
    BY_REASON,
)
DECISION_DELAY = Metric(
    "stream_guard_decisions_delay_seconds",
    "histogram",
    "From a decision's event time to its transaction being durable, by this worker's clock. That event time "
    "is the end of a tick: the event behind the decision lies up to stream.tick_s earlier.",
    "Median above tick, lateness and one second: see watermarks, then flush. Meaningless in a replay.",
    {},
    DELAY_BUCKETS,
    has_exemplars=True,
)
NEWEST_DECISION = _gauge(
    "decisions_newest_timestamp_seconds",
    "Event time of the newest decision, Unix seconds; 0: none yet.",
    "Far behind what your traffic shows as usual: see the alert StreamGuardDecisionsStopped.",
)
CAMPAIGNS = _counter(
    "campaigns_changed_total",
    "Changes of campaigns that were published, by kind and by the state they are in then.",
    "A sudden rise: `campaigns list`; merged ones are one operator, ended ones fell silent.",
    BY_CAMPAIGN,
)

ACTIVE = _gauge(
    "campaigns_active_campaigns",
    "Active campaigns that this worker saw change since it started; one worker sees all of them.",
    "Rising for hours: `campaigns list`; if they are small and alike, honest accounts may be among them.",
)
LARGEST = _gauge(
    "campaigns_largest_accounts",
    "Members of the largest active campaign that this worker saw change.",
    "Thousands: look whether the members share one thing only, for example a company's network.",
)
HARVESTED = _gauge(
    "campaigns_harvested_exchanges",
    "Answered exchanges of all active campaigns so far; an estimate, as membership is one.",
    "Rising while actions are enforced: see the alert StreamGuardCampaignGrowsAfterAction.",
)
REACHED = _counter(
    "campaigns_reached_total",
    "Campaigns that reached so many accounts, each step once per campaign.",
    "20 and more: see the alert StreamGuardNewCampaign; the label in its rule says from how many.",
    BY_STEP,
)
GREW = _counter(
    "campaigns_grown_after_action_total",
    "Accounts that joined a campaign more than ten minutes after the first enforced action against it.",
    "Steady: see the alert StreamGuardCampaignGrowsAfterAction.",
)
EVIDENCE = Metric(
    "stream_guard_campaigns_evidence_nats",
    "histogram",
    "Evidence of a campaign when it was founded, all lines together, in nats: 7 make it some "
    "1,000 times likelier.",
    "The median falls: campaigns are convicted narrowly; label some, and look at calibration.",
    {},
    EVIDENCE_BUCKETS,
)
BLOCK_LIMIT = _gauge(
    "decisions_block_limit_accounts",
    "Blocks per hour that the policy allows, all workers together; right or false.",
    "Differs between workers: they run with different policies.",
)

# ---- the budget for false blocks
GRANTED = _counter(
    "decisions_false_blocks_granted_total",
    "False blocks that the operator grants: budget.false_blocks_per_100k_account_days, for each day on which "
    "an account asked.",
    "Compare with the two below; the line that convicts groups lends thirty days of it in advance.",
)
BLOCKS_ENDED = _counter(
    "decisions_blocks_ended_total",
    "Enforced blocks that ended: expired; withdrawn, since what was held no longer holds; revoked (or "
    "labelled wrong) or exempt by an operator's word or the policy. The last two are the false blocks that "
    "are known of: those that nobody spoke of are missing, those let go for another reason are among them.",
    "revoked and exempt near what is granted: see the alert StreamGuardFalseBlockBudgetNearlySpent.",
    BY_END,
)
EXPECTED = _counter(
    "decisions_false_blocks_expected_total",
    "Honest accounts expected among those sentenced as a campaign's: the sum of each one's probability by "
    "its own odds, given that the campaign is one, whatever the policy then does. As good as the odds are.",
    "Near what is granted: accounts are sentenced narrowly; look at the newest, and label them.",
)

# ---- wire
DECODED = _counter(
    "wire_decoded_total",
    "Events decoded, by the format they came in; native is the cheapest.",
    "More than you expect of a foreign format: a sender does not speak the native one.",
    BY_FORMAT,
)
SPANS = _counter(
    "wire_spans_total",
    "What came of an OpenTelemetry collector's topic: messages read; of their spans events, others (no "
    "requests) and dead letters; failures of Kafka, after each of which reading begins anew.",
    "Messages and no events: no span names a model and an account, see the dead letters.",
    BY_SPANS,
)
UNKNOWN_FIELDS = _counter(
    "wire_unknown_fields_total",
    "Fields that were ignored since no one knows them.",
    "Rises after a gateway's update: a field was renamed; `doctor` lists the names.",
)
MENDED_FIELDS = _counter(
    "wire_mended_fields_total",
    "Fields cut, clamped or counted as absent because a client, or a model's server, chooses what they hold; "
    "(message): no JSON by the book, read all the same.",
    "A sudden rise: somebody sends nonsense to hide, or a gateway writes a field wrongly.",
    BY_FIELD,
)
PROMPTS = _counter(
    "wire_prompts_total",
    "Raw prompts that came with events: reduced to a sketch, or dropped where none is computed.",
    "Any: let the gateway compute the sketch, then prompts need not travel at all.",
    BY_PROMPT,
)

# ---- the Redis projection
PENDING = _gauge(
    "projection_pending_accounts",
    "Accounts whose newest decision Redis has not got yet.",
    "Not falling: Redis is down or slow; the stream goes on, gateways act on what they have.",
)
PROJECTION_LAG = _gauge(
    "projection_lag_seconds",
    "For how long Redis has lacked the oldest decision that it lacks.",
    "Above 30 s: see the alert StreamGuardProjectionBehind.",
)
PUSHED = _counter(
    "projection_pushed_total",
    "Decisions written to Redis, refills included.",
    "None while decisions are made: the projection is off (redis.enabled) or Redis is down.",
)
SUPERSEDED = _counter(
    "projection_superseded_total",
    "Decisions that Redis had in a newer version: usual during a refill.",
    "Steady outside refills: two clusters write to one Redis.",
)
EXPIRED = _counter(
    "projection_expired_total",
    "Decisions that had expired before they came: usual during a refill.",
    "Steady outside refills: the projection is behind, or event time is not the clock's.",
)
PROJECTION_FAILURES = _counter(
    "projection_failures_total",
    "Attempts that failed: Redis did not answer, or the decisions topic could not be read.",
    "Steady: `doctor` says which; the log line projection_down has the error.",
)
REFILLS = _counter(
    "projection_refills_total",
    "Times that everything was pushed again, because Redis was new, emptied or restarted.",
    "More than starts of workers and of Redis: Redis restarts, or loses keys (maxmemory-policy).",
)
DROPPED = _counter(
    "projection_dropped_total",
    "Decisions that found no room while Redis was away; a refill makes them good.",
    "Any: Redis was away for long; check that a refill followed.",
)
REFUSED = _counter(
    "projection_refused_total",
    "Messages in the decisions topic that are no decision.",
    "Any: something else writes to guard.decisions.v1.",
)
PROJECTION_WORDS = _counter(
    "projection_words_total",
    "What operators' words came to, told to Redis before DECISIONS had heard them.",
    "None though somebody revoked or charged back: that word waits for its decision, some seconds.",
)
PROJECTION_SUCCESS = _gauge(
    "projection_success_timestamp_seconds",
    "When Redis answered last, Unix seconds of this worker's clock.",
    "More than a few seconds ago: Redis is down or hangs.",
)

# ---- the worker
BUILD = _gauge(
    "worker_build_info",
    "Always 1; the label tells the version.",
    "Several versions at once: an upgrade is under way, or was left half done.",
    BY_VERSION,
)

METRICS: Final = tuple(value for value in globals().values() if isinstance(value, Metric))
