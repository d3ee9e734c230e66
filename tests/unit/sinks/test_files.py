"""Output files are whole or not there."""

from contextlib import suppress
from pathlib import Path

import pytest

from stream_guard.errors import ConfigurationError
from stream_guard.records import DeadLetter, pack_json
from stream_guard.sinks.dead_letters import KEPT, DeadLetterTally
from stream_guard.sinks.files import FileSinks, JsonLinesFile


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("before\n")
    with JsonLinesFile(path) as file:
        file.write([(b"k", b"1"), (None, b"2")])
        assert path.read_text() == "before\n"
    assert path.read_text() == "1\n2\n"
    assert file.lines == 2
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_what_was_there_before_still_is(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("before\n")

    def fail() -> None:
        with JsonLinesFile(path) as file:
            file.write([(None, b"1")])
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    assert path.read_text() == "before\n"
    assert (tmp_path / "out.jsonl.partial").read_text() == "1\n"


@pytest.mark.parametrize("name", ["missing/out.jsonl", "."])
def test_a_path_that_can_not_be_written_is_named_at_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a file that can be written"):
        JsonLinesFile(tmp_path / name)


def test_each_stream_goes_to_its_file_and_the_rest_nowhere(tmp_path: Path) -> None:
    paths = {"decisions": tmp_path / "d.jsonl", "campaigns": tmp_path / "c.jsonl"}
    with FileSinks(paths) as sink:
        sink("decisions", 0, [(None, b"d0")])
        sink("decisions", 1, [(None, b"d1")])
        sink("dead_letters", 0, [(None, b"x")])
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "d.jsonl": "d0\nd1\n",
        "c.jsonl": "",
    }


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_says_which_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    (tmp_path / "out.jsonl.partial").symlink_to("/dev/full")
    file = JsonLinesFile(path)
    file.write([(None, b"1")])
    with pytest.raises(OSError, match=r"out\.jsonl"):
        file.close()
    with suppress(OSError):
        file.abandon()
    assert not path.exists()


def test_one_path_that_can_not_be_written_leaves_no_file_open(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        FileSinks({"decisions": tmp_path / "d.jsonl", "campaigns": tmp_path / "missing" / "c.jsonl"})
    assert not (tmp_path / "d.jsonl").exists()


def test_dead_letters_are_counted_and_only_the_newest_kept() -> None:
    tally = DeadLetterTally()
    tally.push(
        (
            None,
            pack_json(
                DeadLetter(stream="requests", partition=0, offset=i, reason="not_json", detail="", value="")
            ),
        )
        for i in range(2 * KEPT)
    )
    assert tally.counts == {("requests", "not_json"): 2 * KEPT}
    assert tally.total == 2 * KEPT
    assert [letter.offset for letter in tally.newest] == list(range(KEPT, 2 * KEPT))
