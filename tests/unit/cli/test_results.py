"""`make results`: which loops are played, and what is written of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stream_guard.cli import results
from stream_guard.errors import ConfigurationError
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.runs import Job
from tests.support.loop import toy_of

PAGE = "before\n<!-- results: begin -->\n<!-- results: end -->\nafter\n"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Jobs that were asked for; toys are played in their place."""
    jobs: list[Job] = []

    def toys(all_of_them: Sequence[Job], *_: Any) -> list[Result]:
        jobs.extend(all_of_them)
        return [toy_of(job) for job in all_of_them]

    monkeypatch.setattr(results, "play_all", toys)
    return jobs


def test_tables_plots_and_figures_are_of_the_loops_that_were_asked_for(
    asked: list[Job], tmp_path: Path
) -> None:
    page, html, json = tmp_path / "page.md", tmp_path / "out" / "page.html", tmp_path / "out" / "all.json"
    page.write_text(PAGE)
    results.main([str(page), "--seeds", "2", "--quiet", "3", "--html", str(html), "--json", str(json)])
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert '    make results ARGS="--seeds 2 --quiet 3.0"' in text
    assert "| campaign | level | seed 1001 | seed 1002 | mean (95 %) |" in text
    assert "after 0 days: harvested" in text
    assert "after 7 days: harvested" in text
    assert {job.quiet for job in asked} == {3.0, 0.0, 7.0, None}
    assert html.read_text().count("honest days before the campaign (") == 2  # naive, careful
    assert len(json.read_bytes()) > 1000


def test_a_page_without_marks_is_refused_before_anything_is_played(asked: list[Job], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ConfigurationError, match="results: begin"):
        results.main([str(page)])
    assert asked == []
