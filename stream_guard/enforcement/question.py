"""The questions that are asked often, as bytes of RESP: a third of the time of packing them part by part."""

from functools import lru_cache
from typing import Final

from stream_guard.enforcement.keys import DECISION_PREFIX, FUNCTION, RATE_PREFIX, SPEND, rate_key, tag_of

MAX_FRAMES: Final = 256  # lengths of names that are remembered
_COST_OF_ONE: Final = b"}\r\n$1\r\n1\r\n"


def check_question(account_id: str, cost: int) -> bytes:
    """``FCALL sg_check_v2``: may this account's request pass?"""
    name = tag_of(account_id).encode("utf-8", "surrogatepass")  # any string is a name
    head, middle = _frame(len(name))
    return b"%b%b%b%b%b" % (head, name, middle, name, _COST_OF_ONE if cost == 1 else b"}\r\n" + _part(cost))


def spend_question(account_id: str, cost: int, burst: int, gap_ms: int) -> bytes:
    """``FCALL sg_spend_v2``: the same of an account whose throttle's terms we know."""
    key = rate_key(account_id).encode("utf-8", "surrogatepass")
    costs, bursts, gaps = b"%d" % cost, b"%d" % burst, b"%d" % gap_ms
    return b"%b%d\r\n%b\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (
        _SPEND, len(key), key, len(costs), costs, len(bursts), bursts, len(gaps), gaps,
    )  # fmt: skip


def _part(value: str | int) -> bytes:
    told = str(value).encode("utf-8", "surrogatepass")
    return b"$%d\r\n%b\r\n" % (len(told), told)


@lru_cache(MAX_FRAMES)
def _frame(length: int) -> tuple[bytes, bytes]:
    """What stands before and between the two names of a check, if they are of that length."""
    head = b"*6\r\n%b%b%b" % (_part("FCALL"), _part(FUNCTION), _part(2))
    keys = [
        b"$%d\r\n%b" % (length + len(prefix) + 1, prefix.encode())
        for prefix in (DECISION_PREFIX, RATE_PREFIX)
    ]
    return head + keys[0], b"}\r\n" + keys[1]


_SPEND: Final = b"*7\r\n%b%b%b$" % (_part("FCALL"), _part(SPEND), _part(1))
