"""How decisions lie in Redis, and how a client for them is made; writer, readers and gateways agree here.

``sg:v1:decision:{<account_id>}`` is a hash: ``decision`` (the JSON), ``action``, ``limit``
(requests per minute, or empty), ``expires_at`` (Unix seconds, or empty: until revoked), ``shadow``
("0" or "1"), ``decided_ms`` and ``sequence`` (the version, see `entry.py`).  A reader compares
``expires_at`` with its own clock: the key outlives the decision by some slack.  ``check`` holds what
the gateways' function reads, in one piece: action, shadow, limit, expires_at ("-": until revoked),
decided_ms and reference, with spaces between.  ``interim`` is the same of an operator's word that no
decision has taken up yet (`words.py`), ``interim_ms`` and ``interim_sequence`` its version; while there
is one, ``check`` begins with a ``+``.
``sg:v1:projection`` holds the run id of the server that has been told everything.
"""

from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stream_guard.enforcement.keys import DECISION_PREFIX, decision_key
from stream_guard.errors import ConfigurationError

__all__ = ["DECISION_PREFIX", "MARKER", "connect", "decision_key", "piece", "without_password"]

MARKER = "sg:v1:projection"
CONNECT_S = 1.0
ANSWER_S = 2.0


def piece(
    action: str,
    limit_per_min: int | None,
    expires_at: float | None,
    at_ms: int,
    reference: str,
    *,
    shadow: bool,
) -> str:
    """What the gateways' function reads (`enforcement/lua/check.lua`)."""
    until = "-" if expires_at is None else repr(expires_at)
    return f"{action} {int(shadow)} {limit_per_min or 0} {until} {at_ms} {reference}"


def connect(url: str, answer_s: float = ANSWER_S) -> Redis:
    """A client that gives up soon and never retries by itself: its callers know what to do.

    Raises ConfigurationError if ``url`` is none; it does not connect yet.
    """
    try:
        client: Redis = Redis.from_url(
            url, socket_connect_timeout=CONNECT_S, socket_timeout=answer_s, retry=Retry(NoBackoff(), 0)
        )
    except ValueError as error:
        message = f"redis.url: {error}; got {without_password(url)!r}"
        raise ConfigurationError(message) from error
    return client


def without_password(url: str) -> str:
    """``url`` as it may be shown."""
    credentials, at, _ = urlsplit(url).netloc.rpartition("@")
    return url.replace(f"{credentials}{at}", "***@", 1) if at else url
