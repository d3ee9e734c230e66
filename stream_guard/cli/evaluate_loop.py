"""The part of `stream-guard evaluate` that plays closed loops."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from stream_guard.cli.evaluate_log import Outputs, show_and_write
from stream_guard.cli.options import settings_from
from stream_guard.cli.output import progress_bar, say
from stream_guard.errors import ConfigurationError

PARTS = 1000  # of a job, that progress is told in


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for."""

    scenarios: Sequence[str]
    seeds: str
    split: str
    scale: float
    levels: Sequence[str]
    days: float | None
    accounts: int | None
    sketch_ratio: float
    deciders: Sequence[str]
    policies: Sequence[str]
    sweeps: Sequence[str]
    delay_s: float
    step_s: float
    quiet: float | None
    workers: int
    keep: Path | None


def rehearse(asked: Asked, outputs: Outputs, config: Path | None) -> None:
    """Every scenario, level, seed, decider and policy, then the sweeps."""
    from stream_guard.evaluation.sweeps import drawn, read_sweep, swept

    settings = settings_from(config)
    jobs = jobs_of(asked)
    sweeps = [(sweep, swept(jobs, sweep)) for sweep in map(read_sweep, asked.sweeps)]
    everything = [*jobs, *(job for _, more in sweeps for job in more)]
    say(f"{len(everything)} closed loops, split {asked.split}, seeds {asked.seeds}")
    results = play_all(everything, settings, asked.workers or os.cpu_count() or 1, asked.keep)
    if len(asked.policies) > 1:
        results = [_with_policy(job, result) for job, result in zip(everything, results, strict=True)]
    plots, start = [], len(jobs)
    for sweep, more in sweeps:
        plots.append(drawn(sweep, more, results[start : start + len(more)]))
        start += len(more)
    once = dict(zip(everything, results, strict=True))  # a sweep may come by what was asked for anyway
    show_and_write([*once.values()], outputs, plots)


def _with_policy(job: Any, result: Any) -> Any:
    """Told apart by the policy's file, where there are several."""
    if not job.decider.startswith("guard"):
        return result
    return msgspec.structs.replace(result, decider=f"{result.decider}, {job.policy or 'standard policy'}")


def play_all(jobs: Sequence[Any], settings: Any, workers: int, keep: Path | None) -> list[Any]:
    """All jobs, with progress."""
    from stream_guard.evaluation.many import run_all

    with progress_bar("closed loops", PARTS * len(jobs)) as bar:
        return run_all(jobs, settings, workers, lambda done: bar.at(round(PARTS * sum(done))), keep)


def jobs_of(asked: Asked) -> list[Any]:
    """One for each combination."""
    from stream_guard.evaluation.deciders.catalogue import decider_of
    from stream_guard.evaluation.runs import Job
    from stream_guard.settings import Settings

    for text in asked.deciders:
        decider_of(text, Settings(), None, is_live=True)  # a wrong name is said before hours of work
    combinations = [
        (scenario, level, decider, policy, seed)
        for scenario in asked.scenarios
        for level in asked.levels
        for decider in asked.deciders
        for policy in (asked.policies if decider.startswith("guard") else [""])
        for seed in seeds_of(asked.seeds)
    ]
    common = {
        "split": asked.split, "scale": asked.scale, "days": asked.days, "accounts": asked.accounts,
        "sketch_ratio": asked.sketch_ratio, "delay_s": asked.delay_s, "step_s": asked.step_s,
        "quiet": asked.quiet,
    }  # fmt: skip
    drawn = [
        common | {"scenario": scenario, "level": level, "decider": decider, "policy": policy, "seed": seed}
        for scenario, level, decider, policy, seed in combinations
    ]
    try:
        return msgspec.convert(drawn, list[Job])
    except msgspec.ValidationError as error:
        message = f"--split, --level: {error}"
        raise ConfigurationError(message) from error


def seeds_of(text: str) -> list[int]:
    """``1..5`` or ``1,4,7``; ConfigurationError if it is neither."""
    first, dots, last = text.partition("..")
    try:
        seeds = list(range(int(first), int(last) + 1)) if dots else [int(one) for one in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds:
        message = f"--seeds {text!r}: expected a range such as 1..5, or a list such as 1,4,7"
        raise ConfigurationError(message)
    return seeds
