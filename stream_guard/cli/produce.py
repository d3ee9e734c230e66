"""`stream-guard produce`: a file of events into Kafka, as a gateway would send them."""

import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from stream_guard.cli.options import Config, Files, settings_from
from stream_guard.cli.output import progress_bar, say
from stream_guard.cli.shift import Shifter, whole_days
from stream_guard.errors import BrokerUnavailable, ConfigurationError
from stream_guard.settings import Settings

PROGRESS_EVERY = 1024  # lines
ANSWER_MS = 10_000
BEHIND_S = 0.005  # a shorter wait is not worth a sleep


ShiftToNow = Annotated[
    bool,
    typer.Option(
        "--shift-to-now",
        help="Move all times by whole days, so that the newest event lies within the last day.",
    ),
]
Speed = Annotated[
    float,
    typer.Option(
        "--speed",
        min=0.0,
        help="Play back: so many seconds of the file per second, each event stamped with the moment it is "
        "sent; 0: all at once, as it is.",
    ),
]


def produce(
    files: Files, shift_to_now: ShiftToNow = False, speed: Speed = 0.0, config: Config = None
) -> None:
    """Send events to the requests topic, each to its account's partition.

    Topics that are missing are created. Lines that can not be read are sent as well: the worker makes
    them dead letters.

    Into a worker that is already running, play back with --speed: events of the past would come late.

    For example:

        stream-guard produce day.jsonl.zst --shift-to-now

        stream-guard produce day.jsonl.zst --speed 60
    """
    from stream_guard.bootstrap import build_topology
    from stream_guard.runtime.topics import ensure_topics

    settings = settings_from(config)
    shifter = Shifter()
    step = _step(files) if shift_to_now else 0.0
    topology = build_topology(settings)
    ensure_topics(topology, settings.kafka)
    sender = Sender(settings, topology.stream("requests"))
    started = time.monotonic()
    for line in _paced(_lines(files), speed, shifter):
        sender.send(shifter.shift(line, step) if step else line)
    sender.close()
    _report(sender.sent, time.monotonic() - started, shifter.left_alone)


def _report(sent: int, seconds: float, left_alone: int) -> None:
    say(f"{sent:,} events sent in {seconds:.1f} s ({sent / max(seconds, 1e-9):,.0f} per second)")
    if left_alone:
        say(f"{left_alone:,} of them kept their times: none that could be moved were found")


class Sender:
    """Writes raw lines to their accounts' partitions; BrokerUnavailable if Kafka does not take them."""

    def __init__(self, settings: Settings, stream: Any) -> None:
        from kafka import KafkaProducer
        from kafka.errors import KafkaError

        from stream_guard.runtime.replay import Heads

        self._stream, self._heads, self._errors = stream, Heads(), KafkaError
        self._place = settings.kafka.bootstrap
        self._failed: BaseException | None = None
        self.sent = 0
        try:
            self._producer: Any = KafkaProducer(
                bootstrap_servers=self._place,
                acks="all",
                linger_ms=20,
                batch_size=256 * 1024,
                bootstrap_timeout_ms=ANSWER_MS,
                max_block_ms=3 * ANSWER_MS,
            )
        except KafkaError as error:
            raise self._unavailable(error) from error

    def send(self, line: bytes) -> None:
        """Send one line; it is safe when `close` has returned."""
        if self._failed is not None:
            raise self._unavailable(self._failed) from self._failed
        account_id, _ = self._heads.read(line)
        key = None if account_id is None else account_id.encode()
        partition = 0 if account_id is None else self._stream.partition(account_id)
        try:
            sent = self._producer.send(self._stream.topic, value=line, key=key, partition=partition)
        except self._errors as error:
            raise self._unavailable(error) from error
        sent.add_errback(self._note)
        self.sent += 1

    def close(self) -> None:
        """Wait until all is safe."""
        try:
            self._producer.flush(timeout=60)
            self._producer.close(timeout=5)
        except self._errors as error:
            raise self._unavailable(error) from error
        if self._failed is not None:
            raise self._unavailable(self._failed) from self._failed

    def _note(self, error: BaseException) -> None:
        self._failed = error

    def _unavailable(self, error: BaseException) -> BrokerUnavailable:
        return BrokerUnavailable(f"{self._place}: writing to {self._stream.topic} failed: {error!r}")


def _lines(files: list[str]) -> Iterator[bytes]:
    """All lines of all files, with progress."""
    from stream_guard.wire.files import EventFile

    inputs = [EventFile(name) for name in files]
    sizes = [file.total for file in inputs]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    before = count = 0
    with progress_bar("produce", total) as bar:
        for file in inputs:
            for line in file:
                yield line
                count += 1
                if count % PROGRESS_EVERY == 0:
                    bar.at(before + file.offset)
            before += file.offset
            if file.fault:
                say(f"warning: {file.fault}")


def _step(files: list[str]) -> float:
    """How far all times must move."""
    from stream_guard.runtime.replay import Heads

    if "-" in files:
        message = "--shift-to-now: expected files, which can be read twice; got standard input (-)"
        raise ConfigurationError(message)
    heads = Heads()
    newest = max((heads.read(line)[1] for line in _lines(files)), default=0)
    return whole_days(newest / 1000, time.time()) if newest else 0.0


def _paced(lines: Iterator[bytes], speed: float, shifter: Shifter) -> Iterator[bytes]:
    """Lines when they are due, stamped with that moment."""
    if not speed:
        yield from lines
        return
    from stream_guard.runtime.replay import Heads

    heads, first = Heads(), 0.0
    started = time.time()
    for line in lines:
        at = heads.read(line)[1] / 1000
        first = first or at
        due = started + max(0.0, at - first) / speed if at else started
        wait = due - time.time()
        if wait > BEHIND_S:
            time.sleep(wait)
        yield shifter.shift(line, max(due, time.time() - BEHIND_S) - at) if at else line
