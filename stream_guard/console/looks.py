"""What needs a look, in words, the worst first: the first thing that somebody who was woken reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from stream_guard.console.budget import DAYS, Budget, shown
from stream_guard.console.meters import Reading
from stream_guard.console.sources import State
from stream_guard.decisions.explain import at
from stream_guard.records import CampaignState, Control

Level = Literal["bad", "warn", "note"]
LAG_MESSAGES = 10_000  # as the alert on lag has it
BEHIND_S = 60.0
PROJECTION_S = 30.0
NEW_S = 24 * 3600.0  # a campaign is new for a day
ORDER = {"bad": 0, "warn": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Look:
    """One thing to look at; ``link`` is a page of ours, or empty."""

    level: Level
    text: str
    link: str = ""


def looks(
    state: State,
    reading: Reading,
    shadows: Sequence[Control],
    campaigns: Sequence[CampaignState],
    budget: Budget,
    now: float,
) -> list[Look]:
    """All there is."""
    found = [*_sources(state, reading), *_shadows(shadows), *_stream(reading, now), *_spent(budget)]
    new = [each for each in campaigns if each.status == "active" and now - each.founded_at < NEW_S]
    if new:
        members = sum(len(each.members) for each in new)
        what = "campaign" if len(new) == 1 else "campaigns"
        text = f"{len(new)} new {what} within a day, {members:,} accounts"
        found.append(Look("note", text, "/campaigns"))
    return sorted(found, key=lambda look: ORDER[look.level])


def _sources(state: State, reading: Reading) -> Iterator[Look]:
    for error in state.errors:
        shown = "Shown is what Redis holds." if state.is_from_redis else "Shown is what was known before."
        yield Look("bad", f"Kafka: {error}. {shown}")
    if not state.errors and not state.is_complete:
        yield Look("note", "Still reading the topics: figures are not complete yet.")
    for error in reading.errors:
        yield Look("bad", f"No worker answers at {error}")
    if not reading.errors and not reading.workers:
        yield Look("note", "Not yet heard from a worker.")


def _shadows(shadows: Sequence[Control]) -> Iterator[Look]:
    for word in shadows:
        what = "everything" if word.subject == "all" else word.subject.replace("rule:", "the rule ")
        until = "until it is switched off" if word.expires_at is None else f"until {at(word.expires_at)}"
        who = f"by {word.author} since {at(word.spoken_at)}"
        yield Look("warn", f"In shadow: {what} is recorded, not enforced; {who}, {until}", "/exempt")


def _stream(reading: Reading, now: float) -> Iterator[Look]:
    if reading.over_cap:
        text = f"{reading.over_cap:,.0f} blocks over the policy's cap within a quarter of an hour: in shadow"
        yield Look("bad", text, "/decisions?reason=block_cap_reached")
    if reading.projection_lag_s > PROJECTION_S:
        yield Look(
            "bad",
            f"Redis has lacked a decision for {reading.projection_lag_s:,.0f} s: gateways act on old ones",
        )
    waiting = sum(reading.lag.values())
    if waiting > LAG_MESSAGES:
        yield Look("warn", f"{waiting:,} messages wait")
    if reading.watermark_at and now - reading.watermark_at > BEHIND_S:
        yield Look("warn", f"The stream is {now - reading.watermark_at:,.0f} s behind the clock")
    if reading.dead_letters:
        yield Look(
            "warn", f"{reading.dead_letters:,.0f} messages could not be read within a quarter of an hour"
        )


def _spent(budget: Budget) -> Iterator[Look]:
    if budget.is_nearly_spent:
        accounts = "account was" if budget.taken_back == 1 else "accounts were"
        text = (
            f"False blocks: {budget.taken_back:,} {accounts} taken back within {DAYS} days, "
            f"{shown(budget.expected)} expected by the odds; at most {shown(budget.granted)} are granted"
        )
        yield Look("warn", text, "/audit")
