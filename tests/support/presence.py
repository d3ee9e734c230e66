"""How well form alone tells campaign accounts from honest ones: what is there, how long, how many digits.

Each account becomes one row of numbers: for each field the share of its events that have it, and the mean
length and mean number of digits of its texts.  A logistic regression (ridge, both sides weighing alike)
learns from some seeds and judges others, all accounts together or those of one *role*: tier and surface.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tests.support.single_fields import rank_sum

Array = NDArray[np.float64]
Key = tuple[str, str]  # what is measured, field
Role = tuple[str, str]
MOST = 40  # events of an account that count
FEWEST = 20  # accounts on each side, for a role to be judged


class Account(NamedTuple):
    """What was seen of one."""

    role: Role
    sums: Counter[Key]
    events: Counter[str]

    def mean(self, key: Key) -> float:
        """Per event."""
        return self.sums[key] / self.events["all"]


def shown(lines: Iterable[bytes]) -> dict[str, Account]:
    """Accounts by id."""
    seen: dict[str, Account] = {}
    for line in lines:
        event = msgspec.json.decode(line)
        known = seen.get(event["account_id"])
        if known is None:
            role = (str(event.get("tier")), str(event.get("surface")))
            known = seen[event["account_id"]] = Account(role, Counter(), Counter())
        if known.events["all"] < MOST:
            known.events["all"] += 1
            _note(known.sums, event)
    return seen


def _note(sums: Counter[Key], event: Mapping[str, Any]) -> None:
    fields = {**event, **{f"indicators.{name}": value for name, value in event["indicators"].items()}}
    for name, value in fields.items():
        sums["has", name] += 1
        if isinstance(value, str):
            sums["length", name] += len(value)
            sums["digits", name] += sum(map(str.isdigit, value))


def area_by_role(
    learnt: Mapping[str, Account],
    judged: Mapping[str, Account],
    abusive: Mapping[str, bool],
    but: frozenset[str],
) -> dict[Role | None, float]:
    """Role (None: everybody) -> area under the curve, of all fields ``but`` some."""
    keys = sorted({key for one in learnt.values() for key in one.sums if key[1] not in but})
    roles: list[Role | None] = [None, *sorted({one.role for one in learnt.values()})]
    areas: dict[Role | None, float] = {}
    for role in roles:
        first, second = (
            {name: one for name, one in side.items() if role in (None, one.role)} for side in (learnt, judged)
        )
        if min(*_sides(first, abusive), *_sides(second, abusive)) >= FEWEST:
            areas[role] = _area(first, second, abusive, keys)
    return areas


def _sides(accounts: Iterable[str], abusive: Mapping[str, bool]) -> tuple[int, int]:
    counts = Counter(abusive[name] for name in accounts)
    return counts[True], counts[False]


def _area(
    learnt: Mapping[str, Account], judged: Mapping[str, Account], abusive: Mapping[str, bool], keys: list[Key]
) -> float:
    first, second = (
        np.array([[one.mean(key) for key in keys] for one in side.values()]) for side in (learnt, judged)
    )
    centre, spread = first.mean(0), first.std(0)
    varies = spread > 1e-9
    first, second = (((side - centre)[:, varies] / spread[varies]).clip(-8, 8) for side in (first, second))
    weights = _fitted(first, np.array([abusive[name] for name in learnt]))
    scores = second @ weights
    return rank_sum(
        sorted((round(float(s), 9), abusive[name]) for s, name in zip(scores, judged, strict=True))
    )


def _fitted(rows: Array, is_abusive: NDArray[np.bool_]) -> Array:
    """Weights by Newton's method; the intercept is left away, since only order counts."""
    rows = np.c_[rows, np.ones(len(rows))]
    side = np.where(is_abusive, 0.5 / is_abusive.mean(), 0.5 / (1 - is_abusive.mean()))
    ridge = np.r_[np.ones(rows.shape[1] - 1), 1e-6]
    weights = np.zeros(rows.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (side * (p - is_abusive)) + ridge * weights
        bend = (rows * (side * p * (1 - p))[:, None]).T @ rows + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        weights -= step
        if np.abs(step).max() < 1e-6:
            break
    return weights[:-1]


def certain(
    accounts: Mapping[str, Account], abusive: Mapping[str, bool], least: int
) -> dict[tuple[str, str, bool], tuple[int, int]]:
    """(tier or surface, field, is it there) of which ``least`` campaign accounts are, and no honest one."""
    counts: defaultdict[tuple[str, str, bool], list[int]] = defaultdict(lambda: [0, 0])
    fields = {name for one in accounts.values() for what, name in one.sums if what == "has"}
    for name, one in accounts.items():
        for field in fields:
            for place in one.role:
                counts[place, field, one.sums["has", field] > 0][abusive[name]] += 1
    return {cell: (honest, bad) for cell, (honest, bad) in counts.items() if bad >= least and not honest}
