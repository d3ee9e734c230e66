"""Seeds and quiet days beside each other: every figure stands where it belongs."""

import msgspec

from stream_guard.evaluation.results import Result
from stream_guard.evaluation.runs import Job
from stream_guard.evaluation.sections import by_seed, cold, honest_by_seed
from stream_guard.evaluation.suite import QUIETS, Chapter
from stream_guard.evaluation.sweeps import swept
from tests.support.loop import toy_of


def result(seed: int, ratio: float, job: Job | None = None) -> Result:
    """A toy whose campaign got so much."""
    toy = toy_of(job or Job(scenario="toy", seed=seed))
    theft = msgspec.structs.replace(
        toy.campaigns["theft"], harvested_ratio=ratio, harvested=round(ratio * 60)
    )
    return msgspec.structs.replace(toy, campaigns={"theft": theft})


def test_each_seed_has_its_column_and_the_mean_its_interval() -> None:
    columns, (row,) = by_seed([result(7, 0.1), result(8, 0.2), result(9, 0.3)])
    assert columns == ("campaign", "level", "seed 7", "seed 8", "seed 9", "mean (95 %)")
    assert row == ("theft", "careful", "10.00 %", "20.00 %", "30.00 %", "20.00 % (0.00 % to 44.84 %)")


def test_a_seed_without_the_campaign_is_left_open() -> None:
    missing = msgspec.structs.replace(result(8, 0.2), campaigns={})
    _, (row,) = by_seed([result(7, 0.1), missing])
    assert row == ("theft", "careful", "10.00 %", "-", "10.00 %")


def test_honest_accounts_of_all_seeds_are_those_of_each() -> None:
    _, rows = honest_by_seed([result(7, 0.1), result(8, 0.1), result(8, 0.1)])
    assert [row[0] for row in rows] == ["7", "8", "all"]
    days = [int(row[1]) for row in rows]
    assert days[2] == days[0] + days[1] > 0


def test_a_cold_start_stands_beside_a_week_of_learning() -> None:
    jobs = swept([Job(scenario="toy", seed=seed) for seed in (7, 8)], QUIETS)
    results = [result(job.seed, 0.5 if job.quiet == 0.0 else 0.25, job) for job in jobs]
    columns, rows = cold(Chapter("cold", "", jobs, QUIETS), results)
    assert [column for column in columns if "harvested" in column] == [
        "after 0 days: harvested",
        "after 7 days: harvested",
    ]
    told = dict(zip(columns, rows[0], strict=False))
    assert told["after 0 days: harvested"].startswith("50.00 %")
    assert told["after 7 days: harvested"].startswith("25.00 %")
    assert rows[-1][0] == "honest accounts blocked"
    assert {len(row) for row in rows} == {len(columns)}
