"""The lanes of one worker: who owns which, what they are fed, when they flush, how they recover.

One `FaustLanes` per Faust app.  The transport tells it of partitions that come and go; agents hand
it chunks.  It is crash-only: whatever goes wrong ends the process with a log line that says why and
exit code 1 (2 where a new start would not help); the supervisor starts it again, and recovery
repairs everything, since what counts is in Kafka.

- Feeding: a chunk that begins beyond where the lane reads means something was lost on the way:
  seek back and drop what was fetched before.  A chunk that ends before it is skipped.
- Flushing: one task per lane, so a lane has at most one transaction open, and a flush that is asked
  for while one runs follows it.  Log lanes flush on the timer, tick lanes when they closed a tick.
- Recovery: fence the former owners, read the changelogs, only then let the streams run.
- Heartbeats: a log partition that is silent gets records that carry the time, so that ticks close,
  and close at the same place when the log is read again.
"""

import asyncio
from collections.abc import Coroutine
from time import monotonic, thread_time
from typing import Any, Protocol

import structlog
from aiokafka.errors import ProducerFenced

from stream_guard.clock import Clock
from stream_guard.observer import Commit, Observer
from stream_guard.runtime.exits import EXIT_CONFIGURATION, die
from stream_guard.runtime.faust_transport import Chunk
from stream_guard.runtime.lane import HEARTBEAT, make_lane
from stream_guard.runtime.owned import OwnedLane, lead_ms, partitions_of
from stream_guard.runtime.transactions import ChangelogReader, LaneProducer, Source, Wiring, new_producer
from stream_guard.settings import KafkaSettings

log = structlog.get_logger(__name__)

HEARTBEAT_POLL_S = 0.1
MEASURE_S = 1.0


class Stream(Protocol):
    """Faust's stream, as far as an agent of ours uses it."""

    def events(self) -> Any:
        """An asynchronous iterator of events."""
        ...


class FaustLanes:
    """Owns lanes for a Faust app (`faust_transport.LaneHost`)."""

    def __init__(
        self, app: Any, wiring: Wiring, kafka: KafkaSettings, clock: Clock, observer: Observer
    ) -> None:
        self._app, self._wiring, self._kafka = app, wiring, kafka
        self._clock, self._observer = clock, observer
        self._steps = {wiring.topic(step.reads): step for step in wiring.topology.steps}
        self._owned: dict[Any, OwnedLane] = {}
        self._retired: list[OwnedLane] = []
        self._heartbeat_producer: Any = None
        self._measured_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    # ---- feeding

    async def agent(self, stream: Stream) -> None:
        """Faust's agent for every step: no await between the first and the last record of a chunk."""
        async for event in stream.events():
            message = event.message
            own = self._owned.get(message.tp)
            if own is None or not own.takes_chunks:
                continue  # before the first seek, or held: it comes again
            chunk: Chunk = message.value
            position = own.lane.next
            if position is None or chunk.end <= position:
                continue
            if chunk.start > position:
                if chunk.seek_id >= own.seek_id:
                    await self._seek_back(own, "chunk_missing", found=chunk.start)
                continue
            self._feed(own, chunk)

    def _feed(self, own: OwnedLane, chunk: Chunk) -> None:
        lane, closed = own.lane, own.lane.mark.watermark
        before = thread_time()
        try:
            lane.feed(chunk.start, chunk.end, chunk.records)
        except Exception as error:  # noqa: BLE001 - crash-only: rows may be half changed
            die("lane_failed", error, lane=lane.name, start=chunk.start, end=chunk.end)
        self._observer.fed(own.id, len(chunk.records), thread_time() - before)
        if chunk.records and chunk.records[-1].key != HEARTBEAT:
            own.fed_at = monotonic()
        if not own.is_log and lane.mark.watermark > closed:
            self._request_flush(own)  # a tick was closed: the next stage waits for it
        elif lead_ms(own, self._owned.values()) > self._kafka.align_s * 1000:
            own.is_held = True  # open ticks live in memory: wait for the other partitions
            self._app.consumer.pause_partitions({own.tp})

    async def _seek_back(self, own: OwnedLane, why: str, **facts: Any) -> None:
        consumer = self._app.consumer
        log.warning("seek_back", lane=own.lane.name, why=why, wanted=own.lane.next, **facts)
        try:
            first = (await consumer.earliest_offsets(own.tp))[own.tp]
            self._skip_truncated(own, first)
            await consumer.seek_wait({own.tp: own.lane.next})
            own.seek_id = consumer.seek_id
        except Exception as error:  # noqa: BLE001 - a rebalance meanwhile: on_positioned follows
            log.warning("seek_back_failed", lane=own.lane.name, error=repr(error))

    @staticmethod
    def _skip_truncated(own: OwnedLane, first: int) -> None:
        """Retention removed what the lane had not read: it can only go on behind the hole."""
        position = own.lane.next
        if position is not None and position < first:
            log.error("source_truncated", lane=own.lane.name, position=position, first=first)
            own.lane.next = first

    # ---- flushing

    async def on_commit(self, consumer: Any) -> None:
        """The flush timer, and the last flush before partitions go."""
        is_flowing = consumer.flow_active and not self._app.rebalancing
        now = monotonic()
        due = [own for own in self._owned.values() if not is_flowing or own.is_flush_due(self._end(own), now)]
        await self._settle([self._request_flush(own) for own in due])
        if is_flowing:
            await self._watch(consumer)

    @staticmethod
    async def _settle(tasks: list[asyncio.Task[None]]) -> None:
        """Wait for tasks without cancelling them when we are cancelled."""
        if tasks:
            await asyncio.wait(tasks)

    def _request_flush(self, own: OwnedLane) -> asyncio.Task[None]:
        own.is_flush_wanted = True
        if own.flushing is None or own.flushing.done():
            own.flushing = self._spawn(self._flush_while_wanted(own))
        return own.flushing

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._tasks.discard)
        return task

    async def _flush_while_wanted(self, own: OwnedLane) -> None:
        try:
            while own.is_flush_wanted:
                own.is_flush_wanted = False
                await self._flush(own)
        except ProducerFenced as error:
            self._observer.fenced(own.id, repr(error))
            die("lane_fenced", error, lane=own.lane.name)
        except Exception as error:  # noqa: BLE001 - crash-only: what was taken is not durable
            die("flush_failed", error, lane=own.lane.name)

    async def _flush(self, own: OwnedLane) -> None:
        if not own.is_ready or own.is_dropped or own.lane.next is None:
            return
        started, cpu = monotonic(), thread_time()
        own.flushed_at, own.flushed_to = started, own.lane.next
        batch = own.lane.take()
        if batch is None:
            return
        cpu = thread_time() - cpu
        await own.producer.commit(batch)
        consumer = self._app.consumer
        consumer._committed_offset[own.tp] = batch.offset
        consumer._thread.tp_last_committed_at[own.tp] = monotonic()  # or Faust warns of a livelock
        seconds = monotonic() - started
        self._observer.flushed(Commit(own.id, batch.offset, len(batch.rows), batch.outputs, seconds, cpu))

    # ---- watching

    def _end(self, own: OwnedLane) -> int | None:
        """End of the lane's source partition, as the last fetch saw it."""
        try:
            end: int | None = self._app.consumer.highwater(own.tp)
        except AssertionError:  # how aiokafka says that a rebalance has just taken the partition
            return None
        return end

    async def _watch(self, consumer: Any) -> None:
        """Release lanes that may go on; find lost chunks that no later chunk reveals."""
        now = monotonic()
        for own in list(self._owned.values()):
            if own.is_held and lead_ms(own, self._owned.values()) <= self._kafka.align_s * 1000:
                own.is_held = False
                consumer.resume_partitions({own.tp})
                await self._seek_back(own, "released")
            elif own.takes_chunks and own.is_stalled(self._end(own), now):
                own.moved_at = now
                await self._seek_back(own, "stalled", end=self._end(own))
        if now - self._measured_at >= MEASURE_S:
            self._measured_at = now
            self._observer.measured([own.status(self._end(own)) for own in self._owned.values()])

    async def heartbeats(self) -> None:
        """Write the time into log partitions that are silent."""
        while True:
            await asyncio.sleep(HEARTBEAT_POLL_S)
            if not self._app.consumer.flow_active or self._app.rebalancing:
                continue
            now, clock_ms = monotonic(), self._clock.now_ms()
            for own in list(self._owned.values()):
                watermark = own.heartbeat(self._end(own), clock_ms, self._kafka.idle_s, now)
                if watermark is not None:
                    own.beat = watermark
                    await self._beat(own, watermark)

    async def _beat(self, own: OwnedLane, watermark: int) -> None:
        try:
            if self._heartbeat_producer is None:
                self._heartbeat_producer = new_producer(self._wiring.bootstrap)
                await self._heartbeat_producer.start()
            await self._heartbeat_producer.send(own.tp.topic, b"%d" % watermark, HEARTBEAT, own.tp.partition)
        except Exception as error:  # noqa: BLE001 - crash-only
            die("heartbeat_failed", error, lane=own.lane.name)

    # ---- ownership

    def on_revoked(self) -> None:
        """Let go of all lanes; the last flush is done."""
        for own in self._owned.values():
            own.is_dropped = True
        self._retired += self._owned.values()
        self._owned = {}

    async def on_assigned(self, consumer: Any) -> None:
        """Fence the former owners, then read all rows back."""
        self.on_revoked()
        try:
            await self._retire()
            await self._take_over(consumer)
        except Exception as error:  # noqa: BLE001 - crash-only
            die("recovery_failed", error)

    async def _take_over(self, consumer: Any) -> None:
        started = monotonic()
        owned = {}
        for tp in consumer.assignment():
            step = self._steps.get(tp.topic)
            if step is not None:
                lane = make_lane(self._wiring.topology, step, tp.partition)
                own = OwnedLane(lane, LaneProducer(self._wiring, lane))
                owned[own.tp] = own
        self._retired = list(owned.values())  # whose producers must be stopped if this is interrupted
        await asyncio.gather(*(own.producer.start() for own in owned.values()))
        fenced_at = monotonic()
        rows = await self._recover(list(owned.values()))
        self._retired, self._owned = [], owned
        for own in owned.values():
            own.is_ready = True
        seconds = monotonic() - started
        log.info(
            "lanes_recovered",
            lanes=partitions_of(owned.values()),
            rows=rows,
            seconds=round(seconds, 3),
            fencing_s=round(fenced_at - started, 3),
        )
        self._observer.recovered(rows, seconds)
        self._observer.owned([own.id for own in owned.values()])

    async def _retire(self) -> None:
        """Wait until no flush of a former lane runs any more, then close its producer."""
        retired, self._retired = self._retired, []
        await self._settle([own.flushing for own in retired if own.flushing is not None])
        for own in retired:
            await own.producer.stop()

    async def _recover(self, owned: list[OwnedLane]) -> int:
        lanes = [own.lane for own in owned]
        reader = ChangelogReader(self._wiring)
        rows = await reader.read_into(lanes)
        sources = await reader.sources(lanes)
        for own in owned:
            source = sources[own.lane.name]
            first, end = source.first, source.end
            self._check_complete(own, source)
            self._skip_truncated(own, first)
            position = own.lane.next = first if own.lane.next is None else own.lane.next
            if position > end:
                die(
                    "source_shorter_than_state",
                    code=EXIT_CONFIGURATION,
                    lane=own.lane.name,
                    topic=own.tp.topic,
                    end=end,
                    position=position,
                    remedy="the topic was made anew under an old kafka.app_id: choose a new app_id",
                )
        return rows

    @staticmethod
    def _check_complete(own: OwnedLane, source: Source) -> None:
        """The same transactions move the mark and the group's offset: a mark behind it was read in part.

        A lane without a mark may find an offset of 0: somebody set it there beforehand.
        """
        position, committed = own.lane.next, source.committed
        if committed is None or committed <= (position or 0):
            return
        die(
            "changelog_incomplete",
            lane=own.lane.name,
            position=position,
            committed=committed,
            remedy="read again at the next start; if it stays so: where the group's offset was set by hand, "
            f"set it back to {position or 0}; where the changelog was "
            "deleted, cut or renamed under an old kafka.app_id, choose a new app_id",
        )

    async def on_positioned(self, consumer: Any) -> None:
        """The lane's own mark says where to read on, not the group's committed offset."""
        corrections = {
            tp: own.lane.next
            for tp, own in self._owned.items()
            if consumer._committed_offset[tp] != own.lane.next
        }
        if corrections:
            await consumer.seek_wait(corrections)
            for tp in corrections:
                self._owned[tp].seek_id = consumer.seek_id

    async def on_closed(self) -> None:
        """Close what talks to Kafka."""
        self.on_revoked()
        await self._retire()
        if self._heartbeat_producer is not None:
            await self._heartbeat_producer.stop()
