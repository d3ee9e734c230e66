"""Against whom something stands: found when an operator speaks of an organisation or a network."""

from collections.abc import Iterator
from zlib import crc32

from stream_guard.decisions.rows import BUCKETS, StandingRow
from stream_guard.topology import Rows


def _key(account_id: str) -> str:
    # The low bits chose the partition; the high ones spread what is left.
    return f"s:{(crc32(account_id.encode()) >> 16) % BUCKETS}"


def add(rows: Rows, account_id: str) -> None:
    """Name the account; naming it twice changes nothing."""
    key = _key(account_id)
    row = rows.get(key) or StandingRow()
    if account_id not in row.accounts:
        rows.put(key, row)
        row.accounts.append(account_id)


def remove(rows: Rows, account_id: str) -> None:
    """Forget the account."""
    key = _key(account_id)
    row = rows.get(key)
    if row is None or account_id not in row.accounts:
        return
    rows.put(key, row)
    row.accounts.remove(account_id)
    if not row.accounts:
        rows.delete(key)


def everyone(rows: Rows) -> Iterator[str]:
    """All accounts of this partition against whom something stands."""
    for bucket in range(BUCKETS):
        row = rows.get(f"s:{bucket}")
        if row is not None:
            yield from row.accounts
