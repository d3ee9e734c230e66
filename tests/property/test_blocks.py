"""Rows put into words together are the lines that each of them is by itself."""

from functools import cache
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stream_guard.simulator.engine.blocks import digits
from stream_guard.simulator.engine.lines import Writer
from stream_guard.simulator.engine.roster import Roster
from stream_guard.simulator.engine.sessions import LONGEST, REQUEST, Rows, tail_of
from stream_guard.simulator.order import Order
from stream_guard.simulator.scenario import build

BORDERS = [0, 1, 9, 10, 9_999, 10_000, 10_001, 99_999_999, 100_000_000, 2**31 - 1]
number = st.one_of(st.sampled_from(BORDERS), st.integers(0, 2**31 - 1))
moment = st.one_of(st.integers(3_600_000, 10**13 - 1), st.integers(1_776_816_000_000, 1_780_000_000_000))


@cache
def roster() -> Roster:
    """Accounts with tools, templates and end users."""
    return build("moonshot:0.01+router:2+review_bot:15", Order(days=1.0))._world.roster


def below(texts: list[str] | list[bytes]) -> st.SearchStrategy[int]:
    return st.integers(0, len(texts) - 1)


@st.composite
def request_rows(draw: st.DrawFn) -> NDArray[Any]:
    here, rows = roster(), np.zeros(draw(st.integers(1, 12)), REQUEST)
    for row in rows:
        row["at"], row["session"] = draw(moment), draw(st.integers(0, 2**40))
        for name in ("input", "cached", "output", "latency", "chars"):
            row[name] = draw(number)
        row["reasoned"], row["end_user"] = (
            draw(st.one_of(st.just(0), number)),
            draw(st.integers(0, 2**32 - 1)),
        )
        row["turn"] = draw(st.integers(1, LONGEST))
        row["status"] = draw(st.sampled_from([200, 400, 403, 429, 500, 529]))
        row["look"], row["place"] = draw(below(here.looks)), draw(below(here.places))
        row["tools"], row["template"] = draw(below(here.tools)), draw(below(here.templates))
        row["row"], row["other"], row["is_sketched"] = draw(st.integers(0, 99)), 7, draw(st.booleans())
        row["tail"] = tail_of(said(draw, int(row["status"])))[0]
    return rows


def said(draw: st.DrawFn, status: int) -> Rows:
    most = {
        "labels": len(roster().pool.labels) - 1,
        "language": 3,
        "wish": 2,
        "images": 4,
        "model": 5,
        "calls": 6,
    }
    return {name: np.array([draw(st.integers(0, high))]) for name, high in most.items()} | {
        "status": np.array([status])
    }


@settings(deadline=None)
@given(request_rows(), st.integers(0, 2**64 - 1))
def test_a_block_is_the_lines_of_its_rows(rows: NDArray[Any], key: int) -> None:
    together, apart = Writer(roster(), key), Writer(roster(), key)
    texts = zip(*apart.texts(rows), strict=True)
    lines = [apart.line()(*row, *text) for row, text in zip(rows.tolist(), texts, strict=True)]
    assert together.block(rows) == b"\n".join(lines) + b"\n"
    assert together.block(rows).startswith(b'{"event_id":"req_')


@given(st.lists(st.integers(0, 10**12 - 1), min_size=1))
def test_digits_are_what_python_writes(numbers: list[int]) -> None:
    written = digits(np.array(numbers, np.int64)).tobytes()
    each = [written[at : at + 12].replace(b"\0", b"").decode() for at in range(0, len(written), 12)]
    assert each == [str(one) for one in numbers]
