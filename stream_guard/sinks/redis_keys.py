"""How decisions lie in Redis, and how a client for them is made; writer, readers and gateways agree here.

``sg:v1:decision:{<account_id>}`` is a hash: ``decision`` (the JSON), ``action``, ``limit``
(requests per minute, or empty), ``expires_at`` (Unix seconds, or empty: until revoked), ``shadow``
("0" or "1"), ``decided_ms`` and ``sequence`` (the version, see `entry.py`).  A reader compares
``expires_at`` with its own clock: the key outlives the decision by some slack.
``sg:v1:projection`` holds the run id of the server that has been told everything.
"""

from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stream_guard.errors import ConfigurationError

DECISION_PREFIX = "sg:v1:decision:{"
MARKER = "sg:v1:projection"
CONNECT_S = 1.0
ANSWER_S = 2.0


def decision_key(account_id: str) -> str:
    """The key of an account's decision."""
    return f"{DECISION_PREFIX}{account_id}}}"


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
