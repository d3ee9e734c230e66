"""What docs/results.md reports: the closed loops behind it, as data.

Sizes are chosen so that one seed takes about half an hour on two cores: a week of honest accounts alone,
then the first days of each campaign at the record's rate, at a twentieth of its size (`deepseek` at its
whole size), among some thousand honest accounts.  Nothing is tuned on these seeds, nor on their split.

Glossary: *chapter* the runs that answer one question.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import Final

import msgspec
from msgspec import Struct

from stream_guard.evaluation.deciders.catalogue import BASELINES
from stream_guard.evaluation.runs import Job
from stream_guard.evaluation.sweeps import Sweep, swept
from stream_guard.simulator.catalogue import CROWDS
from stream_guard.simulator.draws import Split
from stream_guard.simulator.order import Level

FIRST_SEED: Final = 1001  # development uses small numbers
CAMPAIGNS: Final[Mapping[str, float]] = {
    "deepseek": 1.0,
    "moonshot": 0.05,
    "minimax": 0.05,
    "qwen": 0.05,
    "reseller": 0.05,
}
"""Campaign -> its share of the record at size 1 of the suite."""
HONEST_DAYS: Final = 3.0
LARGEST: Final = 2  # accounts of each kind of crowd, at least: as many as two of the largest
USUAL: Final = 12  # and as many as a dozen of the usual size
HEAVY: Final = frozenset(
    {"dominant_client", "popular_tool"}
)  # thousands a day: two of the largest are enough
BUDGETS: Final = Sweep("budget", (0.1, 10.0, 100.0))
DILUTIONS: Final = Sweep("dilution", (0.0, 0.3, 0.6, 0.9))
QUIETS: Final = Sweep("quiet", (0.0, 7.0))


class Plan(Struct, frozen=True, kw_only=True):
    """How much of it."""

    seeds: int = 1
    size: float = 1.0  # of the campaigns, times `CAMPAIGNS`
    accounts: int = 2000  # honest ones around each campaign
    days: float = 8.0
    split: Split = "test"
    step_s: float = 60.0
    quiet: float = 7.0  # honest days that the guard learns from before a campaign begins


class Chapter(Struct, frozen=True):
    """The runs that answer one question."""

    name: str  # record, informed, baselines, honest, cold, dilution, budget
    title: str
    jobs: Sequence[Job]
    sweep: Sweep | None = None


def chapters(plan: Plan) -> list[Chapter]:
    """All of them."""
    seeds = range(FIRST_SEED, FIRST_SEED + plan.seeds)
    levels: tuple[Level, ...] = ("naive", "careful")
    record = [_campaign(plan, name, level, seed) for level in levels for name in CAMPAIGNS for seed in seeds]
    informed = [_campaign(plan, name, "informed", seed) for name in CAMPAIGNS for seed in seeds[:1]]
    swept_one = [_campaign(plan, "deepseek", "informed", seeds[0])]
    budgeted = [_campaign(plan, "deepseek", "careful", seeds[0])]
    today = [job for job in record if job.level == "careful" and job.seed == seeds[0]]
    return [
        Chapter("record", "The campaigns of the record", record),
        Chapter("informed", "Attackers who have read our source", informed),
        Chapter("honest", "Honest crowds alone", [_honest(plan, seed) for seed in seeds]),
        Chapter("baselines", "What people use today", list(_by_others(today))),
        Chapter("cold", "A new installation, and one that has learnt", swept(record, QUIETS), QUIETS),
        Chapter("dilution", "Dilution against yield", swept(swept_one, DILUTIONS), DILUTIONS),
        Chapter("budget", "The operator's knob", swept(budgeted, BUDGETS), BUDGETS),
    ]


def _campaign(plan: Plan, name: str, level: Level, seed: int) -> Job:
    share = CAMPAIGNS[name] * plan.size
    return _job(plan, f"{name}:{share:g}@{level}+background:{plan.accounts}", level, seed)


def _honest(plan: Plan, seed: int) -> Job:
    """Crowds of every kind, each many times over, and the ordinary accounts around them."""
    crowds = "+".join(f"{name}:{_accounts(name, sizes)}" for name, (_, _, sizes) in CROWDS.items())
    job = _job(plan, f"{crowds}+background:{plan.accounts}", "careful", seed)
    return msgspec.structs.replace(job, days=HONEST_DAYS, quiet=None)


def _accounts(name: str, sizes: tuple[int, int]) -> int:
    """Enough for many crowds of drawn sizes."""
    usual = 0.0 if name in HEAVY else USUAL * sqrt(sizes[0] * sizes[1])
    return round(max(LARGEST * sizes[1], usual))


def _job(plan: Plan, scenario: str, level: Level, seed: int) -> Job:
    return Job(
        scenario=scenario,
        level=level,
        seed=seed,
        split=plan.split,
        days=plan.days,
        step_s=plan.step_s,
        quiet=plan.quiet,
    )


def _by_others(jobs: Sequence[Job]) -> Iterable[Job]:
    for decider in BASELINES:
        for job in jobs:
            yield msgspec.structs.replace(job, decider=decider)
