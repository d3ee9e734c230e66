"""Outcomes are kept: what is known is not made again, and two runs never make the same thing."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from stream_guard.evaluation import kept as kept_module
from stream_guard.evaluation import many
from stream_guard.evaluation.kept import Kept, made_or_kept, source_of
from stream_guard.evaluation.many import Board, run_all
from stream_guard.evaluation.results import Result
from stream_guard.evaluation.runs import Job, run
from stream_guard.settings import Settings

SETTINGS = Settings()
JOBS = [Job(scenario="family:12", seed=seed, days=0.3, decider="rate:5") for seed in (1, 2)]


def broken(*_: object) -> Result:
    message = "nobody should have played this"
    raise AssertionError(message)


def test_what_is_known_is_not_played_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run_all(JOBS, SETTINGS, 1, keep=tmp_path)
    monkeypatch.setattr(many, "run", broken)
    assert run_all(JOBS, SETTINGS, 1, keep=tmp_path) == first
    assert [one.seed for one in first] == [1, 2]
    assert not list(tmp_path.glob("*.lock"))


def test_a_run_that_broke_off_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_all(JOBS[:1], SETTINGS, 1, keep=tmp_path)
    played: list[int] = []

    def noted(job: Job, *more: Any) -> Result:
        played.append(job.seed)
        return run(job, *more)

    monkeypatch.setattr(many, "run", noted)
    assert [one.seed for one in run_all(JOBS, SETTINGS, 1, keep=tmp_path)] == [1, 2]
    assert played == [2]


def test_processes_that_share_a_folder_come_to_what_one_comes_to(tmp_path: Path) -> None:
    shared = run_all([*JOBS, JOBS[0]], SETTINGS, 2, keep=tmp_path)
    alone = run_all(JOBS, SETTINGS, 1)
    untimed = [msgspec.structs.replace(one, cpu_us_per_event=None) for one in [*shared, *alone]]
    assert untimed[:2] == untimed[3:]
    assert shared[2] == shared[0]
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_what_somebody_else_is_making_is_left_to_him(tmp_path: Path) -> None:
    ours, theirs = (Kept(tmp_path, SETTINGS, Result) for _ in range(2))
    with theirs.claim(JOBS[0]) as is_mine:
        assert is_mine
        assert made_or_kept(ours, JOBS[0], broken) is None
    with ours.claim(JOBS[0]) as is_mine:
        assert is_mine


def test_a_job_that_is_taken_is_asked_for_again_after_the_others() -> None:
    board = Board([JOBS[0], JOBS[1], JOBS[0]], lambda _: None)
    taken = board.open.popleft()
    board.came(taken, None)
    assert list(board.open) == [JOBS[1], JOBS[0]]


def test_a_file_that_is_no_outcome_is_made_anew(tmp_path: Path) -> None:
    kept = Kept(tmp_path, SETTINGS, Result)
    (tmp_path / f"{kept.key(JOBS[0])}.json").write_text("{")
    assert kept.read(JOBS[0]) is None


def test_outcomes_are_told_apart_by_what_they_follow_from(tmp_path: Path) -> None:
    job = JOBS[0]
    other = msgspec.structs.replace(SETTINGS, stream=msgspec.structs.replace(SETTINGS.stream, tick_s=2.0))
    changed = [
        msgspec.structs.replace(job, **one) for one in ({"seed": 9}, {"quiet": 0.0}, {"decider": "card"})
    ]
    keys = [Kept(tmp_path, SETTINGS, Result).key(one) for one in [job, *changed]]
    assert len({*keys, Kept(tmp_path, other, Result).key(job)}) == 5


def test_a_change_of_the_detector_leaves_what_other_deciders_came_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("simulator/a.py", "evaluation/loop.py", "evaluation/page.py", "groups/b.py", "cli/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("first")
    monkeypatch.setattr(kept_module, "HOME", tmp_path)
    seen = []
    for name in ("evaluation/page.py", "cli/c.py", "groups/b.py", "simulator/a.py"):
        source_of.cache_clear()
        before = source_of("all"), source_of("traffic")
        (tmp_path / name).write_text("second")
        source_of.cache_clear()
        seen.append((name, source_of("all") != before[0], source_of("traffic") != before[1]))
    source_of.cache_clear()
    assert seen == [
        ("evaluation/page.py", False, False),
        ("cli/c.py", False, False),
        ("groups/b.py", True, False),
        ("simulator/a.py", True, True),
    ]
