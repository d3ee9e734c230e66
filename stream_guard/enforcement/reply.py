"""What `lua/check.lua` says of an account, read once and kept as it is needed.

Two answers mean that a decision holds: its *piece* (``block 0 0 1800003600.0 1799999000000 id``: action,
shadow, limit, expires_at or -, decided_ms, reference; see `sinks/redis_keys.py`) as bytes, or, for a
throttle, a list of the piece, what this request spent, and the terms of the limit.  No answer holds
the server's time: it costs more than all the rest, so the connection asks for it now and then.

Glossary: *terms* of a throttle: how many may come at once (burst), and how far apart the rest (gap);
*spent* milliseconds until the limit is whole again, or -1 minus that where the request may not pass.
"""

import math
from typing import Any, Final

import msgspec

from stream_guard.enforcement.check import FORBIDDEN, OK, TOO_MANY, Action, Check
from stream_guard.enforcement.question import spend_question

WORDS: Final[dict[bytes, tuple[Action, int]]] = {
    b"allow": ("allow", OK),
    b"throttle": ("throttle", TOO_MANY),
    b"challenge": ("challenge", TOO_MANY),
    b"block": ("block", FORBIDDEN),
}
NOT_OURS: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading somebody else's answer may raise."""


class Terms(msgspec.Struct, frozen=True, gc=False):
    """A throttle that holds."""

    limit_per_min: int
    burst: int
    gap_ms: int
    reference: str
    decided_ms: bytes
    until: float  # by this machine's monotonic clock: when to ask for the decision anew
    question: bytes  # how the count is asked for, of a request that counts for one


def read_piece(piece: bytes, server_s: float) -> tuple[Check, float, bytes]:
    """The answer to a request, seconds that its decision still lasts (0 or less: ended), and decided_ms.

    For a throttle that is enforced only the limit and the reference of it count.  Raises one of
    `NOT_OURS` if it is no piece.
    """
    word, shade, quota, until, decided_ms, name = piece.split(b" ", 5)
    action, status = WORDS[word]
    left_s = math.inf if until == b"-" else float(until) - server_s
    told = None if left_s == math.inf else left_s
    limit = int(quota) if word == b"throttle" else None
    if shade == b"1" or word == b"allow":
        check = Check(action, True, OK, None, limit, None, None, name.decode(), shade == b"1", "redis")  # noqa: FBT003
    else:
        check = Check(action, False, status, told, limit, None, told, name.decode(), False, "redis")  # noqa: FBT003
    return check, left_s, decided_ms


def read_terms(account_id: str, check: Check, reply: list[Any], decided_ms: bytes, until: float) -> Terms:
    """The terms of a throttle whose piece was read as ``check``."""
    burst, gap_ms = reply[2], reply[3]
    return Terms(
        limit_per_min=check.limit_per_min or 0,
        burst=burst,
        gap_ms=gap_ms,
        reference=check.reference,
        decided_ms=decided_ms,
        until=until,
        question=spend_question(account_id, 1, burst, gap_ms),
    )


def from_memory(check: Check, left_s: float) -> Check:
    """A check that was answered before, as it is now that its decision lasts ``left_s`` longer."""
    action, status, told = check.action, check.status, check.retry_after_s and left_s
    return Check(
        action,
        check.allowed,
        status,
        told,
        check.limit_per_min,
        None,
        told,
        check.reference,
        check.shadow,
        "local",
    )


def as_throttle(terms: Terms, spent: int, cost: int) -> Check:
    """The answer to a throttled account's request."""
    gap_ms, burst, limit, reference = terms.gap_ms, terms.burst, terms.limit_per_min, terms.reference
    if spent >= 0:
        left, reset_s = burst + -spent // gap_ms, spent / 1000
        return Check("throttle", True, OK, None, limit, left, reset_s, reference, False, "redis")  # noqa: FBT003
    reset_ms = -1 - spent
    left, reset_s = max(0, burst + -reset_ms // gap_ms), reset_ms / 1000
    retry_s = (reset_ms + ((cost if cost < burst else burst) - burst) * gap_ms) / 1000
    return Check("throttle", False, TOO_MANY, retry_s, limit, left, reset_s, reference, False, "redis")  # noqa: FBT003


def clock_of(reply: Any) -> float:
    """The server's time, of its answer to TIME, in Unix seconds."""
    return int(reply[0]) + int(reply[1]) / 1e6
