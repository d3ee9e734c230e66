"""Recorded traffic in, decisions out: the same every time, whatever is wrong with the files."""

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from stream_guard.samples import TRAFFIC
from stream_guard.wire.files import EventFile
from tests.contract.test_decision_format import FIELDS
from tests.e2e.program import good, stream_guard

pytestmark = pytest.mark.e2e
EVENTS = 6_000


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """The first hours of the shipped sample."""
    return [line for line, _ in zip(EventFile(str(TRAFFIC)), range(EVENTS), strict=False)]


@pytest.fixture(scope="module")
def words(lines: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Billing's word on two accounts, so that there is something to decide whatever the traffic holds."""
    first = json.loads(lines[0])
    path = tmp_path_factory.mktemp("words") / "feedback.jsonl"
    said = [
        {"verb": "chargeback", "subject": first["account_id"], "spoken_at": first["occurred_at"] + 60},
        {"verb": "chargeback", "subject": "acc_other", "spoken_at": first["occurred_at"] + 600},
        {"verb": "revoke", "subject": "acc_other", "spoken_at": first["occurred_at"] + 3600},
    ]
    path.write_text("".join(json.dumps({**word, "author": "billing"}) + "\n" for word in said) + "{broken\n")
    return path


def test_the_same_files_give_the_same_bytes(lines: list[bytes], words: Path, tmp_path: Path) -> None:
    plain, packed = tmp_path / "events.jsonl", tmp_path / "events.jsonl.zst"
    plain.write_bytes(b"\n".join(lines))
    packed.write_bytes(zstandard.compress(plain.read_bytes()))
    outputs: list[bytes] = []
    for name, stdin in ((str(plain), None), (str(packed), None), ("-", plain.read_bytes())):
        out = tmp_path / f"decisions-{len(outputs)}.jsonl"
        good(stream_guard("replay", name, "-d", out, "--labels", words, stdin=stdin))
        outputs.append(out.read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]
    found = [json.loads(line) for line in outputs[0].splitlines()]
    assert all(list(each) == FIELDS for each in found)
    mine = [each["action"] for each in found if each["account_id"] == "acc_other"]
    assert mine == ["block", "allow"]


def test_bad_lines_are_counted_named_and_never_stop_the_run(
    lines: list[bytes], words: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl"
    first.write_bytes(gzip.compress(b"\n".join([*lines[:50], b"{broken", b"[]", *lines[50:100]])))
    second.write_bytes(b"\n".join([*lines[100:200], b'{"event_id":"x","account_id":"y"}']))
    out, summary = tmp_path / "d.jsonl", tmp_path / "s.json"
    done = stream_guard("replay", first, second, "-d", out, "--labels", words, "--summary", summary)
    good(done)
    figures = json.loads(summary.read_bytes())
    assert figures["events"] == 200
    assert figures["dead_letters"] == {"missing_field": 1, "not_json": 2, "not_object": 1}
    assert figures["late"] == figures["future"] == 0
    letters = [json.loads(line) for line in (tmp_path / "d.dead-letters.jsonl").read_bytes().splitlines()]
    places = {(each.get("file"), each.get("line"), each["reason"]) for each in letters}
    assert places == {
        (str(first), 51, "not_json"), (str(first), 52, "not_object"),
        (str(second), 101, "missing_field"), (None, None, "not_json"),
    }  # fmt: skip
    assert b"4 lines could not be used" in done.stderr


def test_without_bad_lines_there_are_no_dead_letters(lines: list[bytes], tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_bytes(b"\n".join(lines[:200]))
    good(stream_guard("replay", events, "-d", tmp_path / "d.jsonl", "--campaigns", tmp_path / "c.jsonl"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.jsonl", "d.jsonl", "events.jsonl"]


def test_a_file_that_breaks_off_fails_the_run_and_keeps_what_was_whole(
    lines: list[bytes], tmp_path: Path
) -> None:
    events, summary = tmp_path / "events.jsonl.gz", tmp_path / "s.json"
    packed = gzip.compress(b"\n".join(lines[:2000]))
    events.write_bytes(packed[: len(packed) // 2])
    done = stream_guard("replay", events, "-d", tmp_path / "d.jsonl", "--summary", summary)
    figures = json.loads(summary.read_bytes())
    assert done.returncode == 1
    assert 0 < figures["events"] < 2000
    assert str(events) in figures["truncated"][0]
    assert str(events).encode() in done.stderr


def test_a_policy_in_shadow_enforces_nothing(lines: list[bytes], words: Path, tmp_path: Path) -> None:
    events, out = tmp_path / "events.jsonl", tmp_path / "d.jsonl"
    events.write_bytes(b"\n".join(lines[:500]))
    policy = "deploy/policies/cautious.toml"
    good(stream_guard("replay", events, "-d", out, "--labels", words, "--policy", policy))
    found = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert found
    assert all(each["shadow"] and each["policy_version"].startswith("cautious-") for each in found)


def test_lines_that_cannot_be_placed_in_time_or_parsed_do_not_stop_the_run(
    lines: list[bytes], tmp_path: Path
) -> None:
    events, summary = tmp_path / "events.jsonl", tmp_path / "s.json"
    endless = b'{"event_id":"e","account_id":"a","occurred_at":1e308,"model":"m"}'
    deep = b'{"x":' + b"[" * 3_000
    events.write_bytes(b"\n".join([*lines[:20], endless, deep, *lines[20:40]]))
    good(stream_guard("replay", events, "-d", tmp_path / "d.jsonl", "--summary", summary))
    assert json.loads(summary.read_bytes())["events"] == 40


def test_an_output_that_is_an_input_or_no_file_is_refused_before_anything_is_lost(
    lines: list[bytes], tmp_path: Path
) -> None:
    events = tmp_path / "events.jsonl"
    events.write_bytes(b"\n".join(lines[:20]))
    before = events.read_bytes()
    for outputs in (
        ("-d", events),
        ("-d", "/dev/null"),
        ("-d", tmp_path / "o", "--campaigns", tmp_path / "o"),
    ):
        done = stream_guard("replay", events, *outputs)
        assert done.returncode == 2
        assert b"expected a file" in done.stderr
    assert events.read_bytes() == before
