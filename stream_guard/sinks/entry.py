"""What a projection has to know of a decision: whose, which version, and the few fields a gateway reads.

A decision's *version* is (``decided_ms``, ``sequence``): event time first, then the place in the
log (the offset in `guard.decisions.v1`; a running number where there is no log).  One account's
decisions are written by one lane, in order, so the highest version is the newest decision however
often and in whatever order the log is pushed again.

Glossary: ``decided_ms`` Unix ms of event time; ``expires_at`` Unix seconds, None: until revoked.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from stream_guard.clock import to_ms
from stream_guard.errors import InvalidEvent
from stream_guard.records import Action, Decision

MALFORMED = "malformed"
Sequenced = tuple[bytes, int]
"""A decision as JSON, and its place in the log."""


class Head(msgspec.Struct, frozen=True, gc=False):
    """The fields of a decision that a projection reads; the rest is passed on unread."""

    account_id: str
    action: Action
    decided_at: float
    limit_per_min: int | None = None
    expires_at: float | None = None
    shadow: bool = False
    decision_id: str = ""


class Entry(NamedTuple):
    """A decision on its way to a store."""

    head: Head
    version: tuple[int, int]
    value: bytes


_decode_head = msgspec.json.Decoder(Head).decode
decode_decision = msgspec.json.Decoder(Decision).decode


def read_entry(value: bytes, sequence: int) -> Entry:
    """The entry of a decision; InvalidEvent if ``value`` is none."""
    try:
        head = _decode_head(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"no decision: {error}"
        raise InvalidEvent(MALFORMED, message) from error
    return Entry(head, (to_ms(head.decided_at), sequence), value)


def newest_entries(log: Iterable[Sequenced], bound: int) -> Iterator[list[Entry]]:
    """The log's newest decision per account, in groups of at most ``bound`` accounts.

    An account that comes again in a later group may have been handed out in an older version
    before; versions sort that out.  What is no decision is left out: a projection can not mend it.
    """
    group: dict[str, Entry] = {}
    for value, sequence in log:
        try:
            entry = read_entry(value, sequence)
        except InvalidEvent:
            continue
        known = group.get(entry.head.account_id)
        if known is None or known.version <= entry.version:
            group[entry.head.account_id] = entry
        if len(group) >= bound:
            yield list(group.values())
            group = {}
    if group:
        yield list(group.values())
