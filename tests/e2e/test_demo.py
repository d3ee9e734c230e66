"""The demo runs on any machine, ends by itself, and says what it found."""

import re

import pytest

from tests.e2e.program import good, stream_guard

pytestmark = [pytest.mark.e2e, pytest.mark.redis, pytest.mark.slow]


def test_the_demo_ends_by_itself_with_a_summary() -> None:
    output = good(stream_guard("demo", "--seconds", "0"))
    assert re.search(r"140,410 events of 3,078 accounts; [\d,]+ decisions", output)
    assert re.search(r"^ *\d+%  [\d,]+ events", output, re.MULTILINE), "lines while it goes on"
    assert "Valkey was told" in output
    assert "Evaluation only" in output
    assert re.search(r"distillation-1: \d+ of 234 accounts", output)
    assert re.search(r"honest accounts touched: \d+ of 2,796", output)
    assert "\x1b" not in output, "no control characters where no terminal is"
