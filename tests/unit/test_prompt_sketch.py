"""Laws of the prompt sketch."""

from pathlib import Path

import numpy as np
import pytest

from stream_guard.errors import ConfigurationError, InvalidEvent
from stream_guard.sketches.prompt import (
    MAX_CHARS,
    SEMANTIC,
    SKETCH_SIZE,
    UNIT,
    PromptSketcher,
    decode_sketch,
    encode_sketch,
)
from stream_guard.sketches.tables import load_basis, load_sketcher

TEXTS = (
    "",
    " ",
    "?",
    "Why is the sky blue?",
    "write a python function that reverses a list",
    "请解释一下量子纠缠。",
    "\ud800 a lone surrogate",
    "x" * 5_000,
    "\x00\x01\n\n\n{}",
)


@pytest.fixture(scope="module")
def sketcher() -> PromptSketcher:
    return load_sketcher()


def values(sketch: bytes) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    return np.frombuffer(sketch, np.int8)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_any_text_becomes_64_numbers_and_always_the_same(sketcher: PromptSketcher, text: str) -> None:
    sketch = sketcher.sketch(text)
    assert len(sketch) == SKETCH_SIZE
    assert sketch == sketcher.sketch(text)
    assert values(sketch).min() >= -127


def test_what_stands_beyond_the_first_1024_characters_does_not_count(sketcher: PromptSketcher) -> None:
    head = "Summarise this report for me. " * 40
    assert len(head) > MAX_CHARS
    assert sketcher.sketch(head + "one thing") == sketcher.sketch(head + "quite another")


def test_exactly_one_length_bin_is_set_and_it_grows_with_the_text(sketcher: PromptSketcher) -> None:
    bins = [values(sketcher.sketch("a " * (n // 2)))[-8:] for n in (10, 40, 100, 150, 300, 500, 900, 1020)]
    for index, row in enumerate(bins):
        assert row.tolist() == [0] * index + [round(UNIT)] + [0] * (7 - index)


def test_prompts_of_one_topic_lie_closer_than_prompts_of_two(sketcher: PromptSketcher) -> None:
    code = ["Write a Python function to sort a list", "Fix the bug in this C++ program, it crashes"]
    food = ["A recipe for potato soup with cream", "How long must I boil eggs for breakfast?"]
    a, b, c, d = (values(sketcher.sketch(text))[:SEMANTIC].astype(float) for text in code + food)
    within = np.linalg.norm(a - b) + np.linalg.norm(c - d)
    between = np.linalg.norm(a - c) + np.linalg.norm(b - d)
    assert within < between


def test_a_sketch_survives_the_journey_through_an_event(sketcher: PromptSketcher) -> None:
    sketch = sketcher.sketch("hello there")
    text = encode_sketch(sketch)
    assert len(text) == 88
    assert decode_sketch(text) == sketch


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", encode_sketch(bytes(65)), "é" * 88])
def test_what_is_no_sketch_is_an_invalid_event_that_says_so(text: str) -> None:
    with pytest.raises(InvalidEvent, match="prompt_sketch: expected"):
        decode_sketch(text)


def test_the_shipped_basis_is_small_and_orthonormal() -> None:
    basis = load_basis()
    assert basis.directions.shape == (256, SEMANTIC + 1)
    np.testing.assert_allclose(basis.directions.T @ basis.directions, np.eye(SEMANTIC + 1), atol=1e-5)
    assert (basis.scale > 0).all()


@pytest.mark.parametrize("content", [b"", b"no npz", b"PK\x03\x04 no zip"])
def test_a_basis_that_can_not_be_read_stops_with_the_file_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "basis.npz"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"basis\.npz: expected a basis"):
        load_sketcher(path)


def test_a_table_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 5 x 33"):
        PromptSketcher(lambda _: [], np.zeros((5, 4), np.float32), np.zeros(5, np.bool_), load_basis())
