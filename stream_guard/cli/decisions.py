"""`stream-guard decisions`: what holds, why, and taking it back."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from stream_guard.cli import words
from stream_guard.cli.options import Author, Config, Json, Note, author_or_login, settings_from
from stream_guard.cli.output import say, show, show_json, show_table
from stream_guard.errors import ConfigurationError, StreamGuardError
from stream_guard.records import Control, Decision

app = typer.Typer(no_args_is_help=True, help="Show, explain and revoke decisions.")
Account = Annotated[str, typer.Argument(help="The account's id.", show_default=False)]
File = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="What a replay wrote with --decisions.", show_default="Redis"),
]


class Acting(StrEnum):
    """Actions that a decision can be listed by."""

    throttle = "throttle"
    challenge = "challenge"
    block = "block"
    allow = "allow"


@app.command("list")
def list_(
    action: Annotated[Acting | None, typer.Option("--action", "-a", help="Only this action.")] = None,
    campaign: Annotated[str | None, typer.Option("--campaign", help="Only this campaign's members.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Ended ones and releases, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
    file: File = None,
    config: Config = None,
    is_json: Json = False,
) -> None:
    """List the newest decision of each account, newest first: what is in force now.

    With --file, "now" is when the last decision in it was made.

    For example:

        stream-guard decisions list --action block

        stream-guard decisions list --all --file decisions.jsonl --json
    """
    from stream_guard.decisions.explain import at

    store, now = _store(file, config)
    found = _newest(store, None if everything else now, action, campaign, limit + 1)
    if len(found) > limit:
        found = found[:limit]
        say(f"the newest {limit:,}; there are more: --limit")
    if is_json:
        show_json(found)
        return
    show_table(
        ("account", "action", "per min", "since", "until", "campaign", "shadow", "reasons"),
        [
            (
                d.account_id, d.action, str(d.limit_per_min or ""), at(d.decided_at),
                "" if d.expires_at is None else at(d.expires_at), d.campaign_id or "",
                "yes" if d.shadow else "", ", ".join(d.reason_codes),
            )
            for d in found
        ],
    )  # fmt: skip


@app.command("show")
def show_(account: Account, file: File = None, config: Config = None, is_json: Json = False) -> None:
    """Show what holds for one account, on one line.

    For example:

        stream-guard decisions show acct-17 --json
    """
    from stream_guard.decisions.explain import one_line

    decision = _decision(account, file, config)
    if is_json:
        show_json([decision])
    else:
        show(one_line(decision))


@app.command()
def explain(
    account: Account,
    campaigns: Annotated[
        Path | None, typer.Option("--campaigns", help="What a replay wrote with --campaigns.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", "-p", help="Policy.", show_default="that of the settings")
    ] = None,
    file: File = None,
    config: Config = None,
) -> None:
    """Explain a decision: what was seen, what honest traffic shows, what would have changed it.

    For example:

        stream-guard decisions explain acct-17
    """
    from stream_guard.cli.campaigns import read
    from stream_guard.decisions import explain as words_for
    from stream_guard.decisions.policy import load_policy

    settings = settings_from(config)
    decision = _decision(account, file, config)
    loaded = load_policy(policy or (Path(settings.policy) if settings.policy else None))
    states = read(campaigns, config) if campaigns is not None else {}
    show(words_for.explain(decision, states.get(decision.campaign_id or ""), loaded))


@app.command()
def revoke(
    account: Account,
    wrong: Annotated[
        bool, typer.Option("--wrong", help="Also label the decision as wrong: CAMPAIGNS learns from it.")
    ] = False,
    note: Note = "",
    author: Author = "",
    config: Config = None,
) -> None:
    """Take back what is held of an account, and leave it alone for the policy's pardon.

    For example:

        stream-guard decisions revoke acct-17 --wrong --note "called them: a class, ticket 42"
    """
    now, who = words.now(), author_or_login(author)
    said = [Control(verb="revoke", subject=account, spoken_at=now, author=who, note=note)]
    if wrong:
        said.append(
            Control(verb="label", subject=account, spoken_at=now, author=who, note=note, value="wrong")
        )
    words.send(settings_from(config), *said)
    say(f"what was held of {account} is revoked{' and labelled as wrong' if wrong else ''}")


@app.command()
def chargeback(account: Account, note: Note = "", author: Author = "", config: Config = None) -> None:
    """Say that a payment of this account was charged back, as billing would: the policy's rule for it holds.

    Gateways obey within a fraction of a second; the decision with its reasons follows.

    For example:

        stream-guard decisions chargeback acct-17 --note "case 4711" --author billing
    """
    word = Control(
        verb="chargeback", subject=account, spoken_at=words.now(), author=author_or_login(author), note=note
    )
    words.send(settings_from(config), word)
    say(f"a chargeback against {account} is noted")


def _store(file: Path | None, config: Path | None) -> tuple[Any, float]:
    """Where decisions are read from, and what time it is there."""
    if file is None:
        from stream_guard.sinks.decision_store import RedisDecisionStore

        return RedisDecisionStore(settings_from(config).redis.url), time.time()
    from stream_guard.errors import InvalidEvent
    from stream_guard.sinks.decision_store import MemoryDecisionStore

    store = MemoryDecisionStore()
    try:
        store.push((None, line) for line in words.lines_of(file))
    except InvalidEvent as error:
        message = f"{file}: expected decisions, one JSON object per line; got: {error.detail}"
        raise ConfigurationError(message) from error
    newest = store.newest(1)
    return store, newest[0].decided_at if newest else 0.0


def _newest(
    store: Any, now: float | None, action: Acting | None, campaign: str | None, limit: int
) -> list[Decision]:
    from stream_guard.sinks.decision_store import Selection

    if action is None and now is not None:
        actions: list[Any] = ["throttle", "challenge", "block"]
    else:
        actions = [action.value if action else None]
    found = [
        decision
        for each in actions
        for decision in store.newest(limit, Selection(action=each, campaign_id=campaign, holding_at=now))
    ]
    return sorted(found, key=lambda d: (-d.decided_at, d.account_id))[:limit]


def _decision(account: str, file: Path | None, config: Path | None) -> Decision:
    store, _ = _store(file, config)
    decision: Decision | None = store.get(account)
    if decision is None:
        message = f"no decision was ever made on {account!r}: it may go on"
        raise StreamGuardError(message)
    return decision
