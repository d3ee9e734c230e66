"""Kafka in memory, as far as lanes see it: topics, changelogs, and lanes that die and come back.

What a lane takes becomes durable at once and as a whole, as a transaction does.  A lane that dies
comes back from its changelog and reads on where its mark says.
"""

from collections import defaultdict

from stream_guard.runtime.lane import Lane, make_lane
from stream_guard.runtime.local import LocalRecord
from stream_guard.topology import Topology
from tests.support.runs import Logs, Outcome, Place


class DurableRun:
    """One run over complete logs, step by step, in any order, with any deaths."""

    def __init__(self, topology: Topology, logs: Logs) -> None:
        self.topology = topology
        self.places = [(step.reads, partition) for step, partition in topology.lanes]
        self._steps = dict(zip(self.places, topology.lanes, strict=True))
        self._topics: defaultdict[Place, list[LocalRecord]] = defaultdict(list)
        for place, records in logs.items():
            self._topics[place] = list(records)
        self._changelogs: defaultdict[Place, list[tuple[str, bytes | None]]] = defaultdict(list)
        self._lanes: dict[Place, Lane] = {place: self._born(place) for place in self.places}

    def _born(self, place: Place) -> Lane:
        lane = make_lane(self.topology, *self._steps[place])
        for key, value in self._changelogs[place]:
            lane.load(key, value)
        if lane.next is None:
            lane.next = 0
        return lane

    def feed(self, place: Place, count: int) -> bool:
        """Hand on up to ``count`` records; False if there are none left."""
        lane = self._lanes[place]
        start = lane.next or 0
        records = self._topics[place][start : start + count]
        if records:
            lane.feed(start, start + len(records), records)
        return bool(records)

    def flush(self, place: Place) -> bool:
        """Make durable what the lane has done; False if that was nothing."""
        batch = self._lanes[place].take()
        if batch is None:
            return False
        self._changelogs[place] += [(key.decode(), value) for key, value in batch.rows]
        for target, messages in batch.outputs.items():
            topic = self._topics[target]
            topic += [LocalRecord(len(topic) + i, -1, *message) for i, message in enumerate(messages)]
        return True

    def die(self, place: Place) -> None:
        """Lose what was not flushed."""
        self._lanes[place] = self._born(place)

    def settle(self) -> None:
        """Run to the end."""
        is_moving = True
        while is_moving:
            fed = [self.feed(place, 100) for place in self.places]
            flushed = [self.flush(place) for place in self.places]
            is_moving = any(fed) or any(flushed)

    def outcome(self) -> Outcome:
        """What the sinks and the changelogs hold."""
        read = {step.reads for step in self.topology.steps}
        sinks = {
            place: [(record.key, record.value or b"") for record in records]
            for place, records in self._topics.items()
            if place[0] not in read and records
        }
        rows: dict[str, dict[str, bytes]] = {}
        for place in self.places:
            lane = self._born(place)
            rows[lane.name] = dict(lane.rows.packed)
        return Outcome(sinks, rows)
