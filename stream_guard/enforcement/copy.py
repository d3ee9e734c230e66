"""What this process remembers of the decisions that it asked for, and how it answers from that.

Most accounts have no decision, and that too is remembered: the server tells us by a push when any
decision changes (`CLIENT TRACKING ... BCAST`), so an entry is right until its push comes.  Replies
and pushes travel down one connection, in order; so no late reply can bring an old answer back.

Of a throttle only the terms are remembered: its limit is shared by all gateways and counted in Redis.

When the connection is lost, the copy can not be trusted: whom we let pass is forgotten; whom we
refused stays refused for `hold_s`, or until Redis answers for him again, since an outage of Redis
should not free a campaign.

When a decision ends is told by Redis' clock, which the connection asks for now and then; the copy
carries that on with this machine's monotonic clock: late by as long as the answer was under way (a
deadline at most), never early.

Nearly every request is of an account without a decision, and what such a look costs is memory that
is not in the processor's cache: so these accounts are bare names in two sets, and nothing else.

Bound: `max_accounts` names in the sets, as many entries, as many terms, the oldest go first; twice the
entries while held.

Glossary: *young*, *old* sets of accounts without a decision, by when we asked; *entry* of an account
with one: until when it is right, the answer, when its decision ends; *held* refusals known when
contact was lost; *touched* accounts that we let pass until a push came; *terms* of a throttle (`reply.py`).
"""

import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

from msgspec.structs import replace

from stream_guard.enforcement.check import EXEMPT, FAILED_CLOSED, FAILED_OPEN, PASSED, Check
from stream_guard.enforcement.config import GuardConfig
from stream_guard.enforcement.counts import GuardCounts, kind_of
from stream_guard.enforcement.keys import FUNCTION, account_of
from stream_guard.enforcement.reply import NOT_OURS, Terms, as_throttle, from_memory, read_piece, read_terms
from stream_guard.errors import StoreUnavailable

Entry = tuple[float, Check, float]
MAX_TOUCHED: Final = 10_000
ASKED: Final = replace(PASSED, source="redis")


class LocalCopy:
    """The local copy, and the translation of what Redis says into checks."""

    def __init__(
        self, config: GuardConfig, counts: GuardCounts, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._config, self._counts, self._now = config, counts, now
        self._young: set[str] = set()
        self._old: set[str] = set()
        self._ages_at = now() + config.max_age_s / 2
        self._entries: dict[str, Entry] = {}
        self._terms: dict[str, Terms] = {}
        self._held: dict[str, Entry] = {}
        self._ahead_s = 0.0  # of our monotonic clock: the server's
        self._touched: dict[str, None] = {}
        self._max_age_s, self._max_accounts = config.max_age_s, config.max_accounts
        self._failed = FAILED_OPEN if config.on_failure == "open" else FAILED_CLOSED

    def __len__(self) -> int:
        return len(self._young) + len(self._old) + len(self._entries) + len(self._terms)

    def look(self, account_id: str) -> Check | None:
        """The answer if we know it; counted.  None: ask Redis."""
        if account_id in self._young or account_id in self._old:
            self._counts.passed += 1
            return PASSED
        entry = self._entries.get(account_id)
        if entry is None:
            if account_id not in self._config.exempt:
                return None
            self._counts.checks[kind_of(EXEMPT)] += 1
            return EXEMPT
        until, check, ends = entry
        now = self._now()
        if until <= now:
            self._entries.pop(account_id, None)
            return None
        check = from_memory(check, ends - now)
        self._counts.checks[kind_of(check)] += 1
        return check

    def terms_of(self, account_id: str) -> Terms | None:
        """The terms of a throttle, if we know that it holds: then only its count must be asked for."""
        terms = self._terms.get(account_id)
        if terms is not None and terms.until <= self._now():
            del self._terms[account_id]
            return None
        return terms

    def settle(self, account_id: str, cost: int, reply: Any) -> Check:
        """The answer of Redis (see `reply.py`), remembered where it may be.

        ``reply`` may be StoreUnavailable, which is raised, as where somebody else's function answered.
        """
        if self._held and not isinstance(reply, StoreUnavailable):
            self._held.pop(account_id, None)
        if reply is None:
            return self._free(account_id)
        now = self._now()
        try:
            piece = reply if type(reply) is bytes else reply[0]
            check, lasts_s, decided_ms = read_piece(piece, now + self._ahead_s)
            if lasts_s <= 0:
                return self._free(account_id)
            ends = now + lasts_s
            until = ends if lasts_s < self._max_age_s else now + self._max_age_s
            if piece is reply:
                self._put(self._entries, account_id, (until, check, ends))
            else:
                terms = read_terms(account_id, check, reply, decided_ms, until)
                self._put(self._terms, account_id, terms)
                check = as_throttle(terms, reply[1], cost)
        except NOT_OURS as error:
            raise _unread(reply) from error
        if not check.allowed and account_id in self._touched:
            self._react(account_id, decided_ms)
        return check

    def spent(self, account_id: str, cost: int, terms: Terms, reply: Any) -> Check | None:
        """The answer under the terms; None if they have changed while we asked: ask for all of it.

        The request is counted twice then, once for each limit.
        """
        if type(reply) is not int:
            raise _unread(reply)
        known = self._terms.get(account_id)
        if known is not terms and (known is None or known.reference != terms.reference):
            return None
        if reply < 0 and account_id in self._touched:
            self._react(account_id, terms.decided_ms)
        return as_throttle(terms, reply, cost)

    def _free(self, account_id: str) -> Check:
        """No decision holds."""
        self._young.add(account_id)
        if account_id in self._entries or account_id in self._terms:
            self._drop(account_id)
        if len(self._young) * 2 >= self._max_accounts:
            self._turn()
        return ASKED

    def set_clock(self, server_s: float) -> None:
        """Redis has just told its time."""
        self._ahead_s = server_s - self._now()

    def failed(self, account_id: str) -> Check:
        """The answer when nobody could be asked: what we held last, else as configured."""
        entry, now = self._held.get(account_id), self._now()
        if entry is not None and now < min(entry[0], entry[2]):
            return from_memory(entry[1], entry[2] - now)
        if account_id in self._config.exempt:
            return EXEMPT
        return self._failed

    def invalidate(self, keys: Iterable[bytes] | None) -> None:
        """A push came: these keys changed (None: all are gone)."""
        if keys is None:
            self._counts.invalidated += len(self)
            self._forget()
            return
        for key in keys:
            account_id = account_of(key.decode("utf-8", "replace"))
            if account_id is None:
                continue
            if account_id in self._young or account_id in self._old:
                self._young.discard(account_id)
                self._old.discard(account_id)
                self._touch(account_id)
                self._counts.invalidated += 1
            elif self._drop(account_id):
                self._counts.invalidated += 1

    def age(self) -> None:
        """Called now and then: what we asked for longer ago than `max_age_s` is asked for anew."""
        now = self._now()
        if now >= self._ages_at:
            self._turn()
            self._held = {name: entry for name, entry in self._held.items() if entry[0] > now}

    def lose(self) -> None:
        """Contact with Redis is lost: forget whom we let pass, hold whom we refused."""
        now = self._now()
        until = now + self._config.hold_s
        held = {name: entry for name, entry in self._held.items() if entry[0] > now}
        for name, (_, check, ends) in self._entries.items():
            if not check.allowed:
                held[name] = (until, check, ends)
        excess = len(held) - self._config.max_accounts
        self._held = held if excess <= 0 else dict(islice(held.items(), excess, None))
        self._forget()

    def renew(self) -> None:
        """Contact is made: from now on pushes come; what was before counts no longer.

        Only who is held stays so until Redis has answered for him: one that is still loading its
        data, or is lost again at once, knows nothing yet.
        """
        self._touched.clear()
        self._forget()

    def _forget(self) -> None:
        self._young, self._old, self._entries, self._terms = set(), set(), {}, {}

    def _turn(self) -> None:
        """The old go, the young become the old."""
        self._old, self._young = self._young, set()
        self._ages_at = self._now() + self._config.max_age_s / 2

    def _put(self, where: dict[str, Any], account_id: str, known: Any) -> None:
        if account_id in self._young or account_id in self._old:
            self._young.discard(account_id)
            self._old.discard(account_id)
        where[account_id] = known
        if len(where) > self._max_accounts:
            where.pop(next(iter(where)), None)

    def _drop(self, account_id: str) -> bool:
        """Forget an account with a decision; whether we knew one."""
        entry, terms = self._entries.pop(account_id, None), self._terms.pop(account_id, None)
        return entry is not None or terms is not None

    def _touch(self, account_id: str) -> None:
        self._touched[account_id] = None
        if len(self._touched) > MAX_TOUCHED:
            del self._touched[next(iter(self._touched))]

    def _react(self, account_id: str, decided_ms: bytes) -> None:
        """The first refusal of an account that we let pass until a push came."""
        del self._touched[account_id]
        self._counts.reactions.add(max(0.0, self._now() + self._ahead_s - int(decided_ms) / 1000))


def _unread(reply: Any) -> StoreUnavailable:
    if isinstance(reply, StoreUnavailable):
        return reply
    return StoreUnavailable(f"not the answer of {FUNCTION}: {reply!r}")
