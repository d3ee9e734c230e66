"""Where we take hold of Faust 0.15.3 and aiokafka 0.14.0: chunks, not messages; our own offsets.

Stock Faust makes an event of every message and keeps books on every offset; that costs ten times
what the detection costs, and its books are wrong after a rebalance.  Here one Faust message stands
for a *chunk*: all that a partition holds in [start, end).  What is done with it, and from where to
read on, is the lanes' affair (`faust_lanes.py`); Faust does group membership, fetching and pausing.

Everything below leans on internals, so tests/contract/test_faust_seams.py holds each of them.

Glossary: *chunk* see above; the record list may be empty, since a transaction's end marker moves
the position without a record; *seek id* counts seeks: a chunk fetched before a seek is stale.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from time import monotonic
from typing import Any, NamedTuple, Protocol

import faust
from aiokafka import conn
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.errors import ConsumerStoppedError
from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain, Recovery
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import ConsumerMessage
from mode.utils.futures import notify

from stream_guard.runtime.bundles import bundle, unbundled

CHUNK_RECORDS = 1000  # processed without giving way to anything else: some 10 ms
FETCH_MAX_WAIT_MS = 100  # stock 1500; 20 costs an idle worker 5 % of a core and gains nothing
READER_LIMIT = 4 << 20  # stock 64 kB: an answer of a megabyte then stops and starts reading ten times


class Chunk(NamedTuple):
    """All that a partition holds in [start, end)."""

    start: int
    end: int
    seek_id: int
    records: Sequence[Any]


class LaneHost(Protocol):
    """What the transport tells the lanes (`faust_lanes.FaustLanes`); found as ``app.lanes``."""

    async def on_commit(self, consumer: Any) -> None:
        """Make progress durable: on the commit timer, before a revocation, at the end."""
        ...

    def on_revoked(self) -> None:
        """All partitions are taken away; what they brought is flushed."""
        ...

    async def on_assigned(self, consumer: Any) -> None:
        """Recover the lanes of the new assignment; the flow stands still meanwhile."""
        ...

    async def on_positioned(self, consumer: Any) -> None:
        """Faust has set all partitions to the group's committed offsets; correct them."""
        ...

    async def on_closed(self) -> None:
        """The consumer has stopped, after the last commit."""
        ...


class NoReadOffset(dict[Any, int | None]):
    """Faust drops messages below its "read offset", which a chunk in flight can raise by mistake."""

    def __getitem__(self, partition: Any) -> None:
        """Nothing was read: drop nothing."""
        return


class ChunkConsumerThread(driver.AIOKafkaConsumerThread):
    """Fetches in a thread of its own, read_committed, and says which range it drained."""

    seek_id = 0

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # stock: only with Faust's own exactly_once
        conn.READER_LIMIT = READER_LIMIT  # looked at when a connection is made
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS  # one fetch per broker is in flight at a time
        return consumer

    async def _seek_wait(self, consumer: Any, partitions: Any) -> None:
        self.seek_id += 1
        await super()._seek_wait(consumer, partitions)

    async def _fetch_records(  # type: ignore[override] # a chunk where Faust has a list of records
        self,
        consumer: Any,
        active_partitions: Any,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature that Faust calls
        max_records: int | None = None,
    ) -> dict[Any, Chunk]:
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher
        deadline = monotonic() + (timeout or 0.0)
        while True:
            if consumer._closed or fetcher._closed:
                raise ConsumerStoppedError
            with fetcher._subscriptions.fetch_context():
                moved = await self._drain(fetcher, active_partitions, max_records)
                left = deadline - monotonic()
                if moved or left <= 0 or not await _arrival(fetcher, left):
                    return moved

    async def _drain(
        self, fetcher: Fetcher, active_partitions: Any, max_records: int | None
    ) -> dict[Any, Chunk]:
        """What is there already, by partition; also where nothing but the position moved."""
        subscriptions = fetcher._subscriptions
        if subscriptions.reassignment_in_progress:
            await subscriptions.wait_for_assignment()
        state_of = subscriptions.subscription.assignment.state_value
        before = {
            partition: state.position
            for partition in fetcher._records
            if (state := state_of(partition)) is not None and state.has_valid_position
        }
        for fetched in fetcher._records.values():
            if isinstance(fetched, FetchResult) and fetched.has_more():
                bundle(fetched._partition_records)
        bundles = await fetcher.fetched_records(active_partitions, timeout=0, max_records=max_records)
        return {
            partition: Chunk(position, end, self.seek_id, unbundled(bundles.get(partition, ())))
            for partition, position in before.items()
            if (end := state_of(partition).position) != position
        }


async def _arrival(fetcher: Fetcher, timeout_s: float) -> bool:
    """Wait until something was fetched; False if nothing came."""
    waiter = fetcher._create_fetch_waiter()
    done, _ = await asyncio.wait([waiter], timeout=timeout_s)
    if not done or fetcher._closed:
        waiter.cancel()
        return False
    waiter.result()  # raises what the fetcher met, such as a missing permission
    return True


class ChunkConsumer(driver.Consumer):
    """Hands on chunks; keeps no books on offsets, since each lane keeps its own."""

    app: Any  # with our `lanes`
    _thread: ChunkConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = NoReadOffset()

    @property
    def lanes(self) -> LaneHost:
        """Who works on the chunks."""
        host: LaneHost = self.app.lanes
        return host

    @property
    def seek_id(self) -> int:
        """Chunks with a lower one were fetched before the last seek."""
        return self._thread.seek_id

    def _new_consumer_thread(self) -> ChunkConsumerThread:
        return ChunkConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[Any]:  # noqa: ASYNC109 - Faust's signature
        """Yield (partition, message), one message per chunk."""
        fetched: Any
        fetched, active = await self._wait_next_records(timeout)
        if fetched is None or self.should_stop:
            return
        generation = self.app.consumer_generation_id  # after the fetch, which may span a rebalance
        if not self.flow_active:
            await self._seek_as_faust_does()
            return
        for partition, fetched_chunk in fetched.items():
            for chunk in cut(fetched_chunk):
                if not self.flow_active:
                    return
                if active is not None and partition not in active:
                    break  # paused meanwhile; its lane seeks back when it is released
                yield partition, self._chunk_message(partition, chunk, generation)

    async def _seek_as_faust_does(self) -> None:
        try:
            await self.perform_seek()
        except Exception as error:  # noqa: BLE001 - as stock: a rebalance is under way and seeks again
            self.log.warning("seek while flow not active: %r", error)

    @staticmethod
    def _chunk_message(partition: Any, chunk: Chunk, generation: int) -> Any:
        message: Any = ConsumerMessage
        return message(
            partition.topic,
            partition.partition,
            chunk.end - 1,
            0.0,
            0,
            (),
            None,
            chunk,
            None,
            0,
            0,
            partition,
            generation_id=generation,
        )

    def on_buffer_full(self, tp: Any) -> None:
        """Nothing: a full queue blocks the conductor; stock then also sleeps a second."""

    def on_buffer_drop(self, tp: Any) -> None:
        """Nothing, as above."""

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        """Nothing: no books on offsets."""

    def ack(self, message: Any) -> bool:
        """Note only that the message was looked at, so that a revocation can wait for it."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)
        return True

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 - Faust's signature
        """Every commit of Faust ends here: on the timer, before a revocation, at the end."""
        await self.lanes.on_commit(self)
        return True

    async def perform_seek(self) -> None:
        """To the group's committed offsets, then to where the lanes want to be."""
        await super().perform_seek()
        await self.lanes.on_positioned(self)

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Stop the flow, clear the queues, commit (all in stock); then let the lanes go."""
        await super().on_partitions_revoked(revoked)
        self.lanes.on_revoked()

    async def on_stop(self) -> None:
        """Commit for the last time (in stock), then close the lanes' producers."""
        await super().on_stop()
        await self.lanes.on_closed()


def cut(chunk: Chunk) -> Iterable[Chunk]:
    """Pieces of at most CHUNK_RECORDS; together they cover the chunk's range without a hole."""
    start, end, seek_id, records = chunk
    for i in range(0, len(records) or 1, CHUNK_RECORDS):
        piece = records[i : i + CHUNK_RECORDS]
        is_last = i + CHUNK_RECORDS >= len(records)
        stop = end if is_last else piece[-1].offset + 1
        yield Chunk(start, stop, seek_id, piece)
        start = stop


class ChunkTransport(driver.Transport):
    """Faust's aiokafka transport with our consumer."""

    Consumer = ChunkConsumer


class ChunkSchema(faust.Schema[Any, Any]):
    """A chunk is its own value: there is nothing to decode."""

    def loads_value(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:  # noqa: ARG002 - Faust's signature
        """The chunk."""
        return message.value

    def loads_key(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> None:
        """A chunk has no key."""


class LaneRecovery(Recovery):
    """Recovers the lanes where Faust would recover its tables."""

    app: Any  # with our `lanes`

    async def _resume_streams(self, generation_id: int = 0) -> None:
        """Called once per rebalance, while the streams stand still."""
        await self._to_the_end(self.app.lanes.on_assigned)
        await super()._resume_streams(generation_id)

    async def _to_the_end(self, work: Callable[[Any], Awaitable[None]]) -> None:
        """`_wait` may return early when Faust is stopped or rebalances again; then give up the work."""
        task = asyncio.ensure_future(work(self.app.consumer))
        try:
            await self._wait(task)
        finally:
            task.cancel()
        if not task.done() or task.cancelled():
            raise RebalanceAgain
        task.result()


class LaneTables(TableManager):
    """Brings `LaneRecovery` in: the one seam through which Faust lets us recover before the flow starts."""

    _recovery: LaneRecovery | None

    @property
    def recovery(self) -> LaneRecovery:
        """The recovery service of this app."""
        if self._recovery is None:
            self._recovery = LaneRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
