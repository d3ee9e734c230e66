"""When suspected groups and their accounts end that nobody has heard of for long.

GROUPS forgets a silent group without a word, so what CAMPAIGNS knows of it has to end by itself.  What
belongs to a living campaign stays until that ends.  Nothing is sent: a verdict that stands is never withdrawn
because time has passed.

Groups and accounts are looked at in any order, so each only takes away what no other can need.
"""

from stream_guard.campaigns.ledger import Ledger
from stream_guard.campaigns.rows import AccountRow, SuspectRow, account_key, suspect_key
from stream_guard.records import Finding

_GROUPS, _ACCOUNTS = suspect_key(""), account_key("")


def note(ledger: Ledger, finding: Finding, at: int) -> None:
    """Note when a group and its accounts were last heard of; their rows were put by `Intake.take`."""
    group = ledger.suspect(finding.indicator)
    if group is None or finding.control is not None:
        return
    ledger.change(group)
    group.seen_at = at
    for member in finding.members:
        account = ledger.account(member.account_id)
        if account is not None:
            account.seen_at = at


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
        for account in ledger.members_of(row):
            ledger.change(account)
            account.fits.pop(row.indicator, None)
            if not account.fits and not account.campaign:
                ledger.forget(account)
    elif row.campaign:  # which has ended, or went into another
        ledger.leave(row)
    ledger.forget(row)
