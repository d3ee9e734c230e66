"""What of an account's conduct is ranked against honest accounts, number by number.

The first eleven are made so that harvesting drives them up, for tests to rank; the others only tell one way
of working from another (`fit.py`).  Volume drops out: a number is only ever compared with accounts of the
same request count (`reference.py`).  What can not be said yet (too few
requests, too short a life, a value that is no finite number) is None and takes no part.

Cost: about 4 us for all of them.
"""

from dataclasses import dataclass
from itertools import accumulate
from math import isfinite, log, log1p
from operator import sub

from stream_guard.clock import HOUR_MS
from stream_guard.records import Conduct, Profile

DAY_HOURS = 24.0
NIGHT_HOURS = 6  # people sleep at least that long most days
HARVEST_LABELS = ("chain_of_thought", "rubric_grading", "sensitive_rewrite")


@dataclass(frozen=True, slots=True)
class Statistic:
    """A number with its range and what is believed of it before anything was learnt.

    Prior of honest accounts: a share ``zero`` lies in the lowest bin, the rest is logistic about
    ``centre`` with scale ``spread``: heavier tails than a normal, so that a cold reference is slow to
    call anything extreme.  All three are priors set by judgement, to be replaced by a simulator fit in
    issue 4.
    """

    name: str
    low: float
    high: float
    zero: float
    centre: float
    spread: float


STATISTICS: tuple[Statistic, ...] = (
    Statistic("rate", -8.0, 8.0, 0.0, -0.5, 1.1),
    Statistic("chain_of_thought", 0.0, 1.0, 0.85, 0.15, 0.12),
    Statistic("rubric_grading", 0.0, 1.0, 0.9, 0.15, 0.12),
    Statistic("sensitive_rewrite", 0.0, 1.0, 0.9, 0.15, 0.12),
    Statistic("no_night", 0.0, 1.2, 0.5, 0.2, 0.12),
    Statistic("no_sessions", 0.0, 1.0, 0.0, 0.4, 0.12),
    Statistic("regular_gaps", -12.0, 0.0, 0.0, -4.5, 1.0),
    Statistic("networks", 0.0, 4.2, 0.5, 0.8, 0.35),
    Statistic("clients", 0.0, 4.2, 0.6, 0.7, 0.3),
    Statistic("hidden", 0.0, 1.0, 0.75, 0.6, 0.25),
    Statistic("mismatch", 0.0, 1.0, 0.8, 0.5, 0.25),
    Statistic("log_input", 0.0, 12.0, 0.0, 6.5, 1.0),
    Statistic("log_output", 0.0, 12.0, 0.0, 5.5, 0.8),
    Statistic("limit_ratio", 0.0, 1.0, 0.5, 0.35, 0.15),
    Statistic("log_latency", 0.0, 14.0, 0.0, 8.0, 0.8),
    Statistic("log_gap", 0.0, 12.0, 0.0, 5.5, 1.2),
    Statistic("turn", 0.0, 4.0, 0.4, 1.0, 0.4),
    Statistic("tools", 0.0, 4.0, 0.6, 1.2, 0.5),
    Statistic("reasoning", 0.0, 1.0, 0.7, 0.5, 0.2),
)
RANKED = 11
"""So many of them are ranked by tests."""
RATE, COT, RUBRIC, SENSITIVE, NO_NIGHT, NO_SESSIONS, REGULAR_GAPS, NETWORKS, CLIENTS, HIDDEN, MISMATCH = (
    range(RANKED)
)
LABELS = (COT, RUBRIC, SENSITIVE)
Values = tuple[float | None, ...]


def values_of(profile: Profile) -> Values:
    """All statistics of a profile, None where it can not tell."""
    conduct = profile.conduct
    if conduct is None:
        return (None,) * len(STATISTICS)
    requests = max(profile.requests, 1)
    hours = max(conduct.last_at - conduct.first_at, 0) / HOUR_MS
    shares = _label_shares(conduct)
    values = (
        log(requests / hours) if requests >= 4 and hours >= NIGHT_HOURS else None,
        *shares,
        _no_night(conduct, hours),
        _no_sessions(conduct, hours),
        -conduct.log_gap_var if conduct.answered >= 8 else None,
        log(conduct.networks) if conduct.networks > 0 else None,
        log(conduct.clients) if conduct.clients > 0 else None,
        conduct.hidden_ratio,
        conduct.mismatch_ratio,
        conduct.log_input_mean,
        conduct.log_output_mean,
        conduct.limit_ratio_mean,
        conduct.log_latency_mean,
        conduct.log_gap_mean if conduct.answered >= 2 else None,
        log1p(conduct.turn_mean),
        log1p(conduct.tools_mean),
        conduct.reasoning_ratio,
    )
    return tuple(value if value is not None and isfinite(value) else None for value in values)


def _label_shares(conduct: Conduct) -> tuple[float, ...]:
    """Share of the requests that bore each of `HARVEST_LABELS`; 0 where a label was never seen.

    Of those that were not refused: else whoever is blocked and goes on knocking would look better by it.
    """
    if not conduct.labels:
        return (0.0,) * len(HARVEST_LABELS)
    counts, requests = dict(conduct.labels), max(conduct.answered + conduct.failed, 1)
    return tuple(min(1.0, counts.get(label, 0) / requests) for label in HARVEST_LABELS)


def _no_night(conduct: Conduct, hours: float) -> float | None:
    """Volume in the quietest six hours of the clock, as a share of what evenness would put there."""
    counts = conduct.hours
    total = sum(counts)
    if len(counts) != 24 or total < 16 or hours < DAY_HOURS:
        return None
    upto = list(accumulate((*counts, *counts[: NIGHT_HOURS - 1]), initial=0))
    quietest: int = min(map(sub, upto[NIGHT_HOURS:], upto))
    return quietest / total * (24 / NIGHT_HOURS)


def _no_sessions(conduct: Conduct, hours: float) -> float | None:
    """Distinct hours with a request per request: people come and stay, a drip comes once an hour."""
    total = conduct.answered + conduct.refused + conduct.failed
    if total < 8 or hours < NIGHT_HOURS:
        return None
    return conduct.active_hours / min(total, hours + 1)
