"""What this process remembers of the decisions that it asked for, and how it answers from that.

Most accounts have no decision, and that too is remembered: the server tells us by a push when any
decision changes (`CLIENT TRACKING ... BCAST`), so an entry is right until its push comes.  Replies
and pushes travel down one connection, in order; so no late reply can bring an old answer back.

A throttle is never remembered: its limit is shared by all gateways and counted in Redis.

When the connection is lost, the copy can not be trusted: whom we let pass is forgotten; whom we
refused stays refused for `hold_s`, or until Redis answers for him again, since an outage of Redis
should not free a campaign.

Durations only: Redis says how long a decision still lasts, by its own clock, and the copy counts
that down on this machine's monotonic clock.

Nearly every request is of an account without a decision, and what such a look costs is memory that
is not in the processor's cache: so these accounts are bare names in two sets, and nothing else.

Bound: `max_accounts` names in the sets, as many entries, the oldest go first; twice that while held.

Glossary: *young*, *old* sets of accounts without a decision, by when we asked; *entry* of an account
with one: until when it is right, the answer, when its decision ends; *held* refusals known when
contact was lost; *touched* accounts that we let pass until a push came.
"""

import math
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

from msgspec.structs import replace

from stream_guard.enforcement.check import (
    EXEMPT,
    FAILED_CLOSED,
    FAILED_OPEN,
    FORBIDDEN,
    OK,
    PASSED,
    TOO_MANY,
    Check,
)
from stream_guard.enforcement.config import GuardConfig
from stream_guard.enforcement.counts import GuardCounts, kind_of
from stream_guard.enforcement.keys import FUNCTION, account_of
from stream_guard.errors import StoreUnavailable

Entry = tuple[float, Check, float]
MAX_TOUCHED: Final = 10_000
ASKED: Final = replace(PASSED, source="redis")
STATUS: Final = {"throttle": TOO_MANY, "challenge": TOO_MANY, "block": FORBIDDEN}


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
        self._held: dict[str, Entry] = {}
        self._touched: dict[str, None] = {}
        self._failed = FAILED_OPEN if config.on_failure == "open" else FAILED_CLOSED

    def __len__(self) -> int:
        return len(self._young) + len(self._old) + len(self._entries)

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
        self._counts.checks[kind_of(check)] += 1
        return check if check.allowed else _with_time_left(check, ends - now)

    def settle(self, account_id: str, reply: Any) -> Check:
        """The answer of Redis (see `lua/check.lua`), remembered where it may be."""
        if self._held:
            self._held.pop(account_id, None)
        if reply is None:
            self._young.add(account_id)
            self._entries.pop(account_id, None)
            if len(self._young) * 2 >= self._config.max_accounts:
                self._turn()
            return ASKED
        check, lasts_s, age_ms = read_reply(reply)
        if check.action != "throttle" or check.shadow:
            now = self._now()
            until = now + min(lasts_s, self._config.max_age_s)
            self._put(account_id, (until, replace(check, source="local"), now + lasts_s))
            if not check.allowed:
                check = _with_time_left(check, lasts_s)
        if not check.allowed:
            self._react(account_id, age_ms)
        return check

    def failed(self, account_id: str) -> Check:
        """The answer when nobody could be asked: what we held last, else as configured."""
        entry, now = self._held.get(account_id), self._now()
        if entry is not None and now < min(entry[0], entry[2]):
            return _with_time_left(entry[1], entry[2] - now)
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
            elif self._entries.pop(account_id, None) is not None:
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
        self._young, self._old, self._entries = set(), set(), {}

    def _turn(self) -> None:
        """The old go, the young become the old."""
        self._old, self._young = self._young, set()
        self._ages_at = self._now() + self._config.max_age_s / 2

    def _put(self, account_id: str, entry: Entry) -> None:
        self._young.discard(account_id)
        self._old.discard(account_id)
        self._entries[account_id] = entry
        if len(self._entries) > self._config.max_accounts:
            self._entries.pop(next(iter(self._entries)), None)

    def _touch(self, account_id: str) -> None:
        self._touched[account_id] = None
        if len(self._touched) > MAX_TOUCHED:
            del self._touched[next(iter(self._touched))]

    def _react(self, account_id: str, age_ms: int) -> None:
        if account_id in self._touched:
            del self._touched[account_id]
            self._counts.reactions.add(max(0, age_ms) / 1000)


def read_reply(reply: Any) -> tuple[Check, float, int]:
    """What `lua/check.lua` says: the check, seconds that its decision still lasts, ms since it was taken.

    Raises StoreUnavailable if somebody else's function answered.
    """
    try:
        action, allowed, shadow, limit, remaining, retry_ms, reset_ms, ends_ms, age_ms, reference = reply[:10]
        name = action.decode()
        is_throttle, is_shadow = name == "throttle", bool(shadow)
        is_limited = is_throttle and not is_shadow
        check = Check(
            action=name,
            allowed=bool(allowed),
            status=OK if allowed else STATUS[name],
            retry_after_s=retry_ms / 1000 if is_limited and not allowed else None,
            limit_per_min=limit if is_throttle else None,
            remaining=remaining if is_limited else None,
            reset_s=reset_ms / 1000 if is_limited else None,
            reference=reference.decode(),
            shadow=is_shadow,
            source="redis",
        )
        return check, math.inf if ends_ms < 0 else ends_ms / 1000, age_ms
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"not the answer of {FUNCTION}: {reply!r}"
        raise StoreUnavailable(message) from error


def _with_time_left(check: Check, left_s: float) -> Check:
    """A refusal that is remembered, as it is now."""
    if math.isinf(left_s):
        return check
    return replace(check, retry_after_s=left_s, reset_s=left_s)
