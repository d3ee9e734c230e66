"""How many honest accounts show a value: what makes a shared thing rare or common.

Each account counts once, with its first profile.  Values are counted in `POPULAR_BUCKETS` buckets by their
CRC-32, so that an account changes a few small rows only.  A bucket is lossy (after Manku and Motwani 2002):
beyond `MAX_BUCKET` values the rarer half is dropped and its largest count kept, as what an unknown value may
have.  So a count is never below the truth, and a share only by the pseudo-accounts: not at all up to 1 %, by
50 / (n + 50) of itself beyond.  It is above the truth by at most about 1.5 k / 16,384 where accounts show k
values that nobody shares: 0.05 % at k = 5.

Counts halve, up, each `HALVE_AT` accounts, so that old times fade; a bucket catches up when it is read.

Bound: `POPULAR_BUCKETS` x `MAX_BUCKET` counts a partition.  Cost: 1 us a value.
"""

from zlib import crc32

from stream_guard.groups.rows import POPULAR, PopularRow, popular_key
from stream_guard.topology import Rows

POPULAR_BUCKETS = 1024
MAX_BUCKET = 64
HALVE_AT = 20_000  # accounts
PSEUDO_ACCOUNTS = 50  # of which an unknown value has half a one
OTHERS = 0.05  # honest accounts that show what one account shows, beyond those counted


class Popular:
    """The counts of one partition, over its rows."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._counts: dict[str, int] = {}
        self._total: PopularRow = rows.get(POPULAR) or PopularRow()

    @property
    def accounts(self) -> int:
        """Accounts that the counts rest on."""
        return self._total.accounts

    def share(self, indicator: str) -> float:
        """Share of honest accounts that show it, from above."""
        return (self._count(indicator) + 0.5) / (self.accounts + PSEUDO_ACCOUNTS)

    def share_of_others(self, indicator: str) -> float:
        """Share of honest accounts that show it beside one who does and was counted."""
        return (max(0.0, self._count(indicator) - 1) + OTHERS) / (self.accounts + PSEUDO_ACCOUNTS)

    def _count(self, indicator: str) -> int:
        count = self._counts.get(indicator)
        if count is None:
            row: PopularRow = self._rows.get(popular_key(_bucket(indicator))) or PopularRow()
            count = row.counts.get(indicator, row.dropped)
            for _ in range(self._total.era - row.era):
                count = -(-count // 2)
            self._counts[indicator] = count
        return count


def count(rows: Rows, indicators: tuple[str, ...]) -> None:
    """Count what one more honest account shows."""
    total: PopularRow = rows.get(POPULAR) or PopularRow()
    rows.put(POPULAR, total)
    total.accounts += 1
    for name in indicators:
        key = popular_key(_bucket(name))
        row: PopularRow = rows.get(key) or PopularRow(era=total.era)
        rows.put(key, row)
        _fade(row, total.era)
        row.counts[name] = row.counts.get(name, row.dropped) + 1
        if len(row.counts) > MAX_BUCKET:
            _drop(row)
    if total.accounts >= HALVE_AT:
        total.accounts, total.era = total.accounts // 2, total.era + 1


def _bucket(indicator: str) -> int:
    return crc32(indicator.encode("utf-8", "surrogatepass")) % POPULAR_BUCKETS


def _fade(row: PopularRow, era: int) -> None:
    """Halve, up: shares stay from above."""
    for _ in range(era - row.era):
        row.counts = {name: -(-count // 2) for name, count in row.counts.items()}
        row.dropped = -(-row.dropped // 2)
    row.era = era


def _drop(row: PopularRow) -> None:
    """Drop the rarer half."""
    ranked = sorted(row.counts, key=lambda name: (-row.counts[name], name))
    row.dropped = max(row.dropped, row.counts[ranked[MAX_BUCKET // 2]])
    row.counts = {name: row.counts[name] for name in ranked[: MAX_BUCKET // 2]}
