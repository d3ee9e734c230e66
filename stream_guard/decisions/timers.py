"""Alarms in event time: which accounts to look at in which minute.

A stage can not walk over its rows, so each account that waits for something is named in the row of
the minute in which it is due.  A minute with many names is spread over several rows of bounded
size.  An alarm that is no longer wanted is left where it is: who is woken for nothing sleeps on.
"""

from stream_guard.clock import MINUTE_MS
from stream_guard.decisions.durations import FOREVER, up_to_minute
from stream_guard.decisions.rows import TIMER_NAMES, AccountRow, TimerRow
from stream_guard.topology import Rows


def wake(rows: Rows, account_id: str, row: AccountRow, at: int, now: int) -> None:
    """See that the account is looked at at ``at``; `FOREVER` means never."""
    due = up_to_minute(at)
    if due >= FOREVER:
        return
    due = max(due, (now // MINUTE_MS + 1) * MINUTE_MS)
    if now < row.wake_at <= due:
        return  # looked at before; then it is decided anew when to look next
    row.wake_at = due
    key = f"t:{due // MINUTE_MS}"
    timer = rows.get(key) or TimerRow()
    rows.put(key, timer)
    if len(timer.accounts) >= TIMER_NAMES:
        rows.put(f"{key}:{timer.full}", TimerRow(timer.accounts))
        timer.accounts = []
        timer.full += 1
    timer.accounts.append(account_id)


def next_due(rows: Rows) -> int | None:
    """When the first alarm goes off, in ms; None: there is none."""
    names = (key[2:] for key in rows.keys() if key.startswith("t:"))  # noqa: SIM118 - rows are no dict
    return min((int(name) * MINUTE_MS for name in names if ":" not in name), default=None)


def due(rows: Rows, now: int) -> list[str]:
    """Accounts whose minute is ``now``; a tick that does not end on a whole minute has none."""
    if now % MINUTE_MS:
        return []
    key = f"t:{now // MINUTE_MS}"
    timer = rows.get(key)
    if timer is None:
        return []
    names = list(timer.accounts)
    for part in range(timer.full):
        names += rows.get(f"{key}:{part}").accounts  # type: ignore[union-attr]  # we wrote it
        rows.delete(f"{key}:{part}")
    rows.delete(key)
    return names
