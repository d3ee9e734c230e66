"""`stream-guard simulate`: what it writes, where, and what it refuses."""

import gzip
from pathlib import Path

import msgspec
import pytest

from stream_guard.records import Control, RequestEvent
from stream_guard.simulator.order import Truth
from stream_guard.wire.files import EventFile
from tests.unit.cli.running import REFUSED, impatient, run

hurry = pytest.fixture(impatient)
SMALL = ("deepseek:0.02+background:60", "--days", "1", "--seed", "3")


def test_the_same_lines_go_to_every_kind_of_file_and_to_standard_output(tmp_path: Path) -> None:
    made = []
    for name in ("e.jsonl", "e.jsonl.gz", "e.jsonl.zst"):
        result = run("simulate", *SMALL, "-o", tmp_path / name, "--truth", tmp_path / "truth.jsonl")
        assert result.exit_code == 0, result.output
        made.append(list(EventFile(str(tmp_path / name))))
    result = run("simulate", *SMALL, "-o", "-", "--truth", tmp_path / "truth.jsonl")
    assert made[0] == made[1] == made[2] == result.stdout.encode().splitlines()
    assert len(made[0]) > 50
    for line in made[0]:
        msgspec.json.decode(line, type=RequestEvent)
    assert gzip.decompress((tmp_path / "e.jsonl.gz").read_bytes()) == (tmp_path / "e.jsonl").read_bytes()


def test_the_truth_and_the_words_are_rows_of_their_own(tmp_path: Path) -> None:
    events, truth, words = (tmp_path / f"{name}.jsonl" for name in ("events", "truth", "words"))
    scenario = (
        "reseller:0.02+minimax:0.0005",
        "--days",
        "10",
        "-o",
        events,
        "--truth",
        truth,
        "--words",
        words,
    )
    result = run("simulate", *scenario)
    assert "reseller-1:" in result.stderr
    rows = [msgspec.json.decode(line, type=Truth) for line in truth.read_bytes().splitlines()]
    assert {row.campaign for row in rows} == {"reseller-1", "minimax-2"}
    assert list(msgspec.json.decode(truth.read_bytes().splitlines()[0])) == [
        "account_id",
        "label",
        "campaign",
        "kind",
    ]
    said = [msgspec.json.decode(line, type=Control) for line in words.read_bytes().splitlines()]
    assert {word.verb for word in said} == {"release", "chargeback"}


def test_a_mixture_may_come_from_a_file(tmp_path: Path) -> None:
    file, truth = tmp_path / "m.toml", tmp_path / "t.jsonl"
    file.write_text(
        'days = 1\n[[part]]\nname = "deepseek"\nsize = 0.02\n[[part]]\nname = "background"\nsize = 60\n'
    )
    from_file = run("simulate", file, "--seed", "3", "-o", "-", "--truth", truth).stdout
    assert from_file == run("simulate", *SMALL, "-o", "-", "--truth", truth).stdout


def test_all_scenarios_are_listed() -> None:
    rows = [msgspec.json.decode(line) for line in run("simulate", "--list", "--json").stdout.splitlines()]
    assert {"background", "qwen", "hackathon"} <= {row["name"] for row in rows}
    assert all(row["what"] and row["sort"] for row in rows)
    assert "hackathon" in run("simulate", "--list").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("foo", "-o", "e.jsonl", "--truth", "t.jsonl"), "name: expected one of background"),
        (("office", "-o", "e.csv", "--truth", "t.jsonl"), "expected a name that ends in .jsonl"),
        (("office", "-o", "no/e.jsonl", "--truth", "t.jsonl"), "expected a file in a folder that is there"),
        (("office", "-o", "e.jsonl", "--truth", "e.jsonl"), "expected a file of its own"),
        (("office", "-o", "e.jsonl"), "expected SCENARIO, --truth FILE"),
        (("office", "--truth", "t.jsonl"), "either -o FILE or --kafka"),
        (
            ("office", "-o", "e.jsonl", "--truth", "t.jsonl", "--days", "-1"),
            "--days: expected a number above zero",
        ),
        (("office", "-o", "e.jsonl", "--truth", "t.jsonl", "--start", "noon"), "--start: expected RFC 3339"),
        (
            ("office", "-o", "e.jsonl", "--truth", "t.jsonl", "--start", "2026-01-01T00:30"),
            "--start: expected a whole hour",
        ),
    ],
)
def test_wrong_usage_is_2_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("simulate", *arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("part = 3", "part: expected one or more tables"),
        ('[[part]]\nname = "office"\nmood = 1', "expected only level, name, size; got mood"),
        ('days = -1\n[[part]]\nname = "office"', "days: expected a number above zero; got -1"),
        ('[[part]]\nname = "office"\nsize = "big"', "size: expected a number above zero; got 'big'"),
        ("= 3", "Invalid statement"),
    ],
)
def test_a_wrong_file_is_named_with_what_was_expected(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "m.toml"
    file.write_text(text)
    result = run("simulate", file, "-o", tmp_path / "e.jsonl", "--truth", tmp_path / "t.jsonl")
    assert result.exit_code == 2
    assert says in result.stderr
    assert str(file) in result.stderr


@REFUSED
def test_a_kafka_that_is_not_there_is_1(tmp_path: Path, hurry: None) -> None:
    result = run("simulate", *SMALL, "--kafka", "--truth", tmp_path / "t.jsonl")
    assert result.exit_code == 1
    assert "127.0.0.1:1" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_says_which_file(tmp_path: Path) -> None:
    full = tmp_path / "full.jsonl"
    full.symlink_to("/dev/full")
    result = run("simulate", *SMALL, "-o", full, "--truth", tmp_path / "truth.jsonl")
    assert result.exit_code == 1
    assert str(full) in result.stderr
