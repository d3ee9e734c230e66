"""`stream-guard shadow`: record and count, but enforce nothing, or nothing by one rule."""

from typing import Annotated, Any

import typer

from stream_guard.cli import words
from stream_guard.cli.options import Author, Config, Json, Note, author_or_login, settings_from
from stream_guard.cli.output import say
from stream_guard.cli.times import expiry
from stream_guard.records import Control

app = typer.Typer(no_args_is_help=True, help="Put all rules, or one, into shadow, and back into force.")
Rule = Annotated[str, typer.Option("--rule", help="Only this rule of the policy.", show_default="all rules")]


@app.command()
def on(
    rule: Rule = "",
    duration: Annotated[
        str,
        typer.Option(
            "--for", help='How long, such as "2h" or "1d".', show_default="until it is switched off"
        ),
    ] = "",
    note: Note = "",
    author: Author = "",
    config: Config = None,
) -> None:
    """Enforce nothing more: what is held goes into shadow at once; detection goes on.

    For example:

        stream-guard shadow on --for 2h --note "too many blocks, ticket 42"

        stream-guard shadow on --rule campaign_successor
    """
    now = words.now()
    _switch("on", rule, now, config, author=author, note=note, expires_at=expiry(now, duration))
    say(f"{rule or 'everything'} is in shadow")


@app.command()
def off(rule: Rule = "", note: Note = "", author: Author = "", config: Config = None) -> None:
    """Enforce again, as the policy says; blocks that come back keep to its cap per hour.

    For example:

        stream-guard shadow off
    """
    _switch("off", rule, words.now(), config, author=author, note=note, expires_at=None)
    say(f"{rule or 'everything'} is in force, as the policy says")


@app.command("list")
def list_(config: Config = None, is_json: Json = False) -> None:
    """Show what is in shadow now by an operator's word (a policy may hold more in shadow).

    For example:

        stream-guard shadow list --json
    """
    from stream_guard.sinks.control import shadows_at

    held = shadows_at(words.spoken(settings_from(config)), words.now())
    words.show(held, endless="", is_json=is_json)


def _switch(
    value: str, rule: str, now: float, config: Any, *, author: str, note: str, expires_at: float | None
) -> None:
    word = Control(
        verb="shadow",
        subject=f"rule:{rule}" if rule else "all",
        spoken_at=now,
        author=author_or_login(author),
        value=value,
        expires_at=expires_at,
        note=note,
    )
    words.send(settings_from(config), word)
