"""What `stream-guard top` shows: a snapshot of the stream, as a record and drawn for a terminal."""

from collections.abc import Mapping

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from stream_guard.cli.demo_view import STYLES
from stream_guard.console import views
from stream_guard.console.budget import DAYS, Budget, budget_of, shown
from stream_guard.console.looks import Look, looks
from stream_guard.console.sources import Sources
from stream_guard.decisions.explain import at
from stream_guard.records import CampaignState, Decision
from stream_guard.sinks.control import shadows_at

CAMPAIGNS = 8
DECISIONS = 12
REASONS = 6
LEVELS = {"bad": "bold red", "warn": "yellow", "note": "dim"}


class Snapshot(Struct, frozen=True):
    """The stream at one moment; times in Unix seconds."""

    at: float
    is_complete: bool  # all topics were read to their end
    workers: int
    events_per_s: float
    accounts: int
    lag: Mapping[str, int]  # stage -> messages that wait
    watermark_at: float  # event time of the stage that is furthest behind; 0: not known
    holding: Mapping[str, Mapping[str, int]]  # action -> accounts in force and in shadow
    reasons: Mapping[str, int]  # first reason of what holds -> accounts
    budget: Budget  # for false blocks, over thirty days
    looks: tuple[Look, ...]
    campaigns: tuple[CampaignState, ...]  # active, the newest change first
    decisions: tuple[Decision, ...]  # the newest, releases left out


def snapshot(sources: Sources, now: float) -> Snapshot:
    """What the sources say now."""
    memory, reading, state = sources.memory, sources.meters.reading, sources.state()
    campaigns = [each for each in memory.campaigns() if each.status == "active"]
    newest = [each for each in memory.newest(DECISIONS * 4) if each.action != "allow"]
    shadows = shadows_at(memory.words()[::-1], now)
    budget = budget_of(memory, reading, sources.false_blocks_per_100k, now)
    return Snapshot(
        at=now,
        is_complete=state.is_complete,
        workers=reading.workers,
        events_per_s=round(reading.events_per_s, 2),
        accounts=reading.accounts,
        lag=dict(reading.lag),
        watermark_at=reading.watermark_at,
        holding=views.tally(memory.holding(now)),
        reasons=dict(memory.reasons(now).most_common(REASONS)),
        budget=budget,
        looks=tuple(looks(state, reading, shadows, campaigns, budget, now)),
        campaigns=tuple(campaigns[:CAMPAIGNS]),
        decisions=tuple(newest[:DECISIONS]),
    )


def draw(seen: Snapshot) -> RenderableType:
    """The snapshot for a terminal, the most urgent first."""
    return Group(_head(seen), _looks(seen), _held(seen), Text(), _campaigns(seen), Text(), _decisions(seen))


def _head(seen: Snapshot) -> Text:
    waiting = sum(seen.lag.values())
    behind = f", {views.span(seen.at - seen.watermark_at)} behind the clock" if seen.watermark_at else ""
    workers = "1 worker" if seen.workers == 1 else f"{seen.workers} workers"
    figures = (
        f"{seen.events_per_s:,.1f} events/s, {seen.accounts:,} accounts, {waiting:,} messages wait{behind}"
    )
    return Text(
        f"stream_guard  {at(seen.at)}  {workers}  {figures}", style="bold", overflow="ellipsis", no_wrap=True
    )


def _looks(seen: Snapshot) -> Text:
    if not seen.looks:
        return Text("Nothing needs a look.", style="green")
    return Text("\n").join(Text(look.text, style=LEVELS[look.level]) for look in seen.looks)


def _held(seen: Snapshot) -> Text:
    line = Text()
    for action, counts in seen.holding.items():
        style = STYLES[action] if counts["force"] else "dim"
        line.append(f"{counts['force']:,} {views.HELD[action]}", style)
        line.append(f" ({counts['shadow']:,} in shadow)  " if counts["shadow"] else "  ", "dim")
    reasons = ", ".join(f"{views.words(code)} {count:,}" for code, count in seen.reasons.items())
    line.append(reasons, "dim")
    budget = seen.budget
    granted = shown(budget.granted) if budget.granted else "?"
    spent = f"{budget.taken_back:,} taken back, {shown(budget.expected)} expected, at most {granted} granted"
    return line.append(f"\nFalse blocks in {DAYS} days: {spent}", "dim")


def _campaigns(seen: Snapshot) -> RenderableType:
    table = _table("campaign", "kind", "accounts", "answers got", "founded", "strongest evidence")
    for each in seen.campaigns:
        causes = ", ".join(views.words(line.name) for line in each.evidence[:3])
        table.add_row(
            Text(each.campaign_id), Text(each.kind), f"{len(each.members):,}", f"{each.harvested:,}",
            at(each.founded_at), Text(causes),
        )  # fmt: skip
    return table if seen.campaigns else Text("No active campaign.", style="dim")


def _decisions(seen: Snapshot) -> RenderableType:
    table = _table("account", "action", "since", "until", "why", "campaign")
    for each in seen.decisions:
        action = views.limits(each) + (" (shadow)" if each.shadow else "")
        table.add_row(
            Text(each.account_id), Text(action, STYLES[each.action]), at(each.decided_at),
            "revoked" if each.expires_at is None else at(each.expires_at),
            Text(", ".join(map(views.words, each.reason_codes[:3]))), Text(each.campaign_id or ""),
        )  # fmt: skip
    return table if seen.decisions else Text("No decision yet.", style="dim")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="ellipsis", no_wrap=True)
    return table
