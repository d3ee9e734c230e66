"""`stream-guard doctor`: what is reachable, what is wrong, and how to mend it."""

from typing import Annotated

import typer

from stream_guard.cli.options import Config, Json, settings_from
from stream_guard.cli.output import show, show_json

MARKS = {"good": "good ", "note": "note ", "wrong": "WRONG"}


def doctor(
    config: Config = None,
    metrics: Annotated[
        str,
        typer.Option("--metrics", help="Address of a worker's metrics.", show_default="that of the settings"),
    ] = "",
    is_json: Json = False,
) -> None:
    """Look at everything that stream_guard needs, and say how to mend what is wrong.

    Exit code 1 if something that is needed is wrong.

    For example:

        stream-guard doctor -c stream-guard.toml

        stream-guard doctor --json
    """
    from stream_guard.cli import checkup

    settings = settings_from(config)
    findings = list(checkup.examine(settings, config, metrics))
    if is_json:
        show_json(findings)
    else:
        width = max(len(finding.what) for finding in findings)
        for finding in findings:
            show(f"{MARKS[finding.state]}  {finding.what.ljust(width)}  {finding.found}")
            if finding.mend:
                show(f"{'':7}{'':{width}}  -> {finding.mend}")
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)
