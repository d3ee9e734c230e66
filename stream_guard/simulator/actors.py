"""How requests follow one another: conversations of people, requests of services.

An actor is a generator that yields its next event, in its own time order, and asks for nothing
more.  The closed loop will `send` the answer of each event back into the same generators
(`stream.py` is the one place that advances them).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from stream_guard.simulator.arrivals import Law, Pace, Span, arrivals
from stream_guard.simulator.draws import Draw
from stream_guard.simulator.requests import Turn, next_prompt
from stream_guard.simulator.world import Account, Actor, Manner, Session, World

GIVE_UP: Final = 0.6  # of people who are told to wait


@dataclass(frozen=True, slots=True)
class Habit:
    """When somebody comes, and for how long he stays."""

    pace: Pace  # sessions, or requests of a service, by hour
    law: Law
    within: Span  # when the account is in use
    turns: float = 1.0  # mean length of a conversation
    gap_s: float = 60.0  # median time from an answer to the next question


Seat = Callable[[float], Account | None]  # which account a session uses, if there is one


def converse(world: World, draw: Draw, seat: Seat, manner: Manner, habit: Habit) -> Actor:
    """One person, one conversation after the other."""
    free_at = 0.0
    for start in arrivals(draw, habit.pace, world.span, habit.law, habit.within):
        at = max(start, free_at)
        account = seat(at)
        if account is None or at >= habit.within.end:
            continue
        session = world.open_session(draw, manner, at)
        while at < habit.within.end:
            turn = Turn(world, draw, manner, session, next_prompt(world, draw, manner, session))
            event = turn.event(account, at)
            yield event
            at += event["latency_ms"] / 1000 + draw.about(habit.gap_s, 0.9)
            if draw.chance(GIVE_UP if event["status"] == 429 else 1 / habit.turns):
                break
        free_at = at + draw.about(60, 1.0)


def serve(world: World, draw: Draw, account: Account, manner: Manner, habit: Habit) -> Actor:
    """A service that asks on behalf of others, or for itself; some conversations go on."""
    open_sessions: list[Session] = []
    for at in arrivals(draw, habit.pace, world.span, habit.law, habit.within):
        if open_sessions and draw.chance(1 - 1 / habit.turns):
            session = draw.pick(open_sessions)
        else:
            session = world.open_session(draw, manner, at)
            open_sessions = [session, *open_sessions[:7]]
        turn = Turn(world, draw, manner, session, next_prompt(world, draw, manner, session))
        yield turn.event(account, at)


def at_seat(account: Account) -> Seat:
    """Always this account."""
    return lambda _: account
