"""How results, notes and progress are shown.

Standard output carries results only, so that it can be piped; everything else goes to standard
error.  Progress is drawn on a terminal only.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

GAP = 2  # between columns


def say(text: str) -> None:
    """A line on standard error."""
    typer.echo(text, err=True)


def show(text: str) -> None:
    """A result on standard output."""
    typer.echo(text)


def show_json(records: Iterable[Any]) -> None:
    """Records as JSON, one per line."""
    for record in records:
        typer.echo(msgspec.json.encode(record).decode())


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on standard output; nothing is wrapped or cut where no terminal is."""
    cells = [list(row) for row in rows]
    if not cells:
        say("nothing to show")
        return
    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=not console.is_terminal)
    for row in cells:
        table.add_row(*(escape(cell) for cell in row))
    if not console.is_terminal:
        console.width = sum(max(map(len, column)) + GAP for column in zip(columns, *cells, strict=True))
    console.print(table)


class Bar:
    """A progress bar in use."""

    def __init__(self, progress: Progress, what: str, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task(what, total=total)

    def at(self, completed: int, total: int | None = None) -> None:
        """Show how far it is."""
        if total is None:
            self._progress.update(self._task, completed=completed)
        else:
            self._progress.update(self._task, completed=completed, total=total)


@contextmanager
def progress_bar(what: str, total: int | None = None) -> Iterator[Bar]:
    """A bar on standard error, if that is a terminal; gone when the work is done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress, what, total)
