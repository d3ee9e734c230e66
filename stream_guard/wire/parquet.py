"""Events in Parquet files with the contract's columns; needs the extra ``parquet`` (pyarrow).

Each row becomes the JSON line that it would have been, so everything after this treats both alike.
Columns of maps and structs become objects, timestamps with a zone RFC 3339; nulls are left out.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from stream_guard.errors import ConfigurationError
from stream_guard.records import pack_json

BATCH_ROWS: Final = 4096


def parquet_lines(path: Path) -> Iterator[tuple[bytes, int]]:
    """JSON of each row, and the bytes of the file that are done when its group of rows is."""
    try:
        import pyarrow  # noqa: PLC0415 - optional
        from pyarrow import parquet  # noqa: PLC0415 - optional
    except ImportError as error:
        message = f"{path}: Parquet needs pyarrow; install stream-guard[parquet]"
        raise ConfigurationError(message) from error
    try:
        with parquet.ParquetFile(path) as file:
            done = 0
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(batch_size=BATCH_ROWS, row_groups=[group]):
                    for row in batch.to_pylist(maps_as_pydicts="strict"):
                        yield pack_json(_without_nulls(row)), done
                done += _group_bytes(file.metadata.row_group(group))
    except pyarrow.ArrowException as error:
        message = f"{path}: expected a readable Parquet file of events; got: {error}"
        raise ConfigurationError(message) from error


def _group_bytes(group: Any) -> int:
    return sum(group.column(index).total_compressed_size for index in range(group.num_columns))


def _without_nulls(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_nulls(value) if isinstance(value, dict) else value
        for name, value in row.items()
        if value is not None
    }
