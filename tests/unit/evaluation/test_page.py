"""The page of results: all that stands on it was counted."""

from stream_guard.evaluation.page import block_of
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.suite import CAMPAIGNS, FIRST_SEED, Chapter, Plan, chapters
from tests.support.loop import toy_of


def test_every_chapter_has_its_table_and_every_aim_its_sign() -> None:
    done: dict[str, tuple[Chapter, list[Result]]] = {
        part.name: (part, [toy_of(job) for job in part.jobs]) for part in chapters(Plan(seeds=2))
    }
    block = block_of(Plan(seeds=2), "make results", done)
    rows = [line for line in block.splitlines() if line.startswith("|")]
    widths = {line.count("|") for line in rows}
    assert len(widths) <= 9
    assert block.startswith("    make results\n")
    assert "Split `test`, seeds 1001, 1002;" in block
    assert block.count("\n## ") == 8
    harvested = done["record"][1][0].campaigns["theft"].harvested_ratio
    assert f"{harvested * 100:.2f} %" in block
    assert "**missed**" in block
    assert "| met |" in block


def test_the_page_rests_on_seeds_and_a_split_that_nothing_is_tuned_on() -> None:
    jobs = [job for part in chapters(Plan(seeds=3)) for job in part.jobs]
    assert {job.split for job in jobs} == {"test"}
    assert min(job.seed for job in jobs) >= FIRST_SEED > 100
    assert {job.seed for job in jobs} == {FIRST_SEED, FIRST_SEED + 1, FIRST_SEED + 2}


def test_every_campaign_of_the_record_is_played_at_every_level_and_against_every_rule() -> None:
    parts = {part.name: part for part in chapters(Plan())}
    for name in CAMPAIGNS:
        played_at = [job.level for job in parts["record"].jobs if job.scenario.startswith(name)]
        assert sorted(played_at) == ["careful", "naive"]
        assert sum(job.scenario.startswith(name) for job in parts["informed"].jobs) == 1
        assert sum(job.scenario.startswith(name) for job in parts["baselines"].jobs) == 4


def test_the_page_says_how_several_seeds_became_one_row() -> None:
    def page(seeds: int) -> str:
        plan = Plan(seeds=seeds)
        done = {part.name: (part, [toy_of(job) for job in part.jobs]) for part in chapters(plan)}
        return block_of(plan, "make results", done)

    assert "over 3 seeds together: counts and dollars are added up" in page(3)
    assert "together" not in page(1)
    assert "One seed" in page(1)
