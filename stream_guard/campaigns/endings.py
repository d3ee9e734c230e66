"""When suspected groups and their accounts end that nobody has heard of for long.

GROUPS forgets a silent group without a word, so what CAMPAIGNS knows of it has to end by itself.  What
belongs to a living campaign stays until that ends.  Nothing is sent: a verdict that stands is never withdrawn
because time has passed.

Groups and accounts are looked at in any order, so each only takes away what no other can need.
"""

from stream_guard.campaigns.ledger import Ledger
from stream_guard.campaigns.rows import AccountRow, SuspectRow, account_key, suspect_key

_GROUPS, _ACCOUNTS = suspect_key(""), account_key("")


def may_forget(key: str) -> bool:
    """Whether it is the row of a group or of an account."""
    return key.startswith((_GROUPS, _ACCOUNTS))


def forget_at(row: SuspectRow | AccountRow, after_ms: int) -> int | None:
    """When it ends, unless a campaign holds it; None: never, an operator has cleared the account."""
    return None if isinstance(row, AccountRow) and row.is_cleared else row.seen_at + after_ms


def forget(ledger: Ledger, row: SuspectRow | AccountRow) -> None:
    """Forget a group, and accounts that stand in no other; or an account."""
    if ledger.campaign(row.campaign) is not None:
        return
    if isinstance(row, SuspectRow):
        for account in ledger.drop(row):
            ledger.release(account)
        return
    if row.campaign:  # which has ended
        ledger.leave(row)
    for group in ledger.groups_of(row):  # a group that lives on has room for others
        ledger.change(group)
        group.members.pop(row.account_id, None)
    ledger.forget(row)
