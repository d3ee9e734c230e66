"""Records as templates show them: times, numbers, bars, sentences.  Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stream_guard.console.memory import SLOT_S
from stream_guard.console.signals import says
from stream_guard.decisions.explain import figure
from stream_guard.records import (
    LADDER,
    REASONS,
    Action,
    Conduct,
    Decision,
    DecisionEvidence,
    Evidence,
    Profile,
)

ACTED: tuple[Action, ...] = ("block", "challenge", "throttle")
HELD = {"block": "blocked", "challenge": "challenged", "throttle": "throttled", "allow": "free"}
KINDS = {
    "distillation": "collects what a student model is trained on",
    "resale": "resells access behind pooled accounts",
    "region_evasion": "reaches the service from where it is not offered",
    "unknown": "acts as one; to what end is not known",
}
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of evidence with its share of the heaviest one's weight."""

    name: str
    says: str
    seen: str
    honest: str
    weight: str
    width: int  # 0 to 100
    speaks_for: bool  # the account: negative weight
    cause: str = ""
    family: str = ""
    is_cold: bool = False


def bars(evidence: Sequence[Evidence | DecisionEvidence]) -> list[Bar]:
    """Evidence, the heaviest first."""
    heaviest = max((abs(line.weight) for line in evidence), default=0.0) or 1.0
    return [
        Bar(
            name=words(line.name),
            says=says(line.name),
            seen=figure(line.value),
            honest=figure(line.expected),
            weight=f"{line.weight:+.1f}",
            width=round(100 * abs(line.weight) / heaviest),
            speaks_for=line.weight < 0,
            cause=words(getattr(line, "cause", "")),
            family=getattr(line, "family", ""),
            is_cold=getattr(line, "is_cold", False),
        )
        for line in sorted(evidence, key=lambda line: -line.weight)
    ]


def words(name: str) -> str:
    """A code as people read it.

    >>> words("load_evenness")
    'load evenness'
    """
    return name.replace("_", " ")


def reason(code: str) -> str:
    """What a reason code says."""
    return REASONS.get(code, "No longer in the list of reasons.")


def instant(seconds: float) -> str:
    """A time for machines, RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def clock(seconds: float) -> str:
    """A time for people: date and minute, UTC.

    >>> clock(0.0)
    '1970-01-01 00:00'
    """
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def span(seconds: float) -> str:
    """How long, in one or two units.

    >>> span(90_061), span(45), span(3_600)
    ('1 d 1 h', '45 s', '1 h')
    """
    left = max(0, round(seconds))
    parts: list[str] = []
    for size, unit in UNITS:
        if left >= size and len(parts) < 2:
            parts.append(f"{left // size} {unit}")
            left %= size
        elif parts:
            break
    return " ".join(parts) or "0 s"


def tally(holding: Mapping[tuple[Action, bool], int]) -> dict[str, dict[str, int]]:
    """How many accounts are under each action: in force, and in shadow."""
    return {
        action: {"force": holding.get((action, False), 0), "shadow": holding.get((action, True), 0)}
        for action in ACTED
    }


def slots(counts: Mapping[int, Mapping[Action, int]]) -> dict[str, Any]:
    """Decisions over time for a chart: aligned columns, empty quarters included."""
    if not counts:
        return {"at": [], **{action: [] for action in LADDER}}
    every = range(min(counts), max(counts) + 1)
    columns: dict[str, Any] = {
        action: [counts.get(slot, {}).get(action, 0) for slot in every] for action in LADDER
    }
    return {"at": [slot * SLOT_S for slot in every], **columns}


def growth(histories: Iterable[Sequence[Decision]], since: float, now: float) -> dict[str, list[Any]]:
    """Accounts that had been acted upon, over time: one step for each account's first decision."""
    firsts = (
        min((each.decided_at for each in history if each.action != "allow"), default=None)
        for history in histories
    )
    steps = sorted(at for at in firsts if at is not None)
    at = [min([since, *steps[:1]]), *steps, max([now, *steps[-1:]])]
    return {"at": at, "accounts": [0, *range(1, len(steps) + 1), len(steps)]}


def limits(decision: Decision) -> str:
    """The action with its limit."""
    if decision.limit_per_min is None:
        return decision.action
    return f"{decision.action} {decision.limit_per_min}/min"


def conduct(profile: Profile) -> list[tuple[str, list[tuple[str, str]]]]:
    """What an account's models hold, by theme; only what says something."""
    known = profile.conduct
    if known is None:
        return []
    return [
        (title, lines)
        for title, lines in (
            ("Volume", _volume(profile, known)),
            ("Rhythm", _rhythm(known)),
            ("Requests", _requests(known)),
            ("Where from", _places(known)),
        )
        if lines
    ]


def _volume(profile: Profile, known: Conduct) -> list[tuple[str, str]]:
    lines = [
        ("requests", f"{profile.requests:,}"),
        ("answered", f"{known.answered:,}"),
        ("refused", f"{known.refused:,}"),
        ("failed", f"{known.failed:,}"),
        ("first seen", clock(known.first_at / 1000)),
        ("last seen", clock(known.last_at / 1000)),
    ]
    if known.created_at:
        lines.append(("signed up", clock(known.created_at / 1000)))
    return [
        *lines,
        ("own anomaly score", f"{profile.score:.2f}"),
        ("compared with", profile.segment or "all"),
    ]


def _rhythm(known: Conduct) -> list[tuple[str, str]]:
    hours = sum(1 for count in known.hours if count)
    return [
        ("usual gap", span(_from_log(known.log_gap_mean))),
        ("gaps vary by a factor of", f"{_factor(known.log_gap_var):.1f}"),
        ("hours with requests", f"{known.active_hours:,}"),
        ("hours of the day", f"{hours} of 24"),
    ]


def _requests(known: Conduct) -> list[tuple[str, str]]:
    lines = [
        ("usual input", f"{_from_log(known.log_input_mean):,.0f} tokens"),
        ("usual output", f"{_from_log(known.log_output_mean):,.0f} tokens"),
        ("output of the limit", f"{known.limit_ratio_mean:.0%}"),
        ("with reasoning", f"{known.reasoning_ratio:.0%}"),
        ("tools offered", f"{known.tools_mean:.1f}"),
        ("templates", f"{known.templates:,}"),
    ]
    lines += [(f"model {name}", f"{count:,}") for name, count in known.models[:4]]
    return lines + [(f"label {words(name)}", f"{count:,}") for name, count in known.labels[:4]]


def _places(known: Conduct) -> list[tuple[str, str]]:
    return [
        ("networks", f"{known.networks:,}"),
        ("clients", f"{known.clients:,}"),
        ("hidden networks", f"{known.hidden_ratio:.0%}"),
        ("country unlike billing", f"{known.mismatch_ratio:.0%}"),
    ]


def _from_log(value: float) -> float:
    """Back from ln(1 + x); bounded, since a float may hold anything."""
    return float(2.718281828459045 ** min(value, 40.0) - 1)


def _factor(variance: float) -> float:
    return float(2.718281828459045 ** min(max(variance, 0.0) ** 0.5, 40.0))


def first(reasons: Iterable[str]) -> str:
    """The strongest reason."""
    return next(iter(reasons), "")
