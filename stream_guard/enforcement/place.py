"""Where Redis is: a URL, read once; and how to get there.

    redis://[user:password@]host[:port][/db]            one server, or a proxy in front of several
    rediss://host?ssl_ca_certs=ca.pem                   the same over TLS; also ssl_certfile, ssl_keyfile,
                                                        ssl_cert_reqs=required|none, ssl_check_hostname
    unix:///run/valkey.sock?db=0                        a socket on this machine
    redis+sentinel://[user:password@]s1:26379,s2:26379/service[/db]
    rediss+sentinel://...                               whichever server Sentinel calls the primary

The place is resolved anew at each dial, so a failover moves us, and a changed DNS entry too.
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from redis.asyncio.sentinel import Sentinel
from redis.connection import parse_url
from redis.exceptions import RedisError

from stream_guard.errors import ConfigurationError, StoreUnavailable

SENTINEL: Final = "+sentinel"
SENTINEL_PORT: Final = 26379
TLS_OPTIONS: Final = frozenset(
    {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"}
)
_KNOWN: Final = TLS_OPTIONS | {"host", "port", "path", "db", "username", "password", "connection_class"}


@dataclass(frozen=True, slots=True, repr=False)
class Place:
    """A server, or the Sentinels that know it.  Never shown: it holds a password."""

    host: str = "127.0.0.1"
    port: int = 6379
    path: str = ""  # of a Unix socket; then host and port mean nothing
    db: int = 0
    username: str = ""
    password: str = ""
    tls: ssl.SSLContext | None = None
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""  # what the Sentinels call the server


def read_place(url: str) -> Place:
    """The place of a URL; ConfigurationError, without the password, if it is none."""
    scheme, _, rest = url.partition("://")
    try:
        if scheme.endswith(SENTINEL):
            return _behind_sentinel(scheme.removesuffix(SENTINEL), rest)
        return _place(_parse(url), is_tls=scheme == "rediss")
    except (ValueError, OSError, ssl.SSLError) as error:
        credentials, at, hosts = rest.rpartition("@")
        why = str(error)
        if credentials and why.startswith("Port could not"):  # it quotes a part of the password, perhaps
            why = "expected a number as the port, and user and password percent-encoded"
        shown = f"{scheme}://{'***' if at else ''}{at}{hosts.partition('?')[0]}"  # options may hold one, too
        message = f"redis url: {why}; got {shown!r}"
        raise ConfigurationError(message) from None  # the cause would quote it, too


def _parse(url: str) -> dict[str, Any]:
    return dict(parse_url(url))  # type: ignore[no-untyped-call] # redis-py leaves it untyped


def _behind_sentinel(scheme: str, rest: str) -> Place:
    """``user:password@s1:26379,s2:26379/service/db?options``."""
    before, _, query = rest.partition("?")
    credentials, at, hosts = before.rpartition("@")
    hosts, _, path = hosts.partition("/")
    service, _, db = path.partition("/")
    if not service:
        message = "expected the name of the service after the Sentinels: .../mymaster"
        raise ValueError(message)
    sentinels = []
    for each in hosts.split(","):
        found = urlsplit(f"//{each}")
        sentinels.append((found.hostname or "127.0.0.1", found.port or SENTINEL_PORT))
    one = _place(_parse(f"{scheme}://{credentials}{at}behind/{db}?{query}"), is_tls=scheme == "rediss")
    return Place(
        db=one.db,
        username=one.username,
        password=one.password,
        tls=one.tls,
        sentinels=tuple(sentinels),
        service=service,
    )


def _place(found: dict[str, Any], *, is_tls: bool) -> Place:
    if unknown := found.keys() - _KNOWN:
        message = f"unknown option {sorted(unknown)[0]!r}; expected one of {', '.join(sorted(TLS_OPTIONS))}"
        raise ValueError(message)
    return Place(
        host=found.get("host", "127.0.0.1"),
        port=found.get("port", 6379),
        path=found.get("path", ""),
        db=int(found.get("db", 0)),
        username=found.get("username", ""),
        password=found.get("password", ""),
        tls=_tls(found) if is_tls else None,
    )


def _tls(found: dict[str, Any]) -> ssl.SSLContext:
    """Certificates are verified unless the URL says ``ssl_cert_reqs=none``."""
    context = ssl.create_default_context(cafile=found.get("ssl_ca_certs"))
    if str(found.get("ssl_check_hostname", True)).lower() in ("false", "0", "no"):
        context.check_hostname = False
    if str(found.get("ssl_cert_reqs", "required")).lower() == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if found.get("ssl_certfile"):
        context.load_cert_chain(found["ssl_certfile"], found.get("ssl_keyfile"))
    return context


async def dial(place: Place, protocol: asyncio.Protocol) -> None:
    """Connect ``protocol`` to the place; OSError or StoreUnavailable if there is nobody."""
    loop = asyncio.get_running_loop()
    if place.path:
        await loop.create_unix_connection(lambda: protocol, place.path)
        return
    host, port = await _primary(place) if place.sentinels else (place.host, place.port)
    name = host if place.tls else None
    await loop.create_connection(lambda: protocol, host, port, ssl=place.tls, server_hostname=name)


async def _primary(place: Place) -> tuple[str, int]:
    """Whom the Sentinels call the primary now."""
    sentinels = Sentinel(place.sentinels, sentinel_kwargs={"socket_timeout": 0.5})  # type: ignore[no-untyped-call]
    try:
        found: tuple[str, int] = await sentinels.discover_master(place.service)
    except RedisError as error:
        message = f"no Sentinel names a primary for {place.service!r}: {error}"
        raise StoreUnavailable(message) from error
    finally:
        for each in sentinels.sentinels:
            await each.aclose()
    return found
