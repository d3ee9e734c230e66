"""Names in Redis that the request path reads and writes; all of one account share a Cluster slot.

``sg:v1:decision:{<account_id>}`` is written by the projection (`sinks/redis_keys.py`) and only read
here.  ``sg:v1:rate:{<account_id>}`` is ours: how far a throttled account has used up its limit.
``sg_check_v2`` and ``sg_spend_v2`` are functions of `lua/check.lua`; whoever changes what one does gives
them, and the library, a new number, so that gateways of two releases can live on one server.
"""

from importlib.resources import files
from typing import Final

DECISION_PREFIX: Final = "sg:v1:decision:{"
RATE_PREFIX: Final = "sg:v1:rate:{"
FUNCTION: Final = "sg_check_v2"
SPEND: Final = "sg_spend_v2"


def tag_of(account_id: str) -> str:
    """The account as it stands between the braces.

    A Cluster hashes what lies between the first ``{`` and the first ``}`` after it; if that is nothing, the
    whole key.  So an account that begins with a brace gets a backslash before it, as does one that
    begins with a backslash.
    """
    return f"\\{account_id}" if account_id.startswith(("}", "\\")) else account_id


def decision_key(account_id: str) -> str:
    """The key of an account's decision."""
    return f"{DECISION_PREFIX}{tag_of(account_id)}}}"


def rate_key(account_id: str) -> str:
    """The key of how far an account has used up its limit."""
    return f"{RATE_PREFIX}{tag_of(account_id)}}}"


def account_of(key: str) -> str | None:
    """The account of a decision's key; None if it is no such key."""
    if not (key.startswith(DECISION_PREFIX) and key.endswith("}")):
        return None
    return key[len(DECISION_PREFIX) : -1].removeprefix("\\")


def text_of(value: bytes) -> str:
    """A header's value: UTF-8, as gateways send and log it; else each byte a character.

    All adapters must read an account alike, or a decision on what one reports is not found by another.
    """
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def library() -> bytes:
    """The source of the function library, as `FUNCTION LOAD` takes it."""
    return files("stream_guard.enforcement").joinpath("lua/check.lua").read_bytes()
