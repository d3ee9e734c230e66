"""The command line: `stream-guard`.  Thin: the work is in bootstrap, runtime and sinks.

Exit codes: 0 done; 1 the work failed; 2 wrong usage or configuration.  What can be expected to go
wrong is said in one line on standard error, without a traceback.  Results go to standard output,
progress and notes to standard error.
"""


def main() -> None:
    """The entry point of the `stream-guard` script."""
    from stream_guard.cli.app import app

    app(prog_name="stream-guard")
