"""Records out of aiokafka by whole batches.

Stock takes each record through a generator, an iterator and a tuple of eleven: 1.5 us.  Here a batch is
unpacked by one call into its own compiled records (`lane.LogRecord`), and travels through the fetcher as if
it were one record, the last of the batch.  So positions, aborted transactions and control records stay the
fetcher's own affair.

Leans on the inside of `PartitionRecords`: tests/contract/test_faust_seams.py and test_bundles.py hold it.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple


class Bundle(NamedTuple):
    """All records of a batch from the partition's position on."""

    offset: int  # of the last
    records: list[Any]


class _Batch:
    """A batch whose only record is a bundle."""

    def __init__(self, batch: Any, position: int) -> None:
        self._batch, self._position = batch, position

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        """The next record itself: how the fetcher looks into a control batch."""
        return next(self._batch)

    def __iter__(self) -> Iterator[Bundle]:
        records = list(self._batch)
        if records and records[0].offset < self._position:  # a batch comes whole, whatever was asked for
            records = [record for record in records if record.offset >= self._position]
        if records:
            yield Bundle(records[-1].offset, records)


class _Batches:
    """The batches of one answer, each as `_Batch`.

    Must not know its partition: in a circle, each answer of a megabyte would wait for the garbage collector.
    """

    def __init__(self, batches: Any, position: int) -> None:
        self._batches, self._position = batches, position
        self.has_next = batches.has_next

    def next_batch(self) -> _Batch:
        return _Batch(self._batches.next_batch(), self._position)


def bundle(partition: Any) -> None:
    """Let ``partition``, of which nothing was taken yet, hand out bundles; once is enough."""
    if not isinstance(partition._records, _Batches):
        partition._records = _Batches(partition._records, partition.next_fetch_offset)
        partition._consumer_record = _as_it_is


def unbundled(bundles: Iterable[Bundle]) -> list[Any]:
    """The records of all bundles, in order."""
    return list(chain.from_iterable(each.records for each in bundles))


def _as_it_is(_partition: Any, bundle: Bundle) -> Bundle:
    return bundle
