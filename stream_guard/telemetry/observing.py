"""Watches a worker and turns what it sees into metrics (`metrics.py`).

The Faust runtime calls it as an `Observer`; the local runtime hands its lanes' status to `measured`
and what leaves it to `saw`.  Decoder and projection are asked when somebody scrapes.  Nothing here
costs anything per event: counts are taken over as differences, about once a second.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any, Protocol

import msgspec
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from stream_guard import __version__
from stream_guard.clock import Clock, SystemClock
from stream_guard.observer import Commit, LaneId, LaneStatus, NullObserver
from stream_guard.telemetry import metrics as m
from stream_guard.telemetry.campaigns import CampaignWatch, SeenCampaign
from stream_guard.telemetry.instruments import Instruments

DEAD_LETTERS = "dead_letters."  # how lanes count them: with the reason behind the point
BLOCKS_OVER_CAP = "blocks_over_cap"  # counted by DECISIONS
BLOCKS_ENDED = "blocks_ended."  # likewise: with the reason behind the point
DOUBT = "doubt_millionths"  # counted by CAMPAIGNS: probabilities, times a million
ACCOUNT_DAYS = "account_days"  # counted by ACCOUNTS
LANE_COUNTS = {"events": m.EVENTS, "late": m.LATE, "future": m.FUTURE, "dead_letters_capped": m.CAPPED}
LANE_GAUGES = (m.LAG, m.WATERMARK, m.OPEN, m.ROWS, m.SIZE, m.LANES)
Messages = Iterable[tuple[bytes | None, bytes]]


class SeenDecision(msgspec.Struct):
    """What metrics take of a decision."""

    action: str
    decided_at: float
    decision_id: str = ""
    shadow: bool = False
    reason_codes: tuple[str, ...] = ()
    campaign_id: str | None = None


class WatchedDecoder(Protocol):
    """The counters of `wire.native.EventDecoder`."""

    unknown_fields: Counter[str]
    mended_fields: Counter[str]
    prompts: Counter[str]

    @property
    def formats(self) -> Counter[str]:
        """Events by format."""
        ...


class WatchedProjection(Protocol):
    """`sinks.redis_projection.RedisProjection`, as far as it is watched."""

    def status(self) -> Any:
        """A `ProjectionStatus`."""
        ...


class Growth:
    """By how much counters grew since they were looked at last; one that fell began anew."""

    def __init__(self) -> None:
        self._known: dict[Any, dict[str, int]] = {}

    def of(self, owner: Any, counts: Mapping[str, int]) -> Iterator[tuple[str, int]]:
        """What grew, and by how much."""
        now = dict(counts)  # one step: the owner may count on meanwhile in its own thread
        before = self._known.get(owner, {})
        self._known[owner] = now
        for what, count in now.items():
            grown = count - before.get(what, 0)
            if grown:
                yield what, grown if grown > 0 else count

    def forget(self) -> None:
        """All owners begin anew."""
        self._known = {}


class Telemetry(NullObserver):
    """All metrics of one process.  Bound: one entry per lane that is owned."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.registry.register(_Refresh(self))
        self.instruments = Instruments(self.registry)
        self._clock = clock or SystemClock()
        self._campaigns = CampaignWatch(self.instruments)
        self._lanes = Growth()
        self._asked = Growth()
        self._decoders: list[WatchedDecoder] = []
        self._projection: WatchedProjection | None = None
        self._granted_ratio = 0.0  # false blocks per account-day
        self._spans: Counter[str] = Counter()
        self._scraping = Lock()
        self._decode_decision = msgspec.json.Decoder(SeenDecision).decode
        self._decode_campaign = msgspec.json.Decoder(SeenCampaign).decode
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.instruments.set(m.BUILD, 1, __version__)

    # ---- what is watched when somebody scrapes

    def watch_decoder(self, decoder: WatchedDecoder) -> None:
        """Show what ``decoder`` counts."""
        self._decoders.append(decoder)

    def watch_projection(self, projection: WatchedProjection) -> None:
        """Show how ``projection`` stands."""
        self._projection = projection

    def watch_limit(self, blocks_per_hour: int) -> None:
        """Show how many blocks per hour the policy allows."""
        self.instruments.set(m.BLOCK_LIMIT, blocks_per_hour)

    def watch_budget(self, false_blocks_per_100k_account_days: float) -> None:
        """Show what the operator grants, account-day by account-day."""
        self._granted_ratio = false_blocks_per_100k_account_days / 100_000

    def watch_spans(self, counts: Counter[str]) -> None:
        """Show what the bridge of spans counts."""
        self._spans = counts

    def refresh(self) -> None:
        """Ask decoders and projection; called by the registry before it shows anything."""
        with self._scraping:
            for number, decoder in enumerate(self._decoders):
                self._ask_decoder(number, decoder)
            if self._projection is not None:
                self._ask_projection(self._projection)
            for what, by in self._asked.of("spans", self._spans):
                self.instruments.add(m.SPANS, by, what)

    def _ask_decoder(self, number: int, decoder: WatchedDecoder) -> None:
        for what, by in self._asked.of(("formats", number), decoder.formats):
            self.instruments.add(m.DECODED, by, what)
        for what, by in self._asked.of(("prompts", number), decoder.prompts):
            self.instruments.add(m.PROMPTS, by, what)
        for _, by in self._asked.of(("unknown", number), decoder.unknown_fields):
            self.instruments.add(m.UNKNOWN_FIELDS, by)
        for what, by in self._asked.of(("mended", number), decoder.mended_fields):
            self.instruments.add(m.MENDED_FIELDS, by, what)

    def _ask_projection(self, projection: WatchedProjection) -> None:
        status, show = projection.status(), self.instruments
        show.set(m.PENDING, status.pending)
        show.set(m.PROJECTION_LAG, status.lag_s)
        show.set(m.PROJECTION_SUCCESS, status.last_success_ms / 1000)
        counters = {
            "pushed": m.PUSHED,
            "superseded": m.SUPERSEDED,
            "expired": m.EXPIRED,
            "failures": m.PROJECTION_FAILURES,
            "refills": m.REFILLS,
            "dropped": m.DROPPED,
            "refused": m.REFUSED,
            "words": m.PROJECTION_WORDS,
        }
        counts = {name: getattr(status, name) for name in counters}
        for name, by in self._asked.of("projection", counts):
            show.add(counters[name], by)

    # ---- what the runtime tells (`observer.Observer`)

    def owned(self, lanes: Collection[LaneId]) -> None:
        """Lanes changed hands: they count from 0 again."""
        self._lanes.forget()
        for gauge in LANE_GAUGES:
            self.instruments.clear(gauge)
        if not any(stage == "campaigns" for stage, _ in lanes):
            self._campaigns.forget()
        for stage, number in Counter(stage for stage, _ in lanes).items():
            self.instruments.set(m.LANES, number, stage)

    def recovered(self, rows: int, seconds: float) -> None:
        """Rows were read back."""
        self.instruments.add(m.RECOVERED_ROWS, rows)
        self.instruments.set(m.RECOVERY, seconds)

    def fed(self, lane: LaneId, records: int, cpu_s: float) -> None:
        """A chunk went through a lane."""
        self.instruments.add(m.FED, records, lane[0])
        self.instruments.add(m.CPU, cpu_s, lane[0])

    def flushed(self, commit: Commit) -> None:
        """A transaction is durable."""
        stage = commit.lane[0]
        self.instruments.observe(m.FLUSH, commit.seconds, stage)
        self.instruments.add(m.FLUSHED_ROWS, commit.rows, stage)
        self.instruments.add(m.CPU, commit.cpu_s, stage)
        for (stream, _), messages in commit.outputs.items():
            self.saw(stream, messages)

    def measured(self, lanes: Sequence[LaneStatus]) -> None:
        """How the lanes stand; sums over a stage, and the slowest of it."""
        by_stage: dict[str, list[LaneStatus]] = {}
        for status in lanes:
            by_stage.setdefault(status.lane[0], []).append(status)
            for what, by in self._lanes.of(status.lane, status.counts):
                self._count(status.lane[0], what, by)
        for stage, statuses in by_stage.items():
            self._show_stage(stage, statuses)

    def fenced(self, lane: LaneId, reason: str) -> None:  # noqa: ARG002 - the log says why
        """A lane was taken over."""
        self.instruments.add(m.FENCED, 1, lane[0])

    def _count(self, stage: str, what: str, by: int) -> None:
        if what.startswith(DEAD_LETTERS):
            self.instruments.add(m.DEAD_LETTERS, by, stage, what.removeprefix(DEAD_LETTERS))
        elif what.startswith(BLOCKS_ENDED):
            self.instruments.add(m.BLOCKS_ENDED, by, what.removeprefix(BLOCKS_ENDED))
        elif what == BLOCKS_OVER_CAP:
            self.instruments.add(m.OVER_CAP, by)
        elif what == DOUBT:
            self.instruments.add(m.EXPECTED, by / 1e6)
        elif what in LANE_COUNTS:
            self.instruments.add(LANE_COUNTS[what], by, stage)
        else:
            if what == ACCOUNT_DAYS:
                self.instruments.add(m.GRANTED, by * self._granted_ratio)
            self.instruments.add(m.COUNTED, by, stage, what)

    def _show_stage(self, stage: str, statuses: list[LaneStatus]) -> None:
        show = self.instruments
        show.set(m.LANES, len(statuses), stage)
        show.set(m.LAG, sum(status.lag for status in statuses), stage)
        show.set(m.OPEN, sum(status.open_records for status in statuses), stage)
        show.set(m.ROWS, sum(status.keys for status in statuses), stage)
        show.set(m.SIZE, sum(status.size_bytes for status in statuses), stage)
        slowest = min(status.watermark for status in statuses)
        if slowest > 0:
            show.set(m.WATERMARK, slowest / 1000, stage)

    # ---- what leaves the stream

    def saw(self, stream: str, messages: Messages) -> None:
        """Messages of a stream that are durable, or final."""
        if stream == "decisions":
            for _, value in messages:
                self._saw_decision(self._decode_decision(value))
        elif stream == "campaigns":
            for _, value in messages:
                self._campaigns.changed(self._decode_campaign(value))

    def _saw_decision(self, decision: SeenDecision) -> None:
        show = self.instruments
        shadow = "true" if decision.shadow else "false"
        show.add(m.DECISIONS, 1, decision.action, shadow)
        for code in decision.reason_codes:
            show.add(m.REASONS, 1, code, shadow)
        if decision.campaign_id is not None and not decision.shadow:
            self._campaigns.acted(decision.campaign_id, decision.action, decision.decided_at)
        show.set(m.NEWEST_DECISION, decision.decided_at)
        delay = max(0.0, self._clock.now_ms() / 1000 - decision.decided_at)
        show.observe(m.DECISION_DELAY, delay, exemplar=decision.decision_id)


class _Refresh(Collector):
    """Shows nothing, but is asked first: the registry asks in the order of registration."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def describe(self) -> list[Family]:
        return []

    def collect(self) -> list[Family]:
        self._telemetry.refresh()
        return []
