"""`stream-guard top`: the console's overview, in a terminal."""

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live

from stream_guard.cli.options import Config, Json, settings_from
from stream_guard.cli.output import show_json

if TYPE_CHECKING:
    from stream_guard.console.sources import Sources

PATIENCE_S = 15.0  # for the topics to be read once
STEP_S = 0.1


def top(
    once: Annotated[bool, typer.Option("--once", help="Show it once, when all is read, and end.")] = False,
    every: Annotated[float, typer.Option("--every", min=0.2, help="Seconds between two looks.")] = 1.0,
    config: Config = None,
    is_json: Json = False,
) -> None:
    """Watch the stream: what needs a look, what is held, campaigns, the newest decisions.

    Ctrl-C ends it. With --json each look is one line; with --once there is one, and exit code 1 if
    not all could be read.

    For example:

        stream-guard top

        stream-guard top --once --json
    """
    from stream_guard.cli.top_view import draw, snapshot
    from stream_guard.console.sources import Sources
    from stream_guard.telemetry.logs import configure_logs

    configure_logs("error")
    with Sources(settings_from(config), has_profiles=False) as sources:
        if once:
            _wait(sources)
            seen = snapshot(sources, time.time())
            if is_json:
                show_json([seen])
            else:
                Console().print(draw(seen))
            if not seen.is_complete:
                raise typer.Exit(1)
            return
        try:
            if is_json:
                while True:
                    show_json([snapshot(sources, time.time())])
                    time.sleep(every)
            with Live(screen=True, auto_refresh=False) as live:
                while True:
                    live.update(draw(snapshot(sources, time.time())), refresh=True)
                    time.sleep(every)
        except KeyboardInterrupt:
            return


def _wait(sources: "Sources") -> None:
    """Until all topics were read, one can not be read, or patience ends."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        state = sources.state()
        if state.errors or (state.is_complete and sources.meters.looked > 1):
            return
        time.sleep(STEP_S)
