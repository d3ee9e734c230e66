"""The report in a real browser: all of it is in the file, and it fits desks and telephones, day and night."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from stream_guard.evaluation.loop import Timing, play
from stream_guard.evaluation.report import render
from stream_guard.evaluation.rulings import Ruling
from tests.support.loop import Patience, ToyTraffic

pytestmark = pytest.mark.browser
EMPTY_PX = 4  # a plot or a table that is less high shows nothing


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = [("stream-guard", seed) for seed in (1, 2)] + [("card of over 5 accounts", 1)]
    results = [
        play(
            ToyTraffic(100),
            Patience(3, Ruling("", "block", 0.0)),
            Timing(),
            {
                "traffic": "a scenario with a long name, careful, 2 days",
                "split": "test",
                "seed": seed,
                "decider": who,
            },
        )
        for who, seed in runs
    ]
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(results, "Evaluation"), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_is_whole_by_itself(
    browser: Browser, report: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.as_uri())
    assert asked == [report.as_uri()]
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    heights = page.evaluate(
        "[...document.querySelectorAll('svg')].map(one => one.getBoundingClientRect().height)"
    )
    assert len(heights) >= 3
    assert min(heights) > EMPTY_PX
    ink, paper = page.evaluate("(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))")
    assert ink != paper
    page.locator("summary").last.click()
    assert page.locator("details").last.locator("table").first.is_visible()
    page.close()
