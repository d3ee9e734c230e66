"""Merges all actors into one stream by time, with the small disorder of a real log.

This is the one place that advances actors: `merged` holds each actor's next event and takes the
earliest.  ``served`` is told of every event when its turn has come; in a closed loop it is what
changes the event's status and lets the actor see it.

Bound: one event per living actor, and those within the lag.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush, heapreplace
from typing import Final

from stream_guard.simulator.draws import Draw
from stream_guard.simulator.world import Actor, Event

LAG_S: Final = 0.8  # how late an event may be written, at most; the stream's default lateness is 1 s


def merged(actors: Iterable[Actor], served: Callable[[Event], None] = lambda _: None) -> Iterator[Event]:
    """All events by ``occurred_at``; of the same millisecond, the first actor's first."""
    heap: list[tuple[float, int, Event, Actor]] = []
    for index, actor in enumerate(actors):
        event = next(actor, None)
        if event is not None:
            heap.append((event["occurred_at"], index, event, actor))
    heapify(heap)
    while heap:
        _, index, event, actor = heap[0]
        served(event)
        yield event
        following = next(actor, None)
        if following is None:
            heappop(heap)
        else:
            heapreplace(heap, (following["occurred_at"], index, following, actor))


def disordered(events: Iterable[Event], draw: Draw) -> Iterator[Event]:
    """The same events, each written up to `LAG_S` after it occurred."""
    waiting: list[tuple[float, int, Event]] = []
    for count, event in enumerate(events):
        while waiting and waiting[0][0] <= event["occurred_at"]:
            yield heappop(waiting)[2]
        lag = LAG_S * draw.rng.random() ** 3  # mostly small
        heappush(waiting, (event["occurred_at"] + lag, count, event))
    while waiting:
        yield heappop(waiting)[2]
