"""Whoever guesses the token locks out himself and nobody else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from stream_guard.console.app import build_desk
from stream_guard.console.attempts import ADDRESSES, FAILURES, MINUTE_S, Attempts
from stream_guard.console.sources import Sources
from stream_guard.errors import ConfigurationError
from stream_guard.settings import ConsoleSettings, Settings
from tests.unit.console.desks import TOKEN, ConsoleDesk

PROXY, EVE, ANN = "10.1.2.3", "192.0.2.66", "198.51.100.7"
RIGHT = {"token": TOKEN, "author": "ann"}
GUESS = {"token": "guess", "author": "eve"}


def sign_in(desk: ConsoleDesk, form: dict[str, str], peer: str, forwarded: str = "") -> int:
    """Who connects from ``peer`` and says it forwards for somebody; the answer's status."""
    client: Any = TestClient(desk.app, follow_redirects=False, client=(peer, 50_000))
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    return int(client.post("/login", data=form, headers=headers).status_code)


def test_who_guesses_is_locked_out_for_a_minute_and_nobody_else() -> None:
    desk = ConsoleDesk()
    assert [sign_in(desk, GUESS, EVE) for _ in range(FAILURES + 1)] == [403] * FAILURES + [429]
    assert sign_in(desk, RIGHT, EVE) == 429
    assert sign_in(desk, RIGHT, ANN) == 303
    desk.clock.now += MINUTE_S + 1
    assert sign_in(desk, RIGHT, EVE) == 303


def test_one_network_of_ipv6_is_one_address() -> None:
    desk = ConsoleDesk()
    for number in range(FAILURES):
        sign_in(desk, GUESS, f"2001:db8::{number:x}")
    assert sign_in(desk, RIGHT, "2001:db8::ffff") == 429
    assert sign_in(desk, RIGHT, "2001:db8:0:1::1") == 303


def test_a_proxy_is_believed_only_where_it_is_configured() -> None:
    desk = ConsoleDesk(proxies=("10.0.0.0/8",))
    for number in range(FAILURES):
        sign_in(desk, GUESS, PROXY, f"203.0.113.{number}, {EVE}")  # only what the proxy added counts
        sign_in(desk, GUESS, "192.0.2.9", f"203.0.113.{number}")
    assert sign_in(desk, RIGHT, PROXY, EVE) == 429
    assert sign_in(desk, RIGHT, "192.0.2.9") == 429
    assert sign_in(desk, RIGHT, PROXY, ANN) == 303


@pytest.mark.parametrize("peer", ["127.0.0.1", PROXY])
def test_without_a_proxy_configured_a_header_changes_nothing(peer: str) -> None:
    desk = ConsoleDesk()
    for number in range(FAILURES):
        sign_in(desk, GUESS, peer, f"203.0.113.{number}")
    assert sign_in(desk, RIGHT, peer, ANN) == 429


def test_a_proxy_that_is_no_address_is_named() -> None:
    settings = Settings(console=ConsoleSettings(proxies=("proxy.example",)))
    with pytest.raises(ConfigurationError, match=r"console\.proxies.*proxy\.example"):
        build_desk(settings, Sources(settings))


def test_memory_is_bounded_however_many_guess() -> None:
    attempts = Attempts()
    for number in range(ADDRESSES + 500):
        attempts.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", number / 1e6)
    assert len(attempts) == ADDRESSES
    attempts.failed("192.0.2.1", MINUTE_S * 2)
    assert len(attempts) == 1


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.floats(0, 30)), max_size=60))
def test_an_address_is_locked_out_exactly_after_its_failures_of_the_last_minute(
    steps: list[tuple[str, float]],
) -> None:
    attempts, now = Attempts(), 0.0
    failed: list[tuple[str, float]] = []
    for address, pause in steps:
        now += pause
        recent = [at for who, at in failed if who == address][-FAILURES:]
        assert attempts.are_over(address, now) == (len(recent) == FAILURES and now - recent[0] < MINUTE_S)
        attempts.failed(address, now)
        failed.append((address, now))
