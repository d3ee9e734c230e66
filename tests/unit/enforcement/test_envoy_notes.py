"""What is kept of a request's body until Envoy's access log comes: bounded, and given once."""

from hypothesis import given
from hypothesis import strategies as st

from stream_guard.enforcement.adapters.envoy import Notes
from stream_guard.enforcement.exchange import MAX_BODY_BYTES


def test_a_body_is_given_once() -> None:
    notes = Notes(100)
    notes.keep("r", b"body")
    assert (notes.take("r"), notes.take("r"), notes.take("other")) == (b"body", b"", b"")


def test_the_oldest_give_way() -> None:
    notes = Notes(10)
    for name in "abc":
        notes.keep(name, b"12345")
    assert (notes.take("a"), notes.take("b"), notes.take("c")) == (b"", b"12345", b"12345")


def test_nameless_and_overlong_bodies_are_not_kept() -> None:
    notes = Notes(1 << 30)
    notes.keep("", b"body")
    notes.keep("long", b"x" * (MAX_BODY_BYTES + 1))
    assert notes.take("") == notes.take("long") == b""


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.binary(max_size=40), st.booleans()), max_size=60))
def test_never_more_than_the_bound_is_kept(steps: list[tuple[str, bytes, bool]]) -> None:
    notes = Notes(64)
    for name, body, is_taken in steps:
        if is_taken:
            notes.take(name)
        else:
            notes.keep(name, body)
        held = sum(len(each) for each in notes._bodies.values())
        assert held == notes._bytes <= 64
