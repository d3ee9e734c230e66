"""What is spent of the budget for false blocks, as far as a console can know.

*Granted* is what `budget.false_blocks_per_100k_account_days` gives at most to as many accounts as the workers
know: if each asks on each of thirty days.  *Taken back* are accounts that operators revoked or labelled wrong
in that time, the false blocks that somebody spoke of: `guard.control.v1` keeps every word, so that
no restart forgets any.  *Expected* is the workers' own count by the odds, since they started.  This is for a
glance: Prometheus counts all three over thirty days, by the days on which accounts asked, and knows blocks
from throttles (docs/operations.md).
"""

from dataclasses import dataclass
from typing import Final

from stream_guard.console.memory import Memory
from stream_guard.console.meters import Reading

DAYS: Final = 30
NEARLY: Final = 0.8  # as the alert has it,
LEAST: Final = (
    0.5  # and half an account: to 200 accounts 0.06 are granted, of which odds alone may use up most
)


@dataclass(frozen=True, slots=True)
class Budget:
    """In accounts."""

    granted: float  # 0: not known, since no worker answers
    taken_back: int
    expected: float

    @property
    def is_nearly_spent(self) -> bool:
        """Whether somebody should look."""
        spent = max(self.taken_back, self.expected)
        return spent >= LEAST and 0 < self.granted * NEARLY < spent


def budget_of(memory: Memory, reading: Reading, per_100k: float, now: float) -> Budget:
    """The budget at ``now``."""
    since = now - DAYS * 86_400
    taken_back = {
        word.subject
        for word in memory.words()
        if word.spoken_at > since
        and (word.verb == "revoke" or (word.verb == "label" and word.value == "wrong"))
    }
    return Budget(reading.accounts * DAYS * per_100k / 100_000, len(taken_back), reading.expected_false)


def shown(accounts: float) -> str:
    """A number of accounts that may be far below one.

    >>> shown(0.0), shown(0.0042), shown(2.87), shown(31.4), shown(1234.5)
    ('0', '0.0042', '2.9', '31', '1,234')
    """
    return f"{accounts:,.0f}" if accounts >= 10 or not accounts else f"{accounts:.2g}"
