"""One closed loop, said in full by a `Job`: what is drawn and who decides.

One scenario of one seed is the same traffic for every decider until the first refusal.  Many of them,
side by side and kept for later: `many.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from stream_guard.decisions.policy import load_policy
from stream_guard.evaluation.deciders import Decider
from stream_guard.evaluation.deciders.catalogue import decider_of
from stream_guard.evaluation.loop import Timing, play
from stream_guard.evaluation.results import Result
from stream_guard.settings import Settings
from stream_guard.simulator.attackers.record import RECORDS
from stream_guard.simulator.catalogue import Part, read_mixture
from stream_guard.simulator.draws import Split
from stream_guard.simulator.order import Level, Order
from stream_guard.simulator.scenario import Traffic, draw_mixture


class Job(Struct, frozen=True, kw_only=True):
    """One closed loop."""

    scenario: str  # parts, e.g. deepseek+background
    seed: int
    split: Split = "test"
    scale: float = 1.0
    level: Level = "careful"
    days: float | None = None
    accounts: int | None = None
    sketch_ratio: float = 0.5
    dilution: float | None = None
    decider: str = "guard"
    policy: str = ""
    delay_s: float = 3.0
    step_s: float = 30.0
    quiet: float | None = None
    pace: float = 1.0

    @property
    def traffic(self) -> str:
        """How reports call what is drawn, seeds aside."""
        parts = [self.scenario]
        parts += [self.level] if "@" not in self.scenario else []
        parts += [f"scale {self.scale:g}"] if self.scale != 1 else []
        parts += [f"{self.days:g} days"] if self.days is not None else []
        parts += [f"after {self.quiet:g} quiet days"] if self.quiet is not None else []
        parts += [f"honest pace {self.pace:g}"] if self.pace != 1 else []
        parts += [f"{self.accounts:,} honest accounts"] if self.accounts is not None else []
        parts += [f"dilution {self.dilution:g}"] if self.dilution is not None else []
        return ", ".join(parts)

    def order(self) -> Order:
        """What to draw."""
        return Order(
            seed=self.seed,
            split=self.split,
            scale=self.scale,
            level=self.level,
            days=self.days,
            accounts=self.accounts,
            sketch_ratio=self.sketch_ratio,
            dilution=self.dilution,
            quiet=self.quiet,
            pace=self.pace,
        )


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A closed loop that is drawn and has not been played."""

    job: Job
    traffic: Traffic
    decider: Decider
    about: Mapping[str, Any]
    campaigns: Mapping[str, Part]

    def play(self, progress: Callable[[float], None] = lambda _: None) -> Result:
        """All of it, once."""
        timing = Timing(self.job.delay_s, self.job.step_s)
        result = play(self.traffic, self.decider, timing, self.about, progress)
        campaigns = {
            name: msgspec.structs.replace(
                one, level=self.campaigns[name].level, scale=self.campaigns[name].scale
            )
            for name, one in result.campaigns.items()
        }
        return msgspec.structs.replace(result, campaigns=campaigns)


def prepared(job: Job, settings: Settings) -> Rehearsal:
    """Draw the traffic, and have the decider ready."""
    policy = load_policy(Path(job.policy) if job.policy else None)
    decider = decider_of(job.decider, settings, policy, is_live=True)
    about: dict[str, Any] = {
        "traffic": job.traffic,
        "split": job.split,
        "seed": job.seed,
        "scale": job.scale,
        "parameters": _parameters(job, policy.version),
    }
    mixture = read_mixture(job.scenario, job.order())
    parts = [part for part in mixture.parts if part.name in RECORDS]
    campaigns = {f"{part.name}-{number}": part for number, part in enumerate(parts, 1)}
    return Rehearsal(job, draw_mixture(mixture, job.order()), decider, about, campaigns)


def run(job: Job, settings: Settings, progress: Callable[[float], None] = lambda _: None) -> Result:
    """One closed loop, in this process."""
    return prepared(job, settings).play(progress)


def _parameters(job: Job, policy_version: str) -> dict[str, float | str]:
    given: dict[str, float | str | None] = {
        "scenario": job.scenario,
        "level": job.level,
        "decider": job.decider,
        "days": job.days,
        "accounts": job.accounts,
        "dilution": job.dilution,
        "step_s": job.step_s,
        "quiet": job.quiet,
        "pace": job.pace,
        "policy_version": policy_version,
    }
    return {name: value for name, value in given.items() if value is not None}
