"""Access logs as events: JSON, one request per line, over TCP or as syslog over UDP.

Read are Caddy's access log (``output net``; the account is Caddy's authenticated user, since a header
stands there as the client sent it) and lines whose names are those of an event
(docs/events.md), as nginx can write them with a ``log_format`` of ours, with or without syslog's head.
``latency_s`` is taken for ``latency_ms``, empty text and nginx' "-" mean nothing.  Lines of requests
without an account are no events; what can not be read is counted.

A gateway writes to a socket of the kernel and does not wait: over UDP a line may be lost when the
machine can not keep up, over TCP Caddy drops what it can not write.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from stream_guard.enforcement.emitter import EventEmitter

MAX_LINE_BYTES: Final = 8 << 20  # Caddy logs all headers, up to 1 MiB, and writes a bad byte as six
_decode = msgspec.json.Decoder().decode


class AccessLog:
    """Takes lines, gives events; one per process.

    Args:
        emitter: who is told.
        counts: where to count events, others (nobody's requests), unreadable, dropped.
    """

    def __init__(self, emitter: EventEmitter, counts: Counter[str] | None = None) -> None:
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._emitter = emitter

    def take(self, line: bytes) -> None:
        """One line, whatever is in it."""
        try:
            tree = _parse(line[line.index(b"{") :])
        except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
            self.counts["unreadable"] += 1
            return
        event = read_line(tree)
        if event is None:
            self.counts["others"] += 1
        else:
            self.counts["events" if self._emitter.emit(event) else "dropped"] += 1

    async def listen(self, host: str, port: int) -> list[asyncio.BaseTransport | asyncio.Server]:
        """Listen on both, TCP and UDP; whoever closes what is returned ends it."""
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._read, host, port, limit=MAX_LINE_BYTES)
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), (host, port))
        return [server, transport]

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self.take(line)
        except ValueError:  # a line that is too long: this connection says nothing more that makes sense
            self.counts["unreadable"] += 1
        except OSError:
            pass
        finally:
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, log: AccessLog) -> None:
        self._log = log

    def datagram_received(self, data: bytes, addr: Any) -> None:
        del addr
        self._log.take(data)


def _parse(text: bytes) -> Any:
    """Nobody hides by a user agent that is no UTF-8: nginx logs its bytes as they came."""
    try:
        return _decode(text)
    except UnicodeDecodeError:
        return _decode(text.decode("utf-8", "replace"))


def read_line(tree: Any) -> dict[str, Any] | None:
    """The event of a parsed line; None if it is nobody's request."""
    if not isinstance(tree, dict):
        return None
    request = tree.get("request")
    event = _from_caddy(tree, request) if isinstance(request, dict) else _from_ours(tree)
    return event if event.get("account_id") else None


def _from_ours(tree: dict[str, Any]) -> dict[str, Any]:
    event = {name: value for name, value in tree.items() if value not in ("", "-", None)}
    seconds = event.pop("latency_s", None)
    if isinstance(seconds, int | float):
        event.setdefault("latency_ms", seconds * 1000)
    return event


def _from_caddy(tree: dict[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    headers = request.get("headers")
    names = {name.lower(): values for name, values in headers.items()} if isinstance(headers, dict) else {}
    duration = tree.get("duration")
    return {
        "account_id": tree.get("user_id"),
        "occurred_at": tree.get("ts"),
        "status": tree.get("status"),
        "latency_ms": duration * 1000 if isinstance(duration, int | float) else None,
        "client_ip": request.get("client_ip") or request.get("remote_ip"),
        "user_agent": _first(names.get("user-agent")),
    }


def _first(values: Any) -> str | None:
    found = values[0] if isinstance(values, list) and values else None
    return found if isinstance(found, str) else None
