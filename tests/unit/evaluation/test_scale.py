"""The same campaigns among more honest accounts: what is told of each size is what the run showed."""

from pathlib import Path

from stream_guard.cli.results_scale import main
from stream_guard.evaluation.runs import prepared
from stream_guard.evaluation.scale import Plan, measure, sheet
from stream_guard.settings import Settings

PLAN = Plan(campaigns="deepseek:0.1@naive", days=0.5, quiet=0.1, pace=1.0)


def test_a_size_is_told_with_what_was_found_and_what_it_took() -> None:
    one = measure(PLAN, 60, Settings())
    columns, (row,) = sheet([one])
    told = dict(zip(columns, row, strict=True))
    assert one.result.split == "test"
    assert told["honest accounts"] == "60"
    assert 0 < one.result.honest_total.accounts <= 60
    assert one.standing.rows > one.result.honest_total.accounts
    assert one.standing.candidates > 0
    assert 0 <= one.standing.suspected <= one.standing.candidates
    assert 5 < one.standing.line_low <= one.standing.line_high < 20
    assert one.end_mb > 50
    assert one.cpu_s * 1e6 > (one.result.cpu_us_per_event or 0.0) * one.result.events > 0


def test_sizes_hold_the_same_campaign() -> None:
    small, large = (prepared(PLAN.job(size), Settings()).traffic for size in (40, 400))
    assert small.costs == large.costs


def test_sizes_may_be_played_one_at_a_time_and_stand_in_one_table(tmp_path: Path) -> None:
    page, keep = tmp_path / "page.md", tmp_path / "kept"
    page.write_text("before\n")
    asked = [str(page), "--keep", str(keep), "--campaigns", "deepseek:0.02@naive", "--days", "0.2"]
    for sizes in ("30", "20,30"):
        main([*asked, "--quiet", "0", "--accounts", sizes])
    text = page.read_text()
    assert text.startswith("before\n")
    assert [line.split(" ")[1] for line in text.splitlines() if line.startswith("| ")][1:] == ["20", "30"]
    assert '    make results-scale ARGS="--campaigns deepseek:0.02@naive --days 0.2 --quiet 0.0"' in text
    assert len(list(keep.glob("*.json"))) == 2
