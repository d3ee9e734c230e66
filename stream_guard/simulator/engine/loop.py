"""The closed loop: each request asks the gate when its turn has come, and whoever is refused reacts.

The plan (`play.py`) is what would happen if nobody were refused; it stays as drawn, so that what a
campaign would have had unopposed can be counted beside what it gets.  A *reaction* changes the plan
where it is touched: it moves a request to another account, drops it, or asks again later.

Bound: one entry per account that was refused, one per request that was put off.

Glossary: *touched* an account that was refused, whose further plan is no longer as drawn.
"""

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Any, Final, Protocol

from numpy.typing import NDArray

from stream_guard.simulator.engine.lines import Row, Writer
from stream_guard.simulator.engine.roster import Roster
from stream_guard.simulator.engine.sessions import REQUEST, without_calls
from stream_guard.simulator.order import Gate

Array = NDArray[Any]
CHUNK: Final = 8192  # rows that are put into words at once
NAMES: Final[tuple[str, ...]] = REQUEST.names or ()
AT, ACCOUNT, SESSION = NAMES.index("at"), NAMES.index("account"), NAMES.index("session")
STATUS, LATENCY, TAIL = NAMES.index("status"), NAMES.index("latency"), NAMES.index("tail")
REFUSED_IN_MS: Final = 30


class Reaction(Protocol):
    """How somebody takes it; called by the loop in order of time."""

    def before(self, row: Row) -> Row | None:
        """A touched account's next request: the same, changed, or None if it does not come."""
        ...

    def refused(self, row: Row, status: int) -> Iterable[Row]:
        """A request was refused: what is asked later because of it, each at a later time than ``row``."""
        ...


class Loop:
    """Plays rows through a gate."""

    def __init__(self, roster: Roster, writer: Writer, reactions: Mapping[int, Reaction]) -> None:
        self._roster = roster
        self._writer = writer
        self._reactions = reactions  # by campaign; -1: everybody honest
        self._line = writer.line()
        self._later: list[tuple[int, int, Row]] = []
        self._put_off = 0
        self._touched: set[int] = set()
        self.seen: list[int] = []  # accounts of requests that were not planned like this

    def play(self, rows: Array, gate: Gate) -> Iterator[bytes]:
        """One stretch."""
        line, ids, touched, later = self._line, self._roster.ids, self._touched, self._later
        for first in range(0, len(rows), CHUNK):
            chunk = rows[first : first + CHUNK]
            for row, texts in zip(chunk.tolist(), zip(*self._writer.texts(chunk), strict=True), strict=True):
                while later and later[0][0] <= row[AT]:
                    yield from self._again(heappop(later)[2], gate)
                if row[ACCOUNT] in touched:
                    yield from self._again(row, gate)
                    continue
                status = gate(ids[row[ACCOUNT]], row[AT] / 1000)
                yield line(*(row if not status else self._refuse(row, status)), *texts)

    def rest(self, until: float, gate: Gate) -> Iterator[bytes]:
        """What is still to be asked before a time."""
        while self._later and self._later[0][0] < until * 1000:
            yield from self._again(heappop(self._later)[2], gate)

    def _again(self, row: Row, gate: Gate) -> Iterator[bytes]:
        """A request that is not as it was planned."""
        changed = self._reaction(row).before(row) if row[ACCOUNT] in self._touched else row
        if changed is None:
            return
        self.seen.append(changed[ACCOUNT])
        status = gate(self._roster.ids[changed[ACCOUNT]], changed[AT] / 1000)
        if status:
            changed = self._refuse(changed, status)
        yield self._line(*changed, *self._writer.fresh(changed[SESSION], changed[ACCOUNT]), b"")

    def _refuse(self, row: Row, status: int) -> Row:
        self._touched.add(row[ACCOUNT])
        for request in self._reaction(row).refused(row, status):
            self._put_off += 1
            heappush(self._later, (request[AT], self._put_off, request))
        return replaced(row, {STATUS: status, LATENCY: REFUSED_IN_MS, TAIL: without_calls(row[TAIL])})

    def _reaction(self, row: Row) -> Reaction:
        return self._reactions[int(self._roster.table.one(row[ACCOUNT], "campaign"))]


def replaced(row: Row, changes: Mapping[int, Any]) -> Row:
    """A row with other values in some places."""
    values = list(row)
    for place, value in changes.items():
        values[place] = value
    return tuple(values)


def at_least_a_ms(at: float, row: Row) -> int:
    """A time in ms, later than the row's."""
    return max(int(at * 1000), int(row[AT]) + 1)
