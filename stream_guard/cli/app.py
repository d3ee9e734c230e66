"""All commands in one tree, and what an error of ours turns into."""

import logging
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stream_guard import __version__
from stream_guard.cli.allow import app as allow
from stream_guard.cli.campaigns import app as campaigns
from stream_guard.cli.check import check_config
from stream_guard.cli.console import console
from stream_guard.cli.decisions import app as decisions
from stream_guard.cli.demo import demo
from stream_guard.cli.doctor import doctor
from stream_guard.cli.evaluate import evaluate
from stream_guard.cli.gateway import gateway
from stream_guard.cli.output import say
from stream_guard.cli.produce import produce
from stream_guard.cli.rebuild import rebuild
from stream_guard.cli.replay import replay
from stream_guard.cli.run import run
from stream_guard.cli.shadow import app as shadow
from stream_guard.cli.simulate import simulate
from stream_guard.cli.top import top
from stream_guard.errors import ConfigurationError, StreamGuardError

EXIT_FAILED = 1
EXIT_USAGE = 2


class GuardedGroup(TyperGroup):
    """Turns expected errors into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            say(f"error: {error}")
            raise typer.Exit(EXIT_USAGE) from error
        except (StreamGuardError, OSError) as error:
            say(f"error: {error}")
            raise typer.Exit(EXIT_FAILED) from error


app = typer.Typer(
    cls=GuardedGroup,
    name="stream-guard",
    help="Finds accounts that copy a model through its API, and stops them together.",
    epilog="Begin with: stream-guard demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"stream-guard {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    # Kafka's client logs each attempt; what came of them is in our own error. `run` sets up real logs.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


for command in (demo, run, gateway, replay, evaluate, simulate, produce, rebuild, console, top, doctor):
    app.command()(command)
app.command("check-config")(check_config)
app.add_typer(decisions, name="decisions")
app.add_typer(allow, name="allow")
app.add_typer(campaigns, name="campaigns")
app.add_typer(shadow, name="shadow")
