"""`MeanSketch` against a naive recount: additive, order-free, exact, small."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.sketches.mean import LIMIT, MeanSketch

SKETCHES = st.lists(st.binary(min_size=64, max_size=64), max_size=40)


def of(sketches: list[bytes]) -> MeanSketch:
    built = MeanSketch()
    for sketch in sketches:
        built.add(sketch)
    return built


def joined(*parts: MeanSketch) -> MeanSketch:
    built = MeanSketch()
    for part in parts:
        built.merge(part)
    return built


@given(SKETCHES)
def test_mean_and_spread_equal_those_of_the_kept_sketches(sketches: list[bytes]) -> None:
    state = of(sketches)
    rows = np.array([np.frombuffer(sketch, np.int8) for sketch in sketches], dtype=float).reshape(-1, 64)
    assert len(state) == len(sketches)
    if not sketches:
        assert not state.mean().any()
        assert state.spread() == 0.0
        return
    np.testing.assert_allclose(state.mean(), rows.mean(axis=0))
    np.testing.assert_allclose(
        state.spread(), ((rows - rows.mean(axis=0)) ** 2).sum(axis=1).mean(), atol=1e-6
    )


@given(SKETCHES, st.randoms(use_true_random=False))
def test_order_never_shows(sketches: list[bytes], random: object) -> None:
    shuffled = list(sketches)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis' own Random
    assert of(shuffled) == of(sketches)


@given(SKETCHES, SKETCHES, SKETCHES)
def test_merging_is_associative_commutative_and_equals_adding(
    a: list[bytes], b: list[bytes], c: list[bytes]
) -> None:
    whole = of(a + b + c)
    assert joined(joined(of(a), of(b)), of(c)) == whole
    assert joined(of(a), joined(of(b), of(c))) == whole
    assert joined(of(c), of(a), of(b)) == whole


@given(SKETCHES, SKETCHES)
def test_a_restored_state_goes_on_bit_for_bit(before: list[bytes], after: list[bytes]) -> None:
    state = of(before)
    packed = state.snapshot()
    again = MeanSketch.restore(packed)
    assert len(packed) <= 280
    assert again.snapshot() == packed
    for sketch in after:
        state.add(sketch)
        again.add(sketch)
    assert again.snapshot() == state.snapshot() == of(before + after).snapshot()


@given(SKETCHES)
def test_reading_in_between_changes_nothing(sketches: list[bytes]) -> None:
    read = MeanSketch()
    for sketch in sketches:
        read.add(sketch)
        read.mean()
        read.spread()
        read.snapshot()
    assert read == of(sketches)


@pytest.mark.parametrize("value", [127, -127, -128])
def test_a_state_beyond_its_limit_keeps_the_mean_and_its_size(value: int) -> None:
    state = of([np.full(64, value, np.int8).tobytes()])
    while len(state) <= LIMIT // 2:
        state.merge(MeanSketch.restore(state.snapshot()))
    state.merge(MeanSketch.restore(state.snapshot()))
    assert len(state) <= LIMIT
    assert len(state.snapshot()) <= 280
    assert MeanSketch.restore(state.snapshot()) == state
    np.testing.assert_allclose(state.mean(), value)


@pytest.mark.parametrize("sketch", [b"", bytes(63), bytes(65)])
def test_what_is_no_sketch_is_refused_and_changes_nothing(sketch: bytes) -> None:
    state = of([bytes(64)])
    with pytest.raises(ValueError, match="expected 64 bytes"):
        state.add(sketch)
    assert state == of([bytes(64)])


@pytest.mark.parametrize("packed", [b"", b"\x01", bytes(142), of([bytes(64)]).snapshot() + b"x"])
def test_what_is_no_snapshot_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="mean sketch"):
        MeanSketch.restore(packed)
