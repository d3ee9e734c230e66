"""The command line: `stream-guard`.  Thin: the work is in bootstrap, runtime and sinks.

Exit codes: 0 done; 1 the work failed; 2 wrong usage or configuration.  What can be expected to go
wrong is said in one line on standard error, without a traceback.  Results go to standard output,
progress and notes to standard error.
"""

from typing import Final

EXIT_INTERRUPTED: Final = 130  # by Ctrl-C, as shells count it


def main() -> None:
    """The entry point of the `stream-guard` script."""
    try:
        from stream_guard.cli.app import app
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None
    app(prog_name="stream-guard")
