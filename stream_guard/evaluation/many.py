"""Many closed loops, side by side.

Each runs in a process of its own; results come back in the order of the jobs, whichever was done first,
so that the same jobs give the same report.  The same job twice is played once.  With a folder to keep
outcomes in, what is known there is not played again, and what another run is playing comes last.

Glossary: *told* what is called with the share of each job that is done.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from queue import Empty
from typing import Any

from stream_guard.errors import StreamGuardError
from stream_guard.evaluation.kept import Kept, made_or_kept, note_source
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.runs import Job, run
from stream_guard.settings import Settings

LOOK_S = 0.5  # between looks at how far jobs are, or at what others are playing
Told = Callable[[Sequence[float]], None]
"""Hears what share of each job is done, in the order of the jobs."""


class JobFailed(StreamGuardError):
    """A closed loop broke off; the message names it."""


def run_all(
    jobs: Sequence[Job],
    settings: Settings,
    workers: int,
    told: Told = lambda _: None,
    keep: Path | None = None,
) -> list[Result]:
    """All of them, ``workers`` at a time; JobFailed names the first that broke off."""
    note_source()
    board = Board(jobs, told)
    if workers <= 1:
        _run_here(board, settings, keep)
    else:
        _run_there(board, settings, keep, workers)
    return [board.results[job] for job in jobs]


class Board:
    """Which jobs are to be played, and how far they are."""

    def __init__(self, jobs: Sequence[Job], told: Told) -> None:
        self.open = deque(dict.fromkeys(jobs))
        self.results: dict[Job, Result] = {}
        self._jobs = jobs
        self._shares = dict.fromkeys(jobs, 0.0)
        self._told = told

    def progress(self, job: Job, share: float) -> None:
        """So much of it is done."""
        self._shares[job] = max(share, self._shares[job])
        self._told([self._shares[one] for one in self._jobs])

    def came(self, job: Job, result: Result | None) -> None:
        """It is done, or (None) somebody else is at it: it is asked for again after the others."""
        if result is None:
            self.open.append(job)
            return
        self.results[job] = result
        self.progress(job, 1.0)


def _play(
    job: Job, settings: Settings, keep: Path | None, progress: Callable[[float], None]
) -> Result | None:
    """In whichever process; None after a while if another run is playing it."""
    kept = None if keep is None else Kept(keep, settings, Result)
    result: Result | None = made_or_kept(kept, job, lambda: run(job, settings, progress))
    if result is None:
        time.sleep(LOOK_S)
    return result


def _run_here(board: Board, settings: Settings, keep: Path | None) -> None:
    while board.open:
        job = board.open.popleft()
        board.came(job, _play(job, settings, keep, lambda share, job=job: board.progress(job, share)))  # type: ignore[misc]


def _run_there(board: Board, settings: Settings, keep: Path | None, workers: int) -> None:
    with _pool(workers) as (pool, heard):
        playing: dict[Future[Result | None], Job] = {}
        while playing or board.open:
            while board.open and len(playing) < workers:
                job = board.open.popleft()
                playing[pool.submit(_play_there, job, settings, keep)] = job
            finished, _ = wait(playing, timeout=LOOK_S, return_when=FIRST_COMPLETED)
            for job, share in heard():
                board.progress(job, share)
            for future in finished:
                job = playing.pop(future)
                board.came(job, _result_of(future, job))


def _result_of(future: Future[Result | None], job: Job) -> Result | None:
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
    note_source()


def _play_there(job: Job, settings: Settings, keep: Path | None) -> Result | None:
    return _play(job, settings, keep, lambda share: _queue.put((job, share)))


@contextmanager
def _pool(workers: int) -> Iterator[tuple[ProcessPoolExecutor, Callable[[], list[tuple[Job, float]]]]]:
    """Processes, and a way to hear from them; on an error what has not begun is left."""
    context = get_context("spawn")
    queue = context.Queue()

    def heard() -> list[tuple[Job, float]]:
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
