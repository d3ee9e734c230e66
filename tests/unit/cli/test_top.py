"""`top` shows what the sources say; without any it says what is missing, and ends with 1."""

import json
from collections.abc import Iterator
from io import StringIO

import pytest
from rich.console import Console

from stream_guard.cli.top_view import draw, snapshot
from stream_guard.records import Control, pack_json
from tests.unit.cli.running import REFUSED, impatient, run
from tests.unit.console.desks import NOW, ConsoleDesk, blocked, campaign

pytestmark = REFUSED


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from impatient(monkeypatch)


def test_where_nothing_answers_it_says_so_and_ends_with_1() -> None:
    result = run("top", "--once", "--json")
    seen = json.loads(result.stdout)
    assert (result.exit_code, seen["is_complete"]) == (1, False)
    assert {look["level"] for look in seen["looks"]} == {"bad"}
    assert "secret" not in result.output


def test_it_draws_what_is_held_what_needs_a_look_campaigns_and_decisions() -> None:
    desk = ConsoleDesk()
    desk.memory.take_decision(blocked("[red]acc_1"), 1)
    desk.memory.take_campaigns([(pack_json(campaign("acc_1")), 0)])
    desk.memory.take_words([Control(verb="shadow", subject="all", spoken_at=NOW, author="ann", value="on")])
    console = Console(width=160, record=True, file=StringIO())
    console.print(draw(snapshot(desk.sources, NOW)))
    text = console.export_text()
    for part in (
        "1 blocked",
        "In shadow: everything",
        "c-1",
        "distillation",
        "[red]acc_1",
        "campaign member",
    ):
        assert part in text, part
