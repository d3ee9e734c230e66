"""`stream-guard console`: the console, in a browser."""

from typing import Annotated

import msgspec
import typer

from stream_guard.cli.options import Config, settings_from


def console(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on.", show_default="console.host")
    ] = "",
    port: Annotated[
        int, typer.Option("--port", help="Port; 0 takes a free one.", show_default="console.port", max=65_535)
    ] = -1,
    config: Config = None,
) -> None:
    """Serve the console: what goes on, campaigns, accounts, and an operator's word back.

    It can only be read, unless a token is set (console.token or console.token_file). See docs/console.md.

    For example:

        stream-guard console

        STREAM_GUARD_CONSOLE__TOKEN_FILE=/run/secrets/console stream-guard console
    """
    from stream_guard.console.app import serve
    from stream_guard.telemetry.logs import configure_logs

    settings = settings_from(config)
    configure_logs(settings.telemetry.log_level)
    chosen = msgspec.structs.replace(
        settings.console,
        host=host or settings.console.host,
        port=settings.console.port if port < 0 else port,
    )
    serve(msgspec.structs.replace(settings, console=chosen))
