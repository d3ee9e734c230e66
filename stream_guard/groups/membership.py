"""Who is in a group: the newest profile replaces the last, totals subtract the old and add the new.

So a profile that comes twice, or late, changes nothing, and whoever joins late brings his past along.  Whom
ACCOUNTS has forgotten for long silence counts from one when he comes back: then the newer life holds.  Up to
``max_members`` accounts are kept exactly; beyond, those with the smallest CRC-32 of their name: a uniform
sample that depends neither on order nor on repetition (bottom-k sampling, Cohen 1997), from whose largest
CRC the true size is estimated with an error of about 1 / sqrt(max_members).

Cost: about 1 us for a hello, 2 for a profile (plus one decode where the member's row is cold).
"""

from zlib import crc32

from stream_guard.groups.rows import EVERYONE, MAX_ARRIVALS, GroupRow, MemberRow, member_key
from stream_guard.records import Profile
from stream_guard.topology import Rows

FIRST_LEVEL = 1  # of bit_length(requests): at 2 requests an account has one unit of information


def information(requests: int) -> int:
    """How much a profile of so many requests adds to a group's `info`: one per doubling.

    >>> [information(n) for n in (1, 2, 8, 1000)]
    [0, 1, 3, 9]
    """
    return max(0, requests.bit_length() - FIRST_LEVEL)


def take(rows: Rows, indicator: str, row: GroupRow, record: Profile, max_members: int) -> bool:
    """Take a hello or a profile into ``row``; False if it changed nothing."""
    account = record.account_id
    kept = row.members.get(account)
    is_new = kept is None
    if kept is None:
        rows.put(indicator, row)
        if not _admit(rows, indicator, row, account, max_members):
            return _stash(row, record)
        kept = row.members[account] = 0
    is_back = _is_back(rows, indicator, record, kept)
    if record.conduct is None or (record.requests <= kept and not is_back):
        if is_new:
            _stash(row, record)
        return is_new
    rows.put(indicator, row)
    key = member_key(indicator, account)
    if kept:
        _subtract(row, rows.get(key))
    _add(row, record)
    row.members[account] = record.requests
    if is_back and account in row.sent:
        row.sent[account] = 0  # so that it is sent again
    rows.put(key, MemberRow(record))
    return True


def prune(rows: Rows, indicator: str, row: GroupRow, after_ms: int) -> list[str]:
    """Take out members whose newest profile is older than the group's newest by ``after_ms``; returns them.

    Members without a profile stay: nobody knows when they came.
    """
    silent = []
    for account in sorted(name for name, requests in row.members.items() if requests):
        member: MemberRow | None = rows.get(member_key(indicator, account))
        conduct = member.profile.conduct if member else None
        if conduct is not None and conduct.last_at + after_ms <= row.seen_at:
            _subtract(row, member)
            del row.members[account]
            rows.delete(member_key(indicator, account))
            silent.append(account)
    return silent


def size(row: GroupRow) -> int:
    """How many accounts show the indicator: exact while all are kept, else estimated."""
    if row.cut == EVERYONE:
        return len(row.members)
    return max(len(row.members), round((len(row.members) - 1) * EVERYONE / max(row.cut, 1)))


def _is_back(rows: Rows, indicator: str, record: Profile, kept: int) -> bool:
    """Whether a profile that covers no more than the kept one is of a life that began after it."""
    if record.conduct is None or not kept or record.requests > kept:
        return False
    member: MemberRow | None = rows.get(member_key(indicator, record.account_id))
    before = member.profile.conduct if member else None
    return before is not None and record.conduct.first_at > before.last_at


def _admit(rows: Rows, indicator: str, row: GroupRow, account: str, max_members: int) -> bool:
    """Whether a new account belongs to the sample; makes room for it."""
    if len(row.members) < max_members:  # after members have left, too, the sample stays one of all
        return row.cut == EVERYONE or _mark(account) < row.cut
    if row.cut == EVERYONE:
        row.cut = max(_mark(name) for name in row.members)
    if _mark(account) >= row.cut:
        return False
    leaver = max(row.members, key=lambda name: (_mark(name), name))
    if row.members.pop(leaver):
        key = member_key(indicator, leaver)
        _subtract(row, rows.get(key))
        rows.delete(key)
    row.cut = max(_mark(account), max((_mark(name) for name in row.members), default=0))
    return True


def _mark(account: str) -> int:
    return crc32(account.encode("utf-8", "surrogatepass"))


def _stash(row: GroupRow, record: Profile) -> bool:
    """A suspected group passes on newcomers that it keeps no profile of; others only count them."""
    if not row.causes or len(row.arrivals) >= MAX_ARRIVALS or record in row.arrivals:
        return False
    row.arrivals.append(record)
    return True


def _add(row: GroupRow, profile: Profile) -> None:
    row.profiled += 1
    row.requests += profile.requests
    row.answered += profile.conduct.answered if profile.conduct else 0
    row.info += information(profile.requests)


def _subtract(row: GroupRow, member: MemberRow | None) -> None:
    if member is None:  # a kept profile always has its row
        return
    profile = member.profile
    row.profiled -= 1
    row.requests -= profile.requests
    row.answered -= profile.conduct.answered if profile.conduct else 0
    row.info -= information(profile.requests)
