"""How many accounts may be blocked per hour: when something goes wrong, it goes wrong slowly.

The number holds for all partitions together.  Each has a fixed share of it, so that no partition
must ask another: accounts are spread evenly by their CRC-32, hence the shares are used evenly too.
Over the cap a block is decided in shadow, counted (an alert pages), and tried again later.
"""

from stream_guard.clock import HOUR_MS
from stream_guard.decisions.rows import BudgetRow
from stream_guard.topology import Rows

KEY = "budget"


def share(blocks_per_hour: int, partition: int, partitions: int) -> int:
    """This partition's part; the parts add up to the whole.

    >>> [share(10, p, 4) for p in range(4)]
    [3, 3, 2, 2]
    """
    return blocks_per_hour // partitions + (partition < blocks_per_hour % partitions)


def spend(rows: Rows, now: int, allowed: int) -> bool:
    """Note a block at ``now``; False if the last hour holds ``allowed`` of them already."""
    row = rows.get(KEY) or BudgetRow()
    recent = [at for at in row.blocked_at if at > now - HOUR_MS]
    if len(recent) >= allowed:
        return False
    rows.put(KEY, row)
    row.blocked_at = [*recent, now]
    return True
