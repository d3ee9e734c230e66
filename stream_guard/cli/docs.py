"""Writes docs/cli.md from the commands: ``python -m stream_guard.cli.docs`` prints it."""

import sys
from collections.abc import Iterator
from typing import Any, Final

from typer.main import get_command

from stream_guard.cli.app import app

HEAD: Final = """\
# Command line

Generated from `stream_guard/cli` by `python -m stream_guard.cli.docs`; do not edit.

Results go to standard output, progress and notes to standard error; progress is drawn on a terminal only.
Every listing has `--json`: one object per line. `stream-guard --install-completion` completes commands in
your shell.

| exit code | means |
|---|---|
| 0 | done |
| 1 | the work failed; one line on standard error says what and where |
| 2 | wrong usage or configuration: file, path, value and what was expected |
"""
HIDDEN: Final = ("--help", "--install-completion", "--show-completion")


def render() -> str:
    """The page."""
    return HEAD + "".join(_sections(get_command(app), ("stream-guard",)))


def _sections(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    """A section per command, depth first."""
    children = getattr(command, "commands", {})
    if len(path) > 1:
        yield _section(command, path)
    for name, child in children.items():
        yield from _sections(child, (*path, name))


def _section(command: Any, path: tuple[str, ...]) -> str:
    rows = [_row(parameter) for parameter in command.params if not _is_hidden(parameter)]
    table = "".join(["\n| | |\n|---|---|\n", *rows]) if rows else ""
    return f"\n{'#' * len(path)} {' '.join(path)}\n\n{command.help.strip()}\n{table}"


def _is_hidden(parameter: Any) -> bool:
    return parameter.hidden or any(name in HIDDEN for name in parameter.opts)


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        name = ", ".join(f"`{each}`" for each in parameter.opts)
    text = parameter.help or ""
    shown = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
    if parameter.required:
        text += " Required."
    elif shown not in (None, False, "") and not callable(shown):
        text += f" Default: {shown}."
    if parameter.envvar:
        text += f" Environment: `{parameter.envvar}`."
    return f"| {name} | {text} |\n"


if __name__ == "__main__":
    sys.stdout.write(render())
