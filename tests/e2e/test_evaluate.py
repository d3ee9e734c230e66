"""`stream-guard evaluate` as a user runs it: over files, and in a closed loop."""

import json
from pathlib import Path

import pytest

from tests.e2e.program import ROOT, good, stream_guard

pytestmark = pytest.mark.e2e
STANDARD = ROOT / "stream_guard" / "decisions" / "default_policy.toml"


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Half a day of a small campaign among families, and its truth."""
    place = tmp_path_factory.mktemp("traffic")
    events, truth = place / "events.jsonl.zst", place / "truth.jsonl"
    what = ["deepseek:0.05+family:40", "--days", 0.5, "--seed", 5]
    good(stream_guard("simulate", *what, "-o", events, "--truth", truth))
    return events, truth


def test_decisions_of_a_file_are_judged_as_those_of_the_replay_that_made_them(
    traffic: tuple[Path, Path], tmp_path: Path
) -> None:
    events, truth = traffic
    decisions, campaigns = tmp_path / "decisions.jsonl", tmp_path / "campaigns.jsonl"
    good(stream_guard("replay", events, "-d", decisions, "--campaigns", campaigns))
    known = ["--decisions", decisions, "--campaigns", campaigns]
    given, own = (
        json.loads(good(stream_guard("evaluate", "--events", events, "--truth", truth, *more, "--json", "-")))
        for more in (known, [])
    )
    for name in ("campaigns", "honest", "false_blocks", "harvested_ratio", "events", "blocks_by_reason"):
        assert given[name] == own[name]
    assert given["campaigns"]["deepseek-1"]["exchanges"] > 0
    assert given["unlabelled_accounts"] == 0


def test_a_decision_on_everybody_stops_everything_and_is_said_to(
    traffic: tuple[Path, Path], tmp_path: Path
) -> None:
    events, truth = traffic
    accounts = [json.loads(line) for line in truth.read_text().splitlines()]
    decisions, out, page = tmp_path / "decisions.jsonl", tmp_path / "out.json", tmp_path / "page.html"
    decisions.write_text(
        "".join(
            json.dumps({"account_id": one["account_id"], "action": "block", "decided_at": 1.0}) + "\n"
            for one in accounts
        )
    )
    shown = good(
        stream_guard(
            "evaluate", "--events", events, events, "--truth", truth, "-d", decisions,
            "--json", out, "--html", page,
        )
    )  # fmt: skip
    result = json.loads(out.read_text())
    honest = [one for one in accounts if one["label"] == "benign"]
    assert result["harvested_ratio"] == 0.0
    assert result["false_blocks"] == len(honest)
    assert result["repeated"] == result["events"]  # the file was given twice, each request counts once
    assert result["honest_requests_refused"] > 0
    assert "deepseek-1" in shown
    assert "<svg" in page.read_text()


def test_a_closed_loop_runs_in_processes_and_says_what_it_rests_on(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = stream_guard(
        "evaluate", "-s", "deepseek:0.1@naive+family:40", "--seeds", "3..4", "--split", "test", "--scale", 1,
        "--days", 1, "--decider", "rate:5", "--decider", "card:2", "--workers", 2, "--json", out,
    )  # fmt: skip
    good(done)
    results = json.loads(out.read_text())
    assert [(one["decider"], one["seed"]) for one in results] == [
        ("rate over 5 a day", 3),
        ("rate over 5 a day", 4),
        ("card of over 2 accounts", 3),
        ("card of over 2 accounts", 4),
    ]
    for one in results:
        assert (one["mode"], one["split"]) == ("closed_loop", "test")
        campaign = one["campaigns"]["deepseek-1"]
        assert (campaign["level"], campaign["scale"]) == ("naive", 0.1)
        assert 0 < campaign["harvested"] <= campaign["exchanges"]
        assert campaign["spent"]["usd"] > 0
    assert results[0]["campaigns"]["deepseek-1"]["harvested_ratio"] < 1
    assert results[0]["false_blocks"] > 0


def test_quiet_days_come_first_and_what_is_kept_is_not_played_again(tmp_path: Path) -> None:
    out, keep = tmp_path / "out.json", tmp_path / "kept"
    asked = [
        "evaluate", "-s", "deepseek:0.1@naive+family:20", "--seeds", 3, "--scale", 1, "--days", 0.5,
        "--quiet", 1.5, "--workers", 1, "--keep", keep, "--json", out,
    ]  # fmt: skip
    good(stream_guard(*asked))
    first = json.loads(out.read_text())
    assert first["parameters"]["quiet"] == 1.5
    assert "after 1.5 quiet days" in first["traffic"]
    assert first["days"] == 2.0
    (kept,) = keep.glob("*.json")
    marked = kept.read_text().replace('"events":', '"events":1')
    kept.write_text(marked)
    good(stream_guard(*asked, "--sweep", "quiet=1.5"))  # the same once more: it counts once
    assert json.loads(out.read_text())["events"] == int(f"1{first['events']}")


def test_policies_are_told_apart(tmp_path: Path) -> None:
    out, names = tmp_path / "out.json", [tmp_path / "mild.toml", tmp_path / "stern.toml"]
    for name in names:
        name.write_text(STANDARD.read_text().replace('name = "standard"', f'name = "{name.stem}"'))
    shown = good(
        stream_guard(
            "evaluate", "-s", "family:10", "--seeds", 3, "--days", 0.1, "-p", names[0], "-p", names[1],
            "--workers", 1, "--json", out,
        )
    )  # fmt: skip
    results = json.loads(out.read_text())
    assert [one["decider"] for one in results] == [f"stream-guard, {name}" for name in names]
    assert len({one["parameters"]["policy_version"] for one in results}) == 2
    assert all(str(name) in shown for name in names)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "--events FILE --truth TRUTH, or --scenario NAME"),
        (["--events", "-", "--truth", "t"], "standard input"),
        (["-s", "nothing"], "expected one of"),
        (["-s", "family", "--seeds", "x"], "--seeds 'x'"),
        (["-s", "family", "--decider", "guess"], "decider 'guess'"),
        (["-s", "family", "--level", "wild"], "wild"),
        (["-s", "family", "--truth", "t"], "beside it"),
    ],
)
def test_what_can_not_be_used_is_named(arguments: list[str], expected: str) -> None:
    done = stream_guard("evaluate", *arguments)
    assert done.returncode == 2
    assert expected in done.stderr.decode()
