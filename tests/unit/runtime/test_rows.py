"""Rows against a plain dict: what was put is there, what was taken can be loaded."""

from typing import Self

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_guard.runtime.rows import LaneRows

keys = st.sampled_from(["a", "b", "c", "d"])
operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), keys, st.integers(0, 9)),
        st.tuples(st.just("delete"), keys, st.just(0)),
        st.tuples(st.just("change"), keys, st.integers(0, 9)),
        st.tuples(st.just("take"), keys, st.just(0)),
    ),
    max_size=60,
)


class Tally(msgspec.Struct, array_like=True):
    values: list[int] = []


@settings(max_examples=200, deadline=None)
@given(operations, st.integers(1, 4))
def test_rows_are_a_dict_whose_changelog_rebuilds_it(done: list[tuple[str, str, int]], hot_max: int) -> None:
    rows, naive, changelog = LaneRows(Tally, hot_max), {}, []
    for what, key, value in done:
        if what == "put":
            rows.put(key, Tally([value]))
            naive[key] = [value]
        elif what == "delete":
            rows.delete(key)
            naive.pop(key, None)
        elif what == "change" and key in naive:
            row = rows.get(key)
            assert row is not None
            rows.put(key, row)
            row.values.append(value)
            naive[key] = [*naive[key], value]
        elif what == "take":
            changelog += rows.take()
            assert len(rows) == len(naive)
            assert len(rows._hot) <= hot_max
            assert rows.size_bytes == sum(map(len, rows.packed.values()))
        found = {each: row.values for each in "abcd" if (row := rows.get(each)) is not None}
        assert found == naive
    changelog += rows.take()
    rebuilt = LaneRows(Tally, hot_max)
    for packed_key, packed in changelog:
        rebuilt.load(packed_key.decode(), packed)
    assert rebuilt.packed == rows.packed
    assert rebuilt.size_bytes == rows.size_bytes
    recovered = {each: row.values for each in "abcd" if (row := rebuilt.get(each)) is not None}
    assert recovered == naive


def test_a_row_that_was_never_flushed_leaves_no_tombstone() -> None:
    rows = LaneRows(Tally, 10)
    rows.put("a", Tally([1]))
    rows.delete("a")
    assert rows.take() == []


def test_a_row_is_packed_once_per_take() -> None:
    rows = LaneRows(Tally, 10)
    for value in range(5):
        rows.put("a", Tally([value]))
    assert len(rows.take()) == 1
    assert rows.take() == []


class Model:
    """Stands for a River model: it can be packed, and says how."""

    def __init__(self, state: int) -> None:
        self.state = state

    def snapshot(self) -> bytes:
        return b"%d" % self.state

    @classmethod
    def restore(cls, state: bytes) -> Self:
        return cls(int(state))


class WithModel(msgspec.Struct, array_like=True):
    model: Model


def test_a_model_inside_a_row_travels_by_its_own_hooks() -> None:
    rows = LaneRows(WithModel, 1)
    rows.put("a", WithModel(Model(7)))
    rows.put("b", WithModel(Model(8)))
    rows.take()
    first, second = rows.get("a"), rows.get("b")
    assert first is not None
    assert second is not None
    assert (first.model.state, second.model.state) == (7, 8)
