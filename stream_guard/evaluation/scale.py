"""The same campaigns among ever more honest accounts: what the guard still finds, and what that takes.

Each size is a closed loop in a process of its own, so that its memory can be told.  A million accounts
at their usual pace would be ten million requests a day; ``pace`` has honest accounts ask less, alike at
every size, so that sizes stay comparable.  Traffic goes straight from the simulator into the local runtime.

Glossary: *line* what a group's evidence must reach, in nats (`groups.judgement`).
"""

from collections.abc import Sequence
from pathlib import Path
from time import process_time
from typing import Final, cast

from msgspec import Struct

from stream_guard.evaluation import tables
from stream_guard.evaluation.deciders.guard import LiveGuard
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.runs import Job, prepared
from stream_guard.evaluation.tables import NEVER, Sheet, duration, percent
from stream_guard.groups.judgement import line
from stream_guard.groups.rows import STATE
from stream_guard.settings import Settings

SIZES: Final = (5_000, 50_000, 1_000_000)
STATUS: Final = Path("/proc/self/status")


class Plan(Struct, frozen=True, kw_only=True):
    """What is played at every size."""

    campaigns: str = "deepseek@naive+deepseek@careful"
    seed: int = 1001
    days: float = 1.5
    quiet: float = 0.5
    pace: float = 0.1
    step_s: float = 60.0

    def job(self, accounts: int) -> Job:
        """The closed loop of one size."""
        return Job(
            scenario=f"{self.campaigns}+background:{accounts}",
            seed=self.seed,
            days=self.days,
            quiet=self.quiet,
            pace=self.pace,
            step_s=self.step_s,
        )


class Standing(Struct, frozen=True):
    """How GROUPS stands in the end."""

    candidates: int  # groups with enough unrelated customers to be judged
    suspected: int  # of them
    line_low: float  # of its partitions
    line_high: float
    rows: int  # of all stages


class Measured(Struct, frozen=True):
    """One size."""

    accounts: int
    result: Result
    standing: Standing
    cpu_s: float  # of everything
    drawn_mb: int  # held once the traffic was drawn
    end_mb: int  # held in the end


def measure(plan: Plan, accounts: int, settings: Settings) -> Measured:
    """One size, in this process; measure memory in a fresh one."""
    began = process_time()
    loop = prepared(plan.job(accounts), settings)
    drawn_mb = memory_mb()
    result = loop.play()
    stood = standing(cast("LiveGuard", loop.decider), settings)
    return Measured(accounts, result, stood, process_time() - began, drawn_mb, memory_mb())


def standing(guard: LiveGuard, settings: Settings) -> Standing:
    """What GROUPS knows of itself, over its partitions."""
    lanes = guard.runtime.lanes.values()
    kept = [lane.rows.peek(STATE) for lane in lanes if lane.step.name == "groups"]
    states = [state for state in kept if state is not None]
    budget = settings.budget.false_blocks_per_100k_account_days
    lines = [line(state.candidates - state.suspected, state.accounts, budget) for state in states] or [0.0]
    return Standing(
        candidates=sum(state.candidates for state in states),
        suspected=sum(state.suspected for state in states),
        line_low=min(lines),
        line_high=max(lines),
        rows=sum(len(lane.rows) for lane in lanes),
    )


def memory_mb() -> int:
    """What this process holds (Linux)."""
    held = next(row for row in STATUS.read_text(encoding="ascii").splitlines() if row.startswith("VmRSS"))
    return int(held.split()[1]) // 1024


def sheet(sizes: Sequence[Measured]) -> Sheet:
    """A row for each size."""
    names = sorted({name for one in sizes for name in one.result.campaigns})
    columns = (
        "honest accounts", "who asked", "events",
        *(f"{name}: harvested, first block after, exchanges by then" for name in names),
        "honest blocked", "per 100,000 account-days (95 %)", "throttled or challenged",
        "candidate groups", "line (nats)", "CPU us per event", "of the guard", "rows of the guard",
        "MB drawn", "MB in the end",
    )  # fmt: skip
    return Sheet(columns, [_row(one, names) for one in sizes])


def _row(one: Measured, names: Sequence[str]) -> Sequence[str]:
    result, stood = one.result, one.standing
    low, high = f"{stood.line_low:.1f}", f"{stood.line_high:.1f}"
    return (
        f"{one.accounts:,}",
        f"{result.honest_total.accounts:,}",
        f"{result.events:,}",
        *(_campaign(result, name) for name in names),
        f"{result.false_blocks:,}",
        tables.interval(result.false_blocks_per_100k_account_days),
        f"{result.honest_total.throttled.count:,}",
        f"{stood.candidates:,}",
        low if low == high else f"{low} to {high}",
        f"{one.cpu_s * 1e6 / max(result.events, 1):.0f}",
        tables.NONE if result.cpu_us_per_event is None else f"{result.cpu_us_per_event:.0f}",
        f"{stood.rows:,}",
        f"{one.drawn_mb:,}",
        f"{one.end_mb:,}",
    )


def _campaign(result: Result, name: str) -> str:
    campaign = result.campaigns.get(name)
    if campaign is None:
        return tables.NONE
    to_it = NEVER if campaign.delay_exchanges is None else f"{campaign.delay_exchanges:,}"
    return f"{percent(campaign.harvested_ratio)}, {duration(campaign.delay_s)}, {to_it}"
