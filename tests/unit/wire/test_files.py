import gzip
import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

from stream_guard.errors import ConfigurationError
from stream_guard.wire.files import CHUNK_BYTES, EventFile
from stream_guard.wire.native import EventDecoder
from stream_guard.wire.parse import MAX_MESSAGE_BYTES
from tests.wire_samples import EVENT, SMALLEST

LINES = [json.dumps({"n": n, "text": f"line {n * 7919 % 1000}"}).encode() for n in range(20_000)]
PLAIN = b"\n".join(LINES) + b"\n"
FORMS = {
    "plain.jsonl": PLAIN,
    "no_newline_at_the_end.jsonl": PLAIN[:-1],
    "one.jsonl.gz": gzip.compress(PLAIN, mtime=0),
    "two.jsonl.gz": gzip.compress(PLAIN[:100_000], mtime=0) + gzip.compress(PLAIN[100_000:], mtime=0),
    "one.jsonl.zst": zstandard.compress(PLAIN),
    "two.jsonl.zst": zstandard.compress(PLAIN[:100_000]) + zstandard.compress(PLAIN[100_000:]),
    "misnamed.jsonl": gzip.compress(PLAIN, mtime=0),
}


def written(folder: Path, name: str, content: bytes) -> EventFile:
    path = folder / name
    path.write_bytes(content)
    return EventFile(str(path))


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_lines_and_counts_bytes_on_disk(tmp_path: Path, name: str) -> None:
    file = written(tmp_path, name, FORMS[name])
    offsets = []
    lines = []
    for line in file:
        lines.append(line)
        offsets.append(file.offset)
    assert lines == LINES
    assert offsets == sorted(offsets)
    assert file.offset == file.total == len(FORMS[name])
    assert file.line == len(LINES)
    assert file.fault is None


@pytest.mark.parametrize("name", ["plain.jsonl", "one.jsonl.gz", "one.jsonl.zst"])
def test_standard_input_is_read_alike(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FORMS[name])))
    file = EventFile("-")
    assert list(file) == LINES
    assert (file.total, file.offset) == (None, len(FORMS[name]))


@pytest.mark.parametrize("name", ["one.jsonl.gz", "two.jsonl.gz", "one.jsonl.zst", "two.jsonl.zst"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.999])
def test_what_a_truncated_file_holds_is_kept_and_the_cut_is_told(
    tmp_path: Path, name: str, share: float
) -> None:
    cut = int(len(FORMS[name]) * share)
    file = written(tmp_path, name, FORMS[name][:cut])
    lines = list(file)
    assert lines == LINES[: len(lines)]
    assert file.fault == f"{tmp_path / name}: ends within its compressed data, after {cut} bytes"
    if share > 0.5:
        assert len(lines) > 100


@pytest.mark.parametrize("name", ["one.jsonl.gz", "one.jsonl.zst"])
def test_broken_compressed_data_is_told(tmp_path: Path, name: str) -> None:
    content = FORMS[name]
    half = len(content) // 2
    file = written(tmp_path, name, content[:half] + bytes(64) + content[half + 64 :])
    lines = list(file)
    assert lines == LINES[: len(lines)] or name.endswith(".gz")  # gzip checks only at its end
    assert file.fault is not None
    assert "broken compressed data" in file.fault


def test_blank_lines_are_left_out_but_counted(tmp_path: Path) -> None:
    file = written(tmp_path, "a.jsonl", b'\n{"a":1}\r\n  \n\n{"a":2}')
    assert [(line, file.line) for line in file] == [(b'{"a":1}\r', 2), (b'{"a":2}', 5)]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_byte_order_mark_is_taken_off(tmp_path: Path, end: bytes) -> None:
    assert list(written(tmp_path, "a.jsonl", b"\xef\xbb\xbf{}" + end)) == [b"{}"]


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, "a.jsonl", b"")
    assert list(file) == []
    assert file.fault is None


def test_an_endless_line_is_bounded_and_the_next_line_comes_whole(tmp_path: Path) -> None:
    content = b'{"a":1}\n' + b"x" * (4 * MAX_MESSAGE_BYTES) + b'\n{"a":2}\n'
    first, long, last = written(tmp_path, "a.jsonl", content)
    assert (first, last) == (b'{"a":1}', b'{"a":2}')
    assert MAX_MESSAGE_BYTES < len(long) <= MAX_MESSAGE_BYTES + 2 * CHUNK_BYTES


@pytest.mark.parametrize(
    ("content", "kind"), [(b"\xfd7zXZ\x00", "xz"), (b"BZh9", "bzip2"), (b"PK\x03\x04", "zip")]
)
def test_other_compressions_are_refused_by_name(tmp_path: Path, content: bytes, kind: str) -> None:
    with pytest.raises(ConfigurationError, match=f"got {kind}"):
        list(written(tmp_path, "a.jsonl", content))


def test_a_missing_file_or_a_directory_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none.jsonl: no such file"):
        EventFile(str(tmp_path / "none.jsonl"))
    with pytest.raises(ConfigurationError, match="got a directory"):
        EventFile(str(tmp_path))


# Parquet

ROWS: list[dict[str, Any]] = [{**EVENT, "event_id": f"e-{n}"} for n in range(50)] + [SMALLEST]


def write_parquet(path: Path, **options: Any) -> None:
    table = pa.Table.from_pylist(
        [{**row, "indicators": list(row.get("indicators", {}).items()) or None} for row in ROWS],
        schema=pa.schema(
            [
                ("indicators", pa.map_(pa.string(), pa.string())) if name == "indicators" else (name, kind)
                for name, kind in zip(
                    pa.Table.from_pylist(ROWS).schema.names,
                    pa.Table.from_pylist(ROWS).schema.types,
                    strict=True,
                )
            ]
        ),
    )
    parquet.write_table(table, path, **options)


def test_parquet_rows_are_the_events_that_json_lines_would_be(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(path, row_group_size=20)
    file = EventFile(str(path))
    lines, offsets = [], []
    for line in file:
        lines.append(line)
        offsets.append(file.offset)
    decoder = EventDecoder()
    assert [decoder.decode(line) for line in lines] == [
        decoder.decode(json.dumps(row).encode()) for row in ROWS
    ]
    assert decoder.formats == {"native": 102}
    assert offsets == sorted(offsets)
    assert offsets[-1] <= (file.total or 0)
    assert file.line == 51


def test_parquet_timestamps_with_a_zone_and_structs_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    moment = datetime(2025, 11, 22, 8, 26, 40, 125_000, tzinfo=UTC)
    rows = [
        {**SMALLEST, "occurred_at": moment, "indicators": {"device": "d", "referral": None}, "status": 200.0}
    ]
    parquet.write_table(pa.Table.from_pylist(rows), path)
    (line,) = EventFile(str(path))
    event = EventDecoder().decode(line)
    assert (event.occurred_at, event.indicators, event.status) == (1763800000.125, {"device": "d"}, 200)


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="expected a readable Parquet file"):
        list(written(tmp_path, "a.parquet", b"PAR1" + bytes(100)))


def test_parquet_from_a_pipe_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"PAR1")))
    with pytest.raises(ConfigurationError, match="can not be read from a pipe"):
        list(EventFile("-"))


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=r"install stream-guard\[parquet\]"):
        list(written(tmp_path, "a.parquet", b"PAR1"))
