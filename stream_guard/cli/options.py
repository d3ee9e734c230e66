"""Options that several commands share, and what they lead to."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from stream_guard.errors import ConfigurationError
from stream_guard.settings import Settings, load_settings

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="STREAM_GUARD_CONFIG",
        help="Settings, a TOML file.",
        show_default="the defaults",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON, one object per line, for programs.")]
Author = Annotated[
    str,
    typer.Option("--author", envvar="STREAM_GUARD_AUTHOR", help="Who says so.", show_default="your login"),
]
Note = Annotated[str, typer.Option("--note", help="Why: kept with the word.")]


def settings_from(config: Path | None) -> Settings:
    """The settings; ConfigurationError if they can not be used."""
    return load_settings(config)


def author_or_login(author: str) -> str:
    """Who speaks."""
    if author:
        return author
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        message = "--author: expected a name, since your login can not be told"
        raise ConfigurationError(message) from error


Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE",
        help="Events: .jsonl, plain, .gz or .zst, or Parquet; - is standard input.",
        show_default=False,
    ),
]
