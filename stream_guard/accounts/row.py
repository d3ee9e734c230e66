"""What is kept of an account: one row, about 0.5 to 1 kB packed, whatever its traffic.

Every part is bounded: counters, fixed-size models, and short lists with a cap beside each.
"""

from msgspec import Struct, field

from stream_guard.accounts.indicators import Facets
from stream_guard.accounts.models import Averages, DailyLevel, HourlyVolume
from stream_guard.sketches.mean import MeanSketch

MAX_LABELS = 8
MAX_MODELS = 8
RECENT_EVENTS = 32
FIRST_PROFILE = 2  # requests


class AccountRow(Struct, array_like=True, tag="a"):
    """All that ACCOUNTS knows of one account; times in ms."""

    first_at: int
    last_at: int
    created_at: int = 0
    requests: int = 0
    answered: int = 0
    refused: int = 0
    failed: int = 0
    reasoning: int = 0  # requests that asked for it
    mismatched: int = 0  # network country was not the billing country
    hidden: int = 0  # from hosting, vpn, proxy, relay or tor
    hour: int = 0  # clock hour of the newest event
    hour_requests: int = 0  # requests in that hour
    most_in_hour: int = 0  # the largest count of an hour that has ended
    active_hours: int = 0
    day_requests: int = 0  # requests in the hours of this day that have ended
    slot: int = 0  # half hour of the newest event
    active_slots: int = 0  # bitmap of the last 24 h, one bit per half hour, bit 0 the newest
    networks: int = 0  # bitmaps of sketches/distinct.py
    clients: int = 0
    templates: int = 0
    unit: str = ""
    tier: str = ""
    org_id: str = ""
    network: str = ""  # newest client address
    segment: str = ""
    recent: bytearray = field(
        default_factory=bytearray
    )  # CRC-32 of the newest event ids, four bytes each, at most RECENT_EVENTS
    model: str = ""  # of the newest event,
    model_run: int = 0  # and how many in a row asked for it, not yet in `models`
    tools: int = 0  # offered, in all requests together
    hours: list[int] = field(default_factory=lambda: [0] * 24)  # requests by UTC hour, hours that have ended
    labels: dict[str, int] = {}
    models: dict[str, int] = {}
    indicators: list[str] = []
    averages: Averages = field(default_factory=Averages)
    volume: HourlyVolume | None = None  # from the first hour that has ended
    level: DailyLevel | None = None  # from the first day that has ended
    sketch: MeanSketch | None = None
    facets: Facets = field(default_factory=Facets)
    checked_at: int = 0  # the newest checkpoint,
    checked: int = 0  # the requests it covered,
    next_checkpoint: int = FIRST_PROFILE  # and the count that brings the next
    samples: int = 0  # taught to the population on the checkpoint's day
    changed_at: int = 0  # when its daily volume was last found changed
    score: float = 0.0  # of the newest checkpoint
    held: str = ""  # kind of the verdict that stands
    oldest_recent: int = 0  # where in `recent` the next goes once it is full
    checked_slot: int = 0  # half hour of `checked_at`, or an earlier one
