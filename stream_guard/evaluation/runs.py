"""Many closed loops, side by side.

A `Job` says everything about one: what is drawn and who decides.  Each runs in a process of its own;
results come back in the order of the jobs, whichever was done first, so that the same jobs give the
same report.  One scenario of one seed is the same traffic for every decider until the first refusal.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from queue import Empty
from typing import Any

import msgspec
from msgspec import Struct

from stream_guard.decisions.policy import load_policy
from stream_guard.errors import StreamGuardError
from stream_guard.evaluation.deciders.catalogue import decider_of
from stream_guard.evaluation.loop import Timing, play
from stream_guard.evaluation.results import Result
from stream_guard.settings import Settings
from stream_guard.simulator.attackers.record import RECORDS
from stream_guard.simulator.catalogue import Part, read_mixture
from stream_guard.simulator.draws import Split
from stream_guard.simulator.order import Level, Order
from stream_guard.simulator.scenario import draw_mixture

LOOK_S = 0.5  # between looks at how far jobs are


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

    @property
    def traffic(self) -> str:
        """How reports call what is drawn, seeds aside."""
        parts = [self.scenario]
        parts += [self.level] if "@" not in self.scenario else []
        parts += [f"scale {self.scale:g}"] if self.scale != 1 else []
        parts += [f"{self.days:g} days"] if self.days is not None else []
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
        )


class JobFailed(StreamGuardError):
    """A closed loop broke off; the message names it."""


def run(job: Job, settings: Settings, progress: Callable[[float], None] = lambda _: None) -> Result:
    """One closed loop, in this process."""
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
    traffic = draw_mixture(mixture, job.order())
    result = play(traffic, decider, Timing(job.delay_s, job.step_s), about, progress)
    return _with_levels(result, [part for part in mixture.parts if part.name in RECORDS])


def _with_levels(result: Result, parts: Sequence[Part]) -> Result:
    """Say of each campaign how clever and how large it was; they are numbered in the order of their parts."""
    drawn = {f"{part.name}-{number}": part for number, part in enumerate(parts, 1)}
    campaigns = {
        name: msgspec.structs.replace(one, level=drawn[name].level, scale=drawn[name].scale)
        for name, one in result.campaigns.items()
    }
    return msgspec.structs.replace(result, campaigns=campaigns)


def _parameters(job: Job, policy_version: str) -> dict[str, float | str]:
    given: dict[str, float | str | None] = {
        "scenario": job.scenario,
        "level": job.level,
        "decider": job.decider,
        "days": job.days,
        "accounts": job.accounts,
        "dilution": job.dilution,
        "step_s": job.step_s,
        "policy_version": policy_version,
    }
    return {name: value for name, value in given.items() if value is not None}


Told = Callable[[Sequence[float]], None]
"""Hears what share of each job is done, in the order of the jobs."""


def run_all(
    jobs: Sequence[Job], settings: Settings, workers: int, told: Told = lambda _: None
) -> list[Result]:
    """All of them, ``workers`` at a time; JobFailed names the first that broke off."""
    done = [0.0] * len(jobs)
    if workers <= 1:
        return [_run_here(job, settings, index, done, told) for index, job in enumerate(jobs)]
    with _pool(workers) as (pool, heard):
        futures = {pool.submit(_run_there, index, job, settings): index for index, job in enumerate(jobs)}
        results: dict[int, Result] = {}
        waiting: set[Future[Result]] = set(futures)
        while waiting:
            finished, waiting = wait(waiting, timeout=LOOK_S, return_when=FIRST_COMPLETED)
            for index, share in heard():
                done[index] = share
            for future in finished:
                results[futures[future]] = _result_of(future, jobs[futures[future]])
                done[futures[future]] = 1.0
            told(done)
    return [results[index] for index in range(len(jobs))]


def _run_here(job: Job, settings: Settings, index: int, done: list[float], told: Told) -> Result:
    def progress(share: float) -> None:
        done[index] = share
        told(done)

    return run(job, settings, progress)


def _result_of(future: Future[Result], job: Job) -> Result:
    try:
        return future.result()
    except StreamGuardError:
        raise
    except Exception as error:
        message = f"{job.traffic}, seed {job.seed}, {job.decider}: {error!r}"
        raise JobFailed(message) from error


_queue: Any = None  # of a worker process: where it says how far it is


def _listen_to(queue: Any) -> None:
    global _queue  # noqa: PLW0603 - a pool hands a queue to its processes in no other way
    _queue = queue


def _run_there(index: int, job: Job, settings: Settings) -> Result:
    return run(job, settings, lambda share: _queue.put((index, share)))


@contextmanager
def _pool(workers: int) -> Iterator[tuple[ProcessPoolExecutor, Callable[[], list[tuple[int, float]]]]]:
    """Processes, and a way to hear from them; on an error what has not begun is left."""
    context = get_context("spawn")
    queue = context.Queue()

    def heard() -> list[tuple[int, float]]:
        messages = []
        while True:
            try:
                messages.append(queue.get_nowait())
            except Empty:
                return messages

    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_listen_to, initargs=(queue,))
    try:
        yield pool, heard
    finally:
        pool.shutdown(cancel_futures=True)
        queue.close()
