"""Whole batches against aiokafka's own record by record: the same records, the same position."""

import gc
import weakref
from collections.abc import Sequence
from struct import pack_into
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import example, given
from hypothesis import strategies as st

from stream_guard.runtime.bundles import bundle, unbundled

COMMIT, ABORT = b"\x00\x00\x00\x01", b"\x00\x00\x00\x00"
CONTROL_BIT = 0x20
BASE_OFFSET, ATTRIBUTES = 0, 21  # bytes into a batch


class Piece(NamedTuple):
    """A batch to be: its records, and of which transaction (0: none); ``ends`` with a marker."""

    sizes: list[int]
    producer: int
    ends: bytes


pieces = st.lists(
    st.builds(
        Piece,
        st.lists(st.integers(0, 30), min_size=1, max_size=6),
        st.integers(0, 2),
        st.sampled_from([b"", COMMIT, ABORT]),
    ),
    max_size=8,
)


def batch(base: int, bodies: Sequence[tuple[bytes, bytes]], producer: int, attributes: int = 0) -> bytes:
    is_transactional, identity = producer > 0, producer or -1
    builder = DefaultRecordBatchBuilder(2, 0, is_transactional, identity, 0 if producer else -1, 0, 1 << 16)
    for i, (key, value) in enumerate(bodies):
        assert builder.append(i, 1_700_000_000_000 + base + i, key, value, []) is not None
    built = bytearray(builder.build())
    pack_into(">q", built, BASE_OFFSET, base)
    built[ATTRIBUTES + 1] |= attributes
    return bytes(built)


def written(made: list[Piece]) -> tuple[bytes, list[tuple[int, int]], int]:
    """The bytes of a fetch, its aborted transactions (producer, first offset), and the end."""
    body, aborted, end = b"", [], 0
    begun: dict[int, int] = {}
    for piece in made:
        if piece.producer:
            begun.setdefault(piece.producer, end)
        body += batch(end, [(b"k%d" % size, b"v" * size) for size in piece.sizes], piece.producer)
        end += len(piece.sizes)
        if piece.producer and piece.ends:
            if piece.ends == ABORT:
                aborted.append((piece.producer, begun[piece.producer]))
            del begun[piece.producer]
            body += batch(end, [(piece.ends, b"\x00" * 6)], piece.producer, CONTROL_BIT)
            end += 1
    return body, aborted, end


def opened(made: list[Piece], position: int) -> Any:
    body, aborted, _ = written(made)
    tp = TopicPartition("t", 0)
    return PartitionRecords(tp, MemoryRecords(body), aborted, position, None, None, False, READ_COMMITTED)  # noqa: FBT003 - theirs


def shown(records: Sequence[Any]) -> list[tuple[int, int, bytes, bytes]]:
    return [(record.offset, record.timestamp, record.key, record.value) for record in records]


@given(pieces, st.integers(0, 20))
@example([Piece([1, 2], 1, b""), Piece([3], 0, b""), Piece([4], 1, ABORT), Piece([5, 6], 1, COMMIT)], 1)
def test_bundles_hold_what_stock_hands_out_one_by_one(made: list[Piece], position: int) -> None:
    position %= len(made[0].sizes) if made else 1  # a broker answers with the batch that holds the position
    stock, ours = opened(made, position), opened(made, position)
    bundle(ours)
    bundle(ours)  # a second time changes nothing
    assert shown(unbundled(ours)) == shown(list(stock))
    assert ours.next_fetch_offset == stock.next_fetch_offset


@given(pieces)
def test_between_two_bundles_the_position_is_behind_the_first(made: list[Piece]) -> None:
    ours = opened(made, 0)
    bundle(ours)
    for each in ours:
        assert ours.next_fetch_offset == each.offset + 1 == each.records[-1].offset + 1


def test_what_was_taken_is_freed_without_the_garbage_collector() -> None:
    ours = opened([Piece([1, 2], 0, b"")], 0)
    bundle(ours)
    unbundled(ours)
    alive = weakref.ref(ours)
    gc.disable()
    try:
        del ours
        assert alive() is None
    finally:
        gc.enable()


def test_the_test_itself_writes_aborted_transactions() -> None:
    made = [Piece([1, 2], 1, ABORT), Piece([3], 2, COMMIT)]
    ours = opened(made, 0)
    bundle(ours)
    assert [record.offset for record in unbundled(ours)] == [3]
