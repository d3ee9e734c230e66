"""One event into one account's row: counters, River models, bitmaps.  The hot path.

Refused requests (403, 429) are counted and teach nothing else: a campaign that is being refused
must not shape what its account looks like.
"""

from binascii import Error as BinasciiError
from binascii import a2b_base64
from functools import lru_cache
from math import log1p
from struct import Struct as Layout
from sys import intern
from zlib import crc32

from stream_guard.accounts.models import Averages, DailyLevel, HourlyVolume
from stream_guard.accounts.row import MAX_LABELS, MAX_MODELS, RECENT_EVENTS, AccountRow
from stream_guard.clock import HOUR_MS
from stream_guard.records import RequestEvent
from stream_guard.sketches.mean import MeanSketch
from stream_guard.sketches.prompt import SKETCH_SIZE

HIDDEN_NETWORKS = frozenset({"hosting", "vpn", "proxy", "relay", "tor"})
SLOT_MS = HOUR_MS // 2
SLOTS_MASK = (1 << 48) - 1
REFUSED = (403, 429)
MAX_TURN = 100
RECENT_BYTES = 4 * RECENT_EVENTS
_mark = Layout("<I").pack


def is_repeated(row: AccountRow, event_id: str) -> bool:
    """Whether this event is one of the account's last few; it is from now on."""
    mark = _mark(crc32(event_id.encode()))
    recent = row.recent
    if mark in recent and any(recent[i : i + 4] == mark for i in range(0, len(recent), 4)):
        return True
    if len(recent) < RECENT_BYTES:
        recent += mark
    else:
        oldest = row.oldest_recent
        recent[oldest : oldest + 4] = mark
        row.oldest_recent = (oldest + 4) % RECENT_BYTES
    return False


def observe(row: AccountRow, event: RequestEvent, at: int) -> None:
    """Take one event that is not a repetition; ``at`` is its event time in ms."""
    row.requests += 1
    slot = at // SLOT_MS
    if slot > row.slot:
        turn_slot(row, slot)
    row.hour_requests += 1
    gap_ms = at - row.last_at
    if gap_ms > 0:
        row.last_at = at
    status = event.status
    if status is not None and status >= 400:
        if status in REFUSED:
            row.refused += 1
            return
        row.failed += 1
    else:
        row.answered += 1
    if row.requests > 1:
        log_gap = log1p(gap_ms / 1000) if gap_ms > 0 else 0.0
        row.averages.log_gap.update(log_gap)
    _observe_size(row.averages, event)
    _observe_place(row, event)
    _observe_content(row, event)


def place(row: AccountRow, event: RequestEvent) -> None:
    """Note where the account is; only for what is not the same as in its newest event."""
    if event.client_ip and event.status not in REFUSED:
        row.network = event.client_ip
        row.facets.is_placed = True


def turn_slot(row: AccountRow, slot: int) -> None:
    """A new half hour; the clock hour and the day that end with it are learnt."""
    row.active_slots = (row.active_slots << min(slot - row.slot, 48) | 1) & SLOTS_MASK
    row.slot = _shared(slot)
    hour = slot // 2
    if hour == row.hour:
        return
    if row.hour_requests:
        end_hour(row)
        if hour // 24 > row.hour // 24:
            end_day(row)
    row.hour, row.hour_requests = hour, 0
    row.active_hours += 1


@lru_cache(maxsize=64)
def _shared(number: int) -> int:
    """The same object for all accounts: what every event compares with stays in the processor's cache."""
    return number


def end_hour(row: AccountRow) -> None:
    """Learn the hour that has ended; of a burst (see signals.py) at most twice the largest hour so far."""
    count = row.hour_requests
    row.hours[row.hour % 24] += count
    row.day_requests += count
    if row.held == "own_burst":
        count = min(count, 2 * row.most_in_hour)
    if row.volume is None:
        row.volume = HourlyVolume()
    row.volume.learn_one(log1p(count))
    row.most_in_hour = max(row.most_in_hour, count)


def end_day(row: AccountRow) -> None:
    """Learn the day that has ended."""
    if row.level is None:
        row.level = DailyLevel()
    if row.level.update(log1p(row.day_requests)):
        row.changed_at = row.last_at
    row.day_requests = 0


def _observe_size(averages: Averages, event: RequestEvent) -> None:
    if (tokens := event.input_tokens) is not None:
        size = log1p(tokens)
        averages.log_input.update(size)
    if (tokens := event.output_tokens) is not None:
        size = log1p(tokens)
        averages.log_output.update(size)
        if limit := event.max_tokens:
            averages.limit_ratio.update(tokens / limit if tokens < limit else 1.0)
    if (latency := event.latency_ms) is not None:
        averages.log_latency.update(log1p(latency))
    if (turn := event.turn) is not None:
        averages.turn.update(turn if turn < MAX_TURN else MAX_TURN)


def _observe_place(row: AccountRow, event: RequestEvent) -> None:
    if event.network_type in HIDDEN_NETWORKS:
        row.hidden += 1
    if event.billing_country != event.ip_country and event.billing_country and event.ip_country:
        row.mismatched += 1


def _observe_content(row: AccountRow, event: RequestEvent) -> None:
    if event.reasoning:
        row.reasoning += 1
    if event.tools:
        row.tools += len(event.tools)
    if event.model != row.model:
        end_model_run(row)
        row.model = intern(event.model)  # one object for all accounts, as in `_shared`
    row.model_run += 1
    if event.prompt_labels:
        for label in event.prompt_labels:
            _tally(row.labels, label, 1, MAX_LABELS)
    if event.prompt_sketch:
        add_sketch(row, event.prompt_sketch)


def end_model_run(row: AccountRow) -> None:
    """Enter the newest model's run into the counts; most accounts stay with one model."""
    if row.model_run:
        _tally(row.models, row.model, row.model_run, MAX_MODELS)
        row.model_run = 0


def _tally(counts: dict[str, int], name: str, by: int, bound: int) -> None:
    if name in counts or len(counts) < bound:
        counts[name] = counts.get(name, 0) + by


def add_sketch(row: AccountRow, encoded: str) -> None:
    """Add one prompt's sketch (base64 of 64 int8); what is no such thing is not added."""
    try:
        sketch = a2b_base64(encoded)
    except BinasciiError:
        return
    if len(sketch) == SKETCH_SIZE:
        if row.sketch is None:
            row.sketch = MeanSketch()
        row.sketch.add(sketch)
