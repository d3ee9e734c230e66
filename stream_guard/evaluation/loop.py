"""The closed loop: whoever is refused reacts, so that a policy's real effect shows.

The simulator asks a gate before it makes each event.  The gate is a table of the rulings in force:
0 lets through, 403 is a block, 429 a throttle beyond its limit.  What was made goes to the decider in
steps of event time, and what it rules is in force ``delay_s`` after it was decided, never before it
was known.  A longer step is cheaper and only ever delays enforcement.

Harvest is counted against what the simulator planned: what a campaign would have had unopposed.

Glossary: *step* event time between two looks of the decider at the traffic.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, nextafter
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from stream_guard.evaluation.counts import Counts
from stream_guard.evaluation.deciders import Decider
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.rulings import Outcome, Ruling, Table
from stream_guard.evaluation.summing import summed
from stream_guard.evaluation.truth import Truth
from stream_guard.simulator import scenario

STATUS: Final[Mapping[Outcome, int]] = {"served": 0, "throttled": 429, "blocked": 403}
WAITING = 20_000  # requests, at least, between two looks at the truth
STEP_LINES = 4096


class Traffic(Protocol):
    """What can be played: `simulator.scenario.Traffic`, as far as the loop looks at it."""

    span: tuple[float, float]

    @property
    def planned(self) -> Mapping[str, int]:
        """Campaign -> answered exchanges it would have had unopposed."""
        ...

    @property
    def costs(self) -> Mapping[str, scenario.Costs]:
        """Campaign -> what it has spent."""
        ...

    @property
    def account_days(self) -> Mapping[str, float]:
        """Kind of honest account -> days in use."""
        ...

    @property
    def complaints(self) -> Sequence[scenario.Complaint]:
        """Honest customers who wrote in."""
        ...

    def events(self, gate: scenario.Gate | None = None) -> Iterator[bytes]:
        """JSON lines in time order; the gate is asked once before each."""
        ...

    def truth(self) -> Iterable[scenario.Truth]:
        """Accounts seen so far."""
        ...


@dataclass(frozen=True, slots=True)
class Timing:
    """How fast the guard's word reaches gateways, in seconds of event time.

    The default is what the live system shows with its default ticks (docs/performance.md): a tick,
    the lateness that is waited for, and a second for heartbeats, transactions and the way to caches.
    """

    delay_s: float = 3.0
    step_s: float = 2.0


class _Line(Struct, gc=False):
    account_id: str
    status: int | None = None


class Gateway:
    """Feeds the decider, obeys its rulings, and keeps count."""

    def __init__(self, decider: Decider, timing: Timing) -> None:
        self.table = Table()
        self.counts = Counts({}, self.table)
        self.cpu_s = 0.0
        self._decider = decider
        self._timing = timing
        self._lines: list[bytes] = []
        self._next_step = 0.0
        self._asked: tuple[str, float, Outcome] = ("", 0.0, "served")
        self._waiting: list[tuple[str, float, bool, Outcome]] = []
        self._unknown: list[tuple[str, float, bool, Outcome]] = []  # whose truth is not told yet
        self._ruled: set[str] = set()
        self._decode = msgspec.json.Decoder(_Line).decode

    def check(self, account_id: str, at: float) -> int:
        """The gate (`simulator.scenario.Gate`)."""
        if at >= self._next_step or len(self._lines) >= STEP_LINES:
            self._step(at)
        outcome = self.table.answer(account_id, at)
        self._asked = (account_id, at, outcome)
        return STATUS[outcome]

    def made(self, line: bytes) -> None:
        """The event that came of the request that was just checked."""
        account_id, at, outcome = self._asked
        event = self._decode(line)
        if event.account_id != account_id:
            message = f"the gate was asked about {account_id!r}, but {event.account_id!r} came"
            raise ValueError(message)
        self._lines.append(line)
        self._waiting.append((account_id, at, event.status is None or event.status < 400, outcome))

    @property
    def reached(self) -> float:
        """Event time so far."""
        return self._asked[1]

    def is_full(self) -> bool:
        """Whether it is time to look at the truth; as seldom as accounts are many."""
        return len(self._waiting) >= max(WAITING, len(self.counts.truth))

    def settle(self, traffic: Traffic, *, is_last: bool = False) -> None:
        """Count what waited for the truth about its accounts; of accounts just opened it may come later."""
        self.counts.learn(Truth(one.account_id, one.label, one.campaign, one.kind) for one in traffic.truth())
        for account_id in self._ruled:
            self.counts.ruled(account_id)
        waiting, self._waiting = [*self._unknown, *self._waiting], []
        self._unknown = []
        for request in waiting:
            account_id, at, is_answered, outcome = request
            if is_last or account_id in self.counts.truth:
                self.counts.request(account_id, at, is_answered=is_answered, outcome=outcome)
            else:
                self._unknown.append(request)
        self._ruled.clear()

    def finish(self) -> None:
        """The traffic is over: what is ruled from here on meets nobody, but honest accounts may fall."""
        self._step(self.reached)
        started = time.process_time()
        late = self._decider.finish()
        self.cpu_s += time.process_time() - started
        self._enforce(late)

    def _step(self, at: float) -> None:
        started = time.process_time()
        rulings = self._decider.take(self._lines, at)
        self.cpu_s += time.process_time() - started
        self._lines = []
        self._next_step = at + self._timing.step_s
        self._enforce(rulings)

    def _enforce(self, rulings: list[Ruling]) -> None:
        """From its time on, but for events that were answered already."""
        answered = nextafter(self.reached, inf)
        for ruling in rulings:
            in_force = max(ruling.decided_at + self._timing.delay_s, answered)
            self.table.add(msgspec.structs.replace(ruling, decided_at=in_force))
            self._ruled.add(ruling.account_id)


def play(
    traffic: Traffic,
    decider: Decider,
    timing: Timing,
    about: Mapping[str, Any],
    progress: Callable[[float], None] = lambda _: None,
) -> Result:
    """All of the traffic past the gateway; ``progress`` hears what share of its span is done."""
    gateway = Gateway(decider, timing)
    start, end = traffic.span
    for line in traffic.events(gateway.check):
        gateway.made(line)
        if gateway.is_full():
            gateway.settle(traffic)
            progress((gateway.reached - start) / (end - start))
    gateway.finish()
    gateway.settle(traffic, is_last=True)
    progress(1.0)
    events = gateway.counts.requests
    known: dict[str, Any] = {
        "decider": decider.name,
        "mode": "closed_loop",
        "cpu_us_per_event": gateway.cpu_s * 1e6 / events if events else None,
        "enforcement_delay_s": timing.delay_s,
        "complaints": len(traffic.complaints),
    }
    return _with_costs(summed(gateway.counts, decider.found(), traffic.planned, known | dict(about)), traffic)


def _with_costs(result: Result, traffic: Traffic) -> Result:
    """Add what the simulator alone knows: what campaigns spent, how long honest accounts were in use."""
    campaigns = {
        name: msgspec.structs.replace(one, spent=msgspec.structs.asdict(traffic.costs[name]))
        if name in traffic.costs
        else one
        for name, one in result.campaigns.items()
    }
    honest = {
        kind: msgspec.structs.replace(one, days_in_use=traffic.account_days.get(kind))
        for kind, one in result.honest.items()
    }
    everybody = msgspec.structs.replace(result.honest_total, days_in_use=sum(traffic.account_days.values()))
    return msgspec.structs.replace(result, campaigns=campaigns, honest=honest, honest_total=everybody)
