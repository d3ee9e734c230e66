"""Simulated events into Kafka by whole batches: message by message costs ten times as much.

Each partition has a batch that fills while the one before it is on its way.  They arrive in their order
and once each (idempotent producer).

Bound: two batches a partition.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from aiokafka.errors import KafkaError

from stream_guard.errors import BrokerUnavailable
from stream_guard.runtime.transactions import new_producer
from stream_guard.topology import Stream

BATCH_BYTES = 256 * 1024
REQUEST_MS = 30_000  # a broker that takes nothing for so long is gone
STOP_S = 5.0


class BatchSender:
    """Writes lines to their accounts' partitions; BrokerUnavailable if Kafka does not take them."""

    def __init__(self, bootstrap: str, stream: Stream) -> None:
        self._bootstrap, self._stream = bootstrap, stream
        self._runner = asyncio.Runner()
        self._places: dict[str, tuple[int, bytes]] = {}  # account -> partition, key
        self._filling: list[Any] = []
        self._sent: set[asyncio.Future[Any]] = set()
        self._producer: Any = None

    def __enter__(self) -> Self:
        self._run(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._run(self._finish())
        finally:
            with suppress(BrokerUnavailable):  # what it never took was said before
                self._run(asyncio.wait_for(self._producer.stop(), STOP_S))
            self._runner.close()

    def send(self, accounts: Sequence[str], lines: Sequence[bytes]) -> None:
        """Send each account's line; all are safe once the `with` block has ended."""
        self._run(self._send(zip(accounts, lines, strict=True)))

    def _run(self, work: Any) -> None:
        try:
            self._runner.run(work)
        except (KafkaError, TimeoutError) as error:
            message = f"{self._bootstrap}: writing to {self._stream.topic} failed: {error!r}"
            raise BrokerUnavailable(message) from error

    async def _start(self) -> None:
        self._producer = new_producer(self._bootstrap, BATCH_BYTES, REQUEST_MS)
        await self._producer.start()
        self._filling = [self._producer.create_batch() for _ in range(self._stream.partitions)]

    async def _send(self, messages: Iterable[tuple[str, bytes]]) -> None:
        places, filling = self._places, self._filling
        for account_id, line in messages:
            place = places.get(account_id)
            if place is None:
                place = places[account_id] = (self._stream.partition(account_id), account_id.encode())
            partition, key = place
            if filling[partition].append(timestamp=None, key=key, value=line) is None:
                await self._hand_over(partition)
                filling[partition].append(timestamp=None, key=key, value=line)

    async def _hand_over(self, partition: int) -> None:
        """A full batch, as soon as the one before it is on its way."""
        full, self._filling[partition] = self._filling[partition], self._producer.create_batch()
        self._sent.add(await self._producer.send_batch(full, self._stream.topic, partition=partition))
        done = {future for future in self._sent if future.done()}
        self._sent -= done
        for future in done:
            future.result()

    async def _finish(self) -> None:
        for partition, batch in enumerate(self._filling):
            if batch.record_count():
                await self._hand_over(partition)
        await asyncio.wait_for(asyncio.gather(*self._sent), REQUEST_MS / 1000)
