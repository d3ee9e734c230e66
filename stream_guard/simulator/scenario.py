"""A scenario: traffic of one seed, its truth, and what it cost whoever attacked.

Whoever judges a policy plays a `Traffic` event by event and may stand in its way: the *gate* says
what the gateway answers, and the people and attackers in the traffic live with that answer.

Glossary: *planned* what a campaign would have harvested had nobody stood in its way; *account-day* one
honest account that could be wronged for one day.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stream_guard.records import Control
from stream_guard.simulator.arrivals import DAY, Span
from stream_guard.simulator.attackers.operation import Operation
from stream_guard.simulator.attackers.response import Response, costs_of
from stream_guard.simulator.catalogue import Mixture, read_mixture
from stream_guard.simulator.draws import Draw
from stream_guard.simulator.engine.lines import Writer
from stream_guard.simulator.engine.loop import Loop, Reaction
from stream_guard.simulator.engine.play import Plan
from stream_guard.simulator.engine.world import World
from stream_guard.simulator.honest.response import Customers
from stream_guard.simulator.order import Complaint, Costs, Gate, Level, Order, Truth
from stream_guard.simulator.provider import NEW

Array = NDArray[Any]
__all__ = ["Complaint", "Costs", "Gate", "Level", "Order", "Traffic", "Truth", "build"]
_ANSWERED: Final = 400
BLOCK: Final = 2048  # rows that are put into words at once
DISPUTED_A_DAY: Final = 2e-5  # honest accounts whose payment is charged back: by mistake or for want of money


class Traffic:
    """One drawn scenario.  It is played once."""

    def __init__(self, world: World, operations: Sequence[Operation], sketch_ratio: float) -> None:
        self._world = world
        self._operations = operations
        self._plan = Plan(world, operations, sketch_ratio)
        self._writer = Writer(world.roster, world.draw.child("ids").rng.getrandbits(64))
        self._planned = np.zeros(len(operations) + 1, np.int64)  # the last one: everybody honest
        self._seen = np.zeros(0, bool)
        self.played_to = world.span.start
        """Event time up to which it has been played, or will be within the stretch under way."""
        self.count = 0
        """Events planned up to there."""
        self.complaints: list[Complaint] = []
        """Honest customers who wrote to the provider because they were shut out."""
        self.span: tuple[float, float] = (world.span.start, world.span.end)
        """Event time that the traffic covers."""

    def words(self) -> list[Control]:
        """What operators come to know, in order of time: chargebacks, and the release of a model."""
        roster, (start, end) = self._world.roster, self.span
        charged = [one for operation in self._operations for one in operation.farm.complained_of]
        draw = self._world.draw.child("chargebacks")
        honest = np.flatnonzero(roster.table["campaign"] < 0).tolist()
        charged += [
            (index, draw.rng.uniform(start, end)) for index in honest if draw.chance(self._disputed())
        ]
        said = [
            Control(verb="chargeback", subject=roster.ids[index], spoken_at=at, author="payments")
            for index, at in charged
            if start <= at < end and self._has_paid(index, at)
        ]
        release = self._world.provider.release
        if release is not None:
            said.append(Control(verb="release", subject=NEW.name, spoken_at=release, author="models"))
        return sorted(said, key=lambda word: (word.spoken_at, word.subject))

    def _disputed(self) -> float:
        return DISPUTED_A_DAY * (self.span[1] - self.span[0]) / DAY

    def _has_paid(self, index: int, at: float) -> bool:
        roster = self._world.roster
        has_card = b'"payment_id"' in roster.looks[roster.table.one(index, "look")]
        return has_card and bool(roster.table.one(index, "begin") < at)

    def events(self, gate: Gate | None = None) -> Iterator[bytes]:
        """JSON lines without their ends, strictly in time order, made as they are asked for.

        Where the gate refuses, the event's status is the gate's, and whoever sent it reacts: fails
        over, slows down, opens another account, tries again, gives up or complains.
        """
        if gate is None:
            for block in self.blocks():
                yield from block[:-1].split(b"\n")
            return
        loop = Loop(self._world.roster, self._writer, self._reactions())
        for rows in self._plan.stretches():
            self._note(rows)
            yield from loop.play(rows, gate)
            self._see(loop.seen)
            loop.seen.clear()
        yield from loop.rest(self._world.span.end, gate)
        self._see(loop.seen)
        self.played_to = self._world.span.end

    def blocks(self) -> Iterator[bytes]:
        """The same lines with their ends, many at once, when nobody stands in the way."""
        return map(self._writer.block, self._slices())

    def keyed(self) -> Iterator[tuple[list[str], list[bytes]]]:
        """The same, as lists of accounts and of their lines."""
        ids = self._world.roster.ids
        for rows in self._slices():
            lines = self._writer.block(rows)[:-1].split(b"\n")
            yield [ids[account] for account in rows["account"].tolist()], lines

    def _slices(self) -> Iterator[Array]:
        """All rows, as they are planned, as many at once as a block has."""
        for rows in self._plan.stretches():
            self._note(rows)
            for first in range(0, len(rows), BLOCK):
                yield rows[first : first + BLOCK]
        self.played_to = self._world.span.end

    def _reactions(self) -> dict[int, Reaction]:
        draw = self._world.draw
        customers = Customers(self._world.roster, draw.child("customers").rng, self.complaints)
        reactions: dict[int, Reaction] = {-1: customers}
        for operation in self._operations:
            reactions[operation.index] = Response(operation, draw.child(f"response/{operation.name}").rng)
        return reactions

    def _note(self, rows: Array) -> None:
        """Count what is planned, and who has been seen."""
        if not len(rows):
            return
        self.count += len(rows)
        answered = rows["account"][rows["status"] < _ANSWERED]
        campaigns = self._world.roster.table["campaign"][answered]
        self._planned += np.bincount(campaigns % len(self._planned), minlength=len(self._planned))
        self._see(np.unique(rows["account"]))
        self.played_to = float(rows["at"][-1]) / 1000

    def _see(self, accounts: Array | list[int]) -> None:
        new = self._world.roster.size - len(self._seen)
        self._seen = np.concatenate([self._seen, np.zeros(new, bool)])
        self._seen[accounts] = True

    def truth(self) -> Iterable[Truth]:
        """One row for each account seen up to the stretch that is being played, by account id."""
        roster = self._world.roster
        for index in sorted(np.flatnonzero(self._seen).tolist(), key=roster.ids.__getitem__):
            campaign = int(roster.table.one(index, "campaign"))
            yield Truth(
                account_id=roster.ids[index],
                label="benign" if campaign < 0 else "campaign",
                campaign=None if campaign < 0 else self._operations[campaign].name,
                kind=roster.kinds[index],
            )

    @property
    def planned(self) -> Mapping[str, int]:
        """Campaign -> answered exchanges it would have had unopposed, up to what has been played."""
        return {operation.name: int(self._planned[operation.index]) for operation in self._operations}

    @property
    def costs(self) -> Mapping[str, Costs]:
        """Campaign -> what it has spent so far."""
        return {operation.name: costs_of(operation) for operation in self._operations}

    @property
    def account_days(self) -> Mapping[str, float]:
        """Kind of honest account -> days that its accounts were in use, up to what has been played."""
        roster = self._world.roster
        honest = np.flatnonzero(self._seen & (roster.table["campaign"][: len(self._seen)] < 0))
        rows = roster.table.of(honest)
        begin = np.maximum(rows["begin"], self._world.span.start)
        days = np.maximum(np.minimum(rows["end"], self.played_to) - begin, 0.0) / DAY
        total: dict[str, float] = {}
        for index, used in zip(honest.tolist(), days.tolist(), strict=True):
            total[roster.kinds[index]] = total.get(roster.kinds[index], 0.0) + used
        return total


def build(scenario: str, order: Order | None = None) -> Traffic:
    """Draw a scenario, e.g. ``deepseek+background``; ConfigurationError says what is wrong with its name."""
    order = order or Order()
    mixture = read_mixture(scenario, order)
    return draw_mixture(mixture, order)


def draw_mixture(mixture: Mixture, order: Order) -> Traffic:
    """Everybody of a mixture in one world."""
    quiet_s = None if order.quiet is None else order.quiet * DAY
    span = Span(order.start, order.start + (quiet_s or 0.0) + mixture.days * DAY)
    draw = Draw(f"scenario/{order.seed}", order.split)
    world = World(draw, span, quiet_s)
    operations: list[Operation] = []
    others = sum(part.accounts for part in mixture.parts)
    for index, part in enumerate(mixture.parts):
        part.fill(world, draw.child(f"{part.name}/{index}"), operations, others)
    table = world.roster.table
    table["sessions"][table["campaign"] < 0] *= order.pace
    return Traffic(world, operations, order.sketch_ratio)
