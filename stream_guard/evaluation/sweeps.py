"""One parameter through several values, all else as it is.

``budget=0.1,1,10`` asks the guard for so many false blocks per 100,000 account-days; ``dilution=0,0.5,0.9``
has campaigns hide their work among so much ordinary work; ``scale`` makes them smaller or larger.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from markupsafe import Markup
from msgspec import Struct

from stream_guard.errors import ConfigurationError
from stream_guard.evaluation import charts
from stream_guard.evaluation.pooling import Pooled, pooled
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.runs import Job

WHAT: Final = {
    "budget": "false blocks allowed per 100,000 account-days",
    "dilution": "share of ordinary work among the campaign's own",
    "scale": "scale of the campaign",
    "accounts": "honest accounts",
    "quiet": "honest days before the campaign",
}
IN_DECADES: Final = frozenset({"budget", "scale", "accounts"})


class Sweep(Struct, frozen=True):
    """A parameter and its values."""

    name: str
    values: tuple[float, ...]


def read_sweep(text: str) -> Sweep:
    """``name=value,value``; ConfigurationError says what was expected."""
    name, _, rest = text.partition("=")
    try:
        values = tuple(sorted(float(value) for value in rest.split(",")))
    except ValueError:
        values = ()
    if name not in WHAT or not values:
        message = f"--sweep {text!r}: expected {', '.join(WHAT)} and its values, e.g. budget=0.1,1,10"
        raise ConfigurationError(message)
    return Sweep(name, values)


def swept(jobs: Iterable[Job], sweep: Sweep) -> list[Job]:
    """Every job of the guard with every value."""
    return [_with(job, sweep.name, value) for job in jobs if job.decider == "guard" for value in sweep.values]


def _with(job: Job, name: str, value: float) -> Job:
    if name == "budget":
        return msgspec.structs.replace(job, decider=f"guard:budget={value:g}")
    changed: dict[str, Any] = {name: round(value) if name == "accounts" else value}
    return msgspec.structs.replace(job, **changed)


def drawn(sweep: Sweep, jobs: Sequence[Job], results: Sequence[Result]) -> dict[str, Any]:
    """The sweep's plots, for the report."""
    points = points_of(sweep, jobs, results)
    harvest, blocks = charts.sweep(points, WHAT[sweep.name], is_log=sweep.name in IN_DECADES)
    return {
        "title": f"When one changes: {WHAT[sweep.name]}",
        "harvest": Markup(harvest),  # noqa: S704 - SVG of plots.py, which escapes
        "blocks": Markup(blocks),  # noqa: S704
    }


def points_of(sweep: Sweep, jobs: Sequence[Job], results: Sequence[Result]) -> list[tuple[float, Pooled]]:
    """Each value, and what came of it over all seeds; ``results`` in the order of ``jobs``."""
    points = []
    for value in sweep.values:
        mine = [result for job, result in zip(jobs, results, strict=True) if _value(job, sweep.name) == value]
        alike = [msgspec.structs.replace(result, traffic="", decider="") for result in mine]
        points += [(value, pool) for pool in pooled(alike)]
    return points


def _value(job: Job, name: str) -> float | None:
    if name == "budget":
        _, _, given = job.decider.partition("budget=")
        return float(given) if given else None
    value: float | None = getattr(job, name)
    return value
