"""Lines of access logs: what they say, and that nothing in them stops the next."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.embedded.process import HOST, free_port
from stream_guard.enforcement import EventEmitter
from stream_guard.enforcement.adapters.access_log import MAX_LINE_BYTES, AccessLog, read_line
from tests.support.polling import until
from tests.support.producers import Kept

CADDY: dict[str, Any] = {
    "ts": 1763800000.5,
    "request": {"remote_ip": "203.0.113.17", "headers": {"User-Agent": ["sdk/1"], "X-Account-Id": ["eve"]}},
    "user_id": "acct-7",
    "duration": 0.25,
    "status": 403,
}
NGINX = (
    b"<190>Nov 22 19:09:22 guard: "
    b'{"account_id":"acct-7","status":429,"latency_s":0.004,"model":"","stream":null}'
)


@pytest.fixture
def log() -> Iterator[AccessLog]:
    emitter = EventEmitter(Kept())
    yield AccessLog(emitter)
    emitter.close(10)


def test_caddys_line_names_its_user_and_no_header_of_the_clients() -> None:
    assert read_line(CADDY) == {
        "account_id": "acct-7",
        "occurred_at": 1763800000.5,
        "status": 403,
        "latency_ms": 250.0,
        "client_ip": "203.0.113.17",
        "user_agent": "sdk/1",
    }
    assert read_line({**CADDY, "user_id": ""}) is None


def test_nginx_line_comes_behind_syslogs_head_and_without_what_is_empty(log: AccessLog) -> None:
    assert read_line(json.loads(NGINX[NGINX.index(b"{") :])) == {
        "account_id": "acct-7", "status": 429, "latency_ms": 4.0,
    }  # fmt: skip
    log.take(NGINX)
    assert log.counts == {"events": 1}


def test_nobody_hides_by_bytes_that_are_no_text(log: AccessLog) -> None:
    log.take(NGINX.replace(b'"model":""', b'"user_agent":"sdk\xff\xc3","model":"\xed\xa0"'))
    assert log.counts == {"events": 1}


@given(st.binary(max_size=200))
def test_no_line_raises(line: bytes) -> None:
    log = AccessLog(EventEmitter(Kept()))
    for each in (line, b"{" + line, b'{"request":' + line + b"}"):
        log.take(each)
    assert sum(log.counts.values()) == 3


def test_lines_come_over_both_protocols_and_a_line_without_end_ends_its_connection(log: AccessLog) -> None:
    async def heard() -> None:
        port = free_port()
        listening = await log.listen(HOST, port)
        line = json.dumps(CADDY).encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(NGINX, (HOST, port))
        _, writer = await asyncio.open_connection(HOST, port)
        long = json.dumps({**CADDY, "request": {"headers": {"X": ["\ufffd" * (1 << 20)]}}}).encode()
        writer.write(line + b"\n" + long + b"\n" + b"no json\n" + line[:20])
        writer.write_eof()
        endless, chatter = await asyncio.open_connection(HOST, port)
        chatter.write(b"x" * (MAX_LINE_BYTES * 2))
        with suppress(OSError):
            await endless.read()
        await asyncio.to_thread(until, lambda: sum(log.counts.values()) == 6, 30, "all was heard")
        for each in (writer, chatter):
            each.close()
            with suppress(OSError):
                await each.wait_closed()
        for each_ in listening:
            each_.close()
        await asyncio.sleep(0)  # transports close in the loop's next turn

    asyncio.run(heard())
    assert log.counts == {"events": 3, "unreadable": 3}
