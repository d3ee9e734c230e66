"""Writes the table of sizes in docs/results.md: ``make results-scale``.

Each size of `evaluation/scale.py` is played in a process of its own and kept in ``--keep``, so that sizes
may be played one at a time: the table holds those of ``--accounts`` and whatever else is known.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from stream_guard.cli.output import say
from stream_guard.evaluation.kept import Kept, made_or_kept, note_source
from stream_guard.evaluation.page import inserted, markdown
from stream_guard.evaluation.scale import SIZES, Measured, Plan, measure, sheet
from stream_guard.settings import Settings, load_settings

NAME: Final = "scale"  # of the marks on the page
CHOSEN: Final = ("campaigns", "seed", "days", "quiet", "pace")


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, play what is not known, write."""
    usual = Plan()
    parser = argparse.ArgumentParser(prog="python -m stream_guard.cli.results_scale", description=__doc__)
    parser.add_argument("page", type=Path, help="page whose table is written anew")
    parser.add_argument("--accounts", default=",".join(map(str, SIZES)), help="sizes, e.g. 5000,50000")
    parser.add_argument("--campaigns", default=usual.campaigns)
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--days", type=float, default=usual.days, help="with campaigns")
    parser.add_argument("--quiet", type=float, default=usual.quiet, help="honest days before them")
    parser.add_argument(
        "--pace", type=float, default=usual.pace, help="of honest accounts, against the usual"
    )
    parser.add_argument("--keep", type=Path, default=Path("var/scale"), help="folder of what is known")
    given = parser.parse_args(arguments)
    plan = Plan(**{name: getattr(given, name) for name in CHOSEN})
    asked = {int(size) for size in given.accounts.split(",")}
    measured = _all(plan, asked, load_settings(), given.keep)
    page = given.page.read_text(encoding="utf-8")
    if f"<!-- {NAME}: begin -->" not in page:
        page += f"\n## Among ever more honest accounts\n\n<!-- {NAME}: begin -->\n<!-- {NAME}: end -->\n"
    given.page.write_text(inserted(page, _block(plan, measured), NAME), encoding="utf-8")


def _all(plan: Plan, asked: set[int], settings: Settings, keep: Path) -> list[Measured]:
    note_source()
    kept = Kept(keep, settings, Measured)
    for size in sorted(asked):
        say(f"{size:,} honest accounts")
        made_or_kept(kept, plan.job(size), lambda size=size: _apart(plan, size, settings))
    known = [kept.read(plan.job(size)) for size in sorted(asked | set(SIZES))]
    return [one for one in known if one is not None]


def _apart(plan: Plan, accounts: int, settings: Settings) -> Measured:
    """In a process of its own, whose memory holds nothing else."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, plan, accounts, settings).result()


def _block(plan: Plan, measured: list[Measured]) -> str:
    usual = Plan()
    words = [
        f"--{name} {getattr(plan, name)}" for name in CHOSEN if getattr(plan, name) != getattr(usual, name)
    ]
    command = "make results-scale" + (f' ARGS="{" ".join(words)}"' if words else "")
    about = (
        f"Split `test`, seed {plan.seed}; `{plan.campaigns}` for {plan.days:g} days, after {plan.quiet:g} "
        f"days of honest accounts alone. Honest accounts ask {plan.pace:g} times as much as usual, at "
        "every size; the guard knows only those who asked. Memory is that of one process with simulator, "
        "guard and the books of the evaluation: once all accounts are drawn, and in the end."
    )
    return "\n\n".join([f"    {command}", about, markdown(sheet(measured))])


if __name__ == "__main__":
    main()
