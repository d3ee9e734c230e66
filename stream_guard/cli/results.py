"""Writes the tables of docs/results.md: ``make results``.

Plays every closed loop of `evaluation/suite.py`; ``--html`` and ``--json`` take the plots and all figures.
What a loop came to is kept in ``--keep``: a run that broke off goes on where it was, and the same command
started twice shares the work.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from stream_guard.cli.evaluate_loop import play_all
from stream_guard.cli.output import say
from stream_guard.evaluation.page import block_of, inserted
from stream_guard.evaluation.report import render
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.suite import Chapter, Plan, chapters
from stream_guard.evaluation.sweeps import drawn
from stream_guard.settings import load_settings

SIZES: Final = ("seeds", "size", "accounts", "days", "quiet", "split")  # what of the plan can be chosen


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, play, write."""
    parser = argparse.ArgumentParser(prog="python -m stream_guard.cli.results", description=__doc__)
    parser.add_argument("page", type=Path, help="page whose tables are written anew")
    parser.add_argument("--seeds", type=int, default=Plan().seeds, help="how many")
    parser.add_argument(
        "--size", type=float, default=Plan().size, help="of the campaigns, against the page's"
    )
    parser.add_argument("--accounts", type=int, default=Plan().accounts, help="honest ones around a campaign")
    parser.add_argument("--days", type=float, default=Plan().days, help="of each campaign")
    parser.add_argument("--quiet", type=float, default=Plan().quiet, help="honest days before each campaign")
    parser.add_argument("--split", choices=("tune", "test"), default=Plan().split)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--keep", type=Path, default=Path("var/loops"), help="folder of what is known")
    parser.add_argument("--html", type=Path, help="where a page with plots goes")
    parser.add_argument("--json", type=Path, help="where all figures go")
    given = parser.parse_args(arguments)
    plan = Plan(**{name: getattr(given, name) for name in SIZES})
    page = given.page.read_text(encoding="utf-8")
    inserted(page, "")  # a page without marks is refused before a quarter of an hour is spent
    done = _play(plan, given.workers, given.keep)
    given.page.write_text(inserted(page, block_of(plan, _command(plan), done)), encoding="utf-8")
    _write(given.html, given.json, done)


def _play(plan: Plan, workers: int, keep: Path) -> dict[str, tuple[Chapter, Sequence[Result]]]:
    parts = chapters(plan)
    jobs = [job for part in parts for job in part.jobs]
    say(f"{len(set(jobs))} closed loops in {workers} processes")
    results, at = play_all(jobs, load_settings(), workers, keep), 0
    done: dict[str, tuple[Chapter, Sequence[Result]]] = {}
    for part in parts:
        done[part.name] = (part, results[at : at + len(part.jobs)])
        at += len(part.jobs)
    return done


def _command(plan: Plan) -> str:
    """What makes the page again."""
    usual = Plan()
    words = [
        f"--{name} {getattr(plan, name)}" for name in SIZES if getattr(plan, name) != getattr(usual, name)
    ]
    return "make results" + (f' ARGS="{" ".join(words)}"' if words else "")


def _write(html: Path | None, json: Path | None, done: dict[str, tuple[Chapter, Sequence[Result]]]) -> None:
    shown = [result for name in ("record", "informed", "honest", "baselines") for result in done[name][1]]
    sweeps = [plots for part, results in done.values() for plots in _swept(part, results)]
    if html is not None:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(render(shown, "Results", sweeps), encoding="utf-8")
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        everything = {name: list(results) for name, (_, results) in done.items()}
        json.write_bytes(msgspec.json.format(msgspec.json.encode(everything), indent=1) + b"\n")


def _swept(part: Chapter, results: Sequence[Result]) -> Iterator[dict[str, Any]]:
    """Plots of a chapter's sweep, level by level."""
    if part.sweep is None:
        return
    pairs = list(zip(part.jobs, results, strict=True))
    for level in dict.fromkeys(job.level for job in part.jobs):
        jobs, mine = zip(*(pair for pair in pairs if pair[0].level == level), strict=True)
        plots = drawn(part.sweep, jobs, mine)
        yield plots | {"title": f"{plots['title']} ({level})"}


if __name__ == "__main__":
    main()
