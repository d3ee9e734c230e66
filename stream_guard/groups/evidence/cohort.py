"""What a test is given (a cohort of witnesses) and what it answers with (a reading)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log

from stream_guard.groups.conduct import RANKED, Values, values_of
from stream_guard.groups.levels import bin_of
from stream_guard.groups.popular import Popular
from stream_guard.groups.reference import Reference
from stream_guard.groups.rows import LevelRow
from stream_guard.records import INDICATOR_DIMENSIONS, Profile, kind_of

MIN_WITNESSES = 3
TYING = frozenset({"payment", "device", "network", "software"})
DIMENSIONS = {kind: name for kind, name in INDICATOR_DIMENSIONS.items() if name in TYING}
"""What a kind ties: a name that callers choose and a sign-up that many share tie nobody."""
RARE = 0.03  # share of honest accounts up to which a value can tie


@dataclass(slots=True)
class Witness:
    """One account as the tests see it: its numbers, and their normal scores among accounts of its level."""

    profile: Profile
    level: LevelRow
    sketched_level: LevelRow | None  # where its mean sketch is compared
    values: Values
    scores: tuple[float | None, ...]
    popular: Popular
    _rare: dict[str, list[tuple[str, float]]] | None = None

    @property
    def rare(self) -> dict[str, list[tuple[str, float]]]:
        """Rare values that it shows, by dimension, with their honest shares; looked up when a test asks."""
        if self._rare is None:
            self._rare = _rare(self.profile, self.popular)
        return self._rare


def witness(profile: Profile, reference: Reference) -> Witness:
    """Rank a profile against honest accounts of the same request count."""
    level, values = reference.level(profile.requests), values_of(profile)
    scores = tuple(
        None if value is None else level.scores[statistic][bin_of(statistic, value)]
        for statistic, value in enumerate(values[:RANKED])
    )
    sketched = reference.sketched_level(profile.requests)
    return Witness(profile, level, sketched, values, scores, reference.popular())


def _rare(profile: Profile, popular: Popular) -> dict[str, list[tuple[str, float]]]:
    """What few honest accounts show, by dimension."""
    rare: dict[str, list[tuple[str, float]]] = {}
    for name in profile.indicators:
        dimension = DIMENSIONS.get(kind_of(name))
        if dimension is not None and popular.share(name) <= RARE:
            rare.setdefault(dimension, []).append((name, popular.share_of_others(name)))
    return rare


@dataclass
class Cohort:
    """The witnesses of one group, sorted by account: one per unit."""

    witnesses: list[Witness]
    reference: Reference
    indicator: str = ""  # what formed the group
    cards: Sequence[int] = ()  # places behind each card, where no organisation is named
    bonds: dict[str, float] | None = None  # by dimension, once asked for (`bonds.py`)

    def doubt(self, statistic: int) -> float:
        """How much of the reference was not learnt here, over the witnesses that can tell: 0 to 1."""
        doubts = [w.level.doubts[statistic] for w in self.witnesses if w.values[statistic] is not None]
        return sum(doubts) / len(doubts) if doubts else 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a test saw: the log e-value, and the number with its honest counterpart for whoever reads it."""

    log_e: float
    value: float
    expected: float
    is_cold: bool = False  # rests on shipped priors more than on what was learnt


@dataclass(frozen=True, slots=True)
class Test:
    """One test.  ``cap``: the most that it may say, in nats.

    A cap is an argument about honest crowds of one kind (a class, a hackathon, the users of one tool), which
    are not strangers: what such a crowd shows by being one kind may, all causes of that sort together, not
    reach the line.  `tests/unit/groups/test_judgement.py` holds that as a law.
    """

    __test__ = False  # no test case, whatever pytest thinks of the name

    name: str
    cause: str
    family: str
    cap: float
    read: Callable[[Cohort], Reading | None]


def log_mean_exp(logs: list[float]) -> float:
    """The logarithm of the mean of exponentials: merging e-values by averaging, in logs."""
    top = max(logs)
    return top + log(sum(exp(value - top) for value in logs) / len(logs))
