"""How an operator deals tasks over accounts: a load balancer, as the record describes it.

Tasks come from one list, each once before any comes twice.  A task goes to one of the accounts on
duty, by their capacity and with a preference for who rested longest; a task that is refused by load
goes to a sibling within seconds; some take a second turn.  Between the tasks ordinary conversations
dilute what an account shows.

Bound: the work under way, a few pieces per member at most.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Final

from stream_guard.simulator.arrivals import DAY, HOUR, Law, Span, arrivals
from stream_guard.simulator.draws import Draw, Weighted
from stream_guard.simulator.prompts import Prompt
from stream_guard.simulator.requests import Turn, next_prompt
from stream_guard.simulator.world import Account, Actor, Manner, Session, World

ORDINARY_TURNS: Final = 2.5  # mean length of an ordinary conversation
OVERLOADED: Final = (429, 529)


@dataclass(slots=True, eq=False)
class Member:
    """One of the operator's accounts, and when it works."""

    account: Account
    manner: Manner  # for tasks
    private: Manner  # for ordinary conversations
    within: Span
    per_day: float
    shift: tuple[float, float]  # UTC hour at which it begins, and its hours
    days_off: frozenset[int]
    rested_since: float = 0.0

    def is_on_duty(self, at: float) -> bool:
        """Does it work now?"""
        begin, hours = self.shift
        is_shift = (at / HOUR - begin) % 24 < hours and int(at // DAY) not in self.days_off
        return is_shift and self.within.start <= at < self.within.end


@dataclass(frozen=True, slots=True)
class Workday:
    """What is dealt."""

    tasks: Weighted[str]
    dilution: float  # ordinary conversations among the tasks
    follow_ratio: float  # tasks that take a second turn

    @property
    def turns(self) -> float:
        """Requests per piece of work."""
        return self.dilution * ORDINARY_TURNS + (1 - self.dilution) * (1 + self.follow_ratio)


@dataclass(frozen=True, slots=True)
class Work:
    """One conversation under way, or to be begun."""

    member: Member
    manner: Manner
    prompt: Prompt | None  # what to ask; None: whatever comes next
    turns: int  # still to go
    session: Session | None = None


class Dispatcher:
    """All requests of one operator, as one actor."""

    def __init__(self, world: World, draw: Draw, workday: Workday, members: list[Member]) -> None:
        self._world = world
        self._draw = draw
        self._workday = workday
        self._members = members
        self._due: list[tuple[float, int, Work]] = []
        self._pushed = 0
        self._hour = -1
        self._on_duty: list[Member] = []

    def deal(self) -> Actor:
        """Every request, in order."""
        tasks = self._world.prompts.sweep(self._draw, self._workday.tasks)
        for at in self._arrivals():
            yield from self._finish(at)
            member = self._rested(at)
            if member is not None:
                self._push(at, self._begin(member, tasks))
        yield from self._finish(self._world.span.end)

    def _arrivals(self) -> Iterator[float]:
        """When work comes: as much as those on duty are good for."""
        span = self._world.span
        pace = []
        for hour in range(span.hours):
            middle = span.start + (hour + 0.5) * HOUR
            on_duty = [member for member in self._members if member.is_on_duty(middle)]
            requests = sum(member.per_day / member.shift[1] for member in on_duty)
            pace.append(requests / self._workday.turns)
        law = Law(self._draw.between(0.8, 1.5), is_gamma=True)
        return arrivals(self._draw, pace, span, law, span)

    def _begin(self, member: Member, tasks: Iterator[Prompt]) -> Work:
        if self._draw.chance(self._workday.dilution):
            turns = 1 + int(self._draw.rng.expovariate(1 / (ORDINARY_TURNS - 0.5)))
            return Work(member, member.private, None, turns)
        return Work(
            member, member.manner, next(tasks), 2 if self._draw.chance(self._workday.follow_ratio) else 1
        )

    def _rested(self, at: float) -> Member | None:
        """Who takes it: the longer rested of two on duty."""
        if int(at // HOUR) != self._hour:
            self._hour = int(at // HOUR)
            self._on_duty = [member for member in self._members if member.is_on_duty(at)]
        if not self._on_duty:
            return None
        weights = [member.per_day for member in self._on_duty]
        return min(
            self._draw.rng.choices(self._on_duty, weights, k=2), key=lambda member: member.rested_since
        )

    def _push(self, at: float, work: Work) -> None:
        self._pushed += 1
        heappush(self._due, (at, self._pushed, work))

    def _finish(self, until: float) -> Actor:
        """All requests that are due before ``until``."""
        while self._due and self._due[0][0] < until:
            at, _, work = heappop(self._due)
            if at >= work.member.within.end:
                continue
            session = work.session or self._world.open_session(self._draw, work.manner, at)
            prompt = work.prompt or next_prompt(self._world, self._draw, work.manner, session)
            event = Turn(self._world, self._draw, work.manner, session, prompt).event(work.member.account, at)
            yield event
            work.member.rested_since = at
            self._go_on(
                at, event["status"], event["latency_ms"] / 1000, replace(work, session=session, prompt=prompt)
            )

    def _go_on(self, at: float, status: int, latency_s: float, work: Work) -> None:
        """What follows an answer: a sibling's attempt, a next turn, or nothing."""
        if status in OVERLOADED:
            sibling = self._rested(at)
            if sibling is not None:
                manner = sibling.manner if work.manner is work.member.manner else sibling.private
                again = Work(sibling, manner, work.prompt, work.turns)
                self._push(at + self._draw.about(5.0, 0.7), again)
        elif work.turns > 1:
            later = at + latency_s + self._draw.about(40.0, 0.9)
            self._push(later, replace(work, prompt=None, turns=work.turns - 1))
