"""The service that is asked: models, speed, limits, bad hours.

Incidents and limits hit everyone alike; what a status depends on is the time, the tier and how much
the account has asked within the minute.
"""

from dataclasses import dataclass
from typing import Final

from stream_guard.simulator.arrivals import Span
from stream_guard.simulator.draws import Draw

LIMITS_PER_MIN: Final = {"free": 5, "credit": 10, "pay_as_you_go": 60, "enterprise": 300}
LIMITS_PER_DAY: Final = {"free": 35, "credit": 400}
OVERLOADED: Final = 529
ERRORS: Final = ((400, 0.006), (401, 0.0006), (500, 0.0015), (529, 0.002))  # calm hours, share of requests


@dataclass(frozen=True, slots=True)
class Model:
    """A model's name and speed."""

    name: str
    first_token_ms: float
    token_ms: float


LARGE: Final = Model("orion-4-large", 700.0, 14.0)
MEDIUM: Final = Model("orion-4-medium", 420.0, 8.0)
SMALL: Final = Model("orion-4-small", 230.0, 4.5)
OLD: Final = Model("orion-3-large", 850.0, 19.0)
EMBED: Final = Model("orion-embed-2", 90.0, 0.0)
NEW: Final = Model("orion-5-large", 650.0, 12.0)  # not there until its release


@dataclass(frozen=True, slots=True)
class Incident:
    """A bad time."""

    start: float
    end: float
    error_ratio: float


class Provider:
    """Its bad hours, and when its new model comes out."""

    def __init__(self, draw: Draw, span: Span) -> None:
        self.release: float | None = None  # when the new model came out
        days = (span.end - span.start) / 86_400
        self.incidents = [self._incident(draw, span) for _ in range(round(draw.between(0.5, 1.5) * days))]

    @staticmethod
    def _incident(draw: Draw, span: Span) -> Incident:
        start = draw.rng.uniform(span.start, span.end)
        return Incident(start, start + 60 * draw.log_between(4, 45), draw.ratio(0.05, 0.35))
