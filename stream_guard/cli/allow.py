"""`stream-guard allow`: whom to leave alone."""

from typing import Annotated

import typer

from stream_guard.cli import words
from stream_guard.cli.options import Author, Config, Json, Note, author_or_login, settings_from
from stream_guard.cli.output import say
from stream_guard.cli.times import expiry
from stream_guard.records import Control

app = typer.Typer(no_args_is_help=True, help="Exempt accounts, organisations and networks.")
Subject = Annotated[
    str,
    typer.Argument(help="An account id, org:<id> or network:<cidr>.", show_default=False),
]


@app.command()
def add(
    subject: Subject,
    duration: Annotated[
        str, typer.Option("--for", help='How long, such as "12h" or "30d".', show_default="until removed")
    ] = "",
    note: Note = "",
    author: Author = "",
    config: Config = None,
) -> None:
    """Leave an account, an organisation or a network alone; what holds against it ends at once.

    For example:

        stream-guard allow add acct-17 --for 30d --note "load test, ticket 42"

        stream-guard allow add network:192.0.2.0/24
    """
    now = words.now()
    word = Control(
        verb="exempt",
        subject=subject,
        spoken_at=now,
        author=author_or_login(author),
        expires_at=expiry(now, duration),
        note=note,
    )
    words.send(settings_from(config), word)
    say(f"{subject} is exempt {'for ' + duration if duration else 'until removed'}")


@app.command()
def remove(subject: Subject, note: Note = "", author: Author = "", config: Config = None) -> None:
    """Take an exemption (or a revocation's pardon) back; what still stands holds again.

    For example:

        stream-guard allow remove acct-17
    """
    word = Control(
        verb="unexempt", subject=subject, spoken_at=words.now(), author=author_or_login(author), note=note
    )
    words.send(settings_from(config), word)
    say(f"{subject} is no longer exempt")


@app.command("list")
def list_(config: Config = None, is_json: Json = False) -> None:
    """Show what is exempt now by an operator's word (a policy may exempt more).

    For example:

        stream-guard allow list --json
    """
    from stream_guard.sinks.control import exemptions_at

    held = exemptions_at(words.spoken(settings_from(config)), words.now())
    words.show(held, endless="removed", is_json=is_json)
