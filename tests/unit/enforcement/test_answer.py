"""Refusals as HTTP."""

import json
from traceback import format_exception

import pytest

from stream_guard.enforcement import Check, GuardConfig, answer, limit_headers
from stream_guard.enforcement.check import EXEMPT, FAILED_CLOSED, FAILED_OPEN, PASSED
from stream_guard.enforcement.place import read_place
from stream_guard.errors import ConfigurationError


def throttled(reset_s: float, remaining: int = 0, *, allowed: bool = True, retry_after_s: float = 0) -> Check:
    return Check(
        "throttle",
        allowed=allowed,
        status=200 if allowed else 429,
        retry_after_s=retry_after_s,
        limit_per_min=10,
        remaining=remaining,
        reset_s=reset_s,
        reference="id",
    )


def test_seconds_are_whole_and_never_too_early() -> None:
    check = throttled(7.001, allowed=False, retry_after_s=0.2)
    assert answer(check).headers["retry-after"] == "1"
    assert answer(check).headers["ratelimit"] == '"throttle";r=0;t=8'
    assert answer(check).headers["ratelimit-policy"] == '"throttle";q=10;w=60'


@pytest.mark.parametrize("check", [PASSED, EXEMPT, FAILED_OPEN, Check("block", shadow=True)])
def test_what_passes_says_nothing(check: Check) -> None:
    assert answer(check) == (200, {}, b"")


def test_a_throttled_account_that_passes_learns_what_is_left() -> None:
    check = throttled(7.5, remaining=2)
    assert limit_headers(check) == {
        "ratelimit-policy": '"throttle";q=10;w=60',
        "ratelimit": '"throttle";r=2;t=8',
    }


def test_fail_closed_asks_to_come_again() -> None:
    status, headers, body = answer(FAILED_CLOSED)
    assert (status, headers["retry-after"]) == (503, "1")
    assert "reference" not in json.loads(body)


def test_help_is_told_to_whom_is_refused() -> None:
    check = Check("challenge", allowed=False, status=429, reference="id")
    assert json.loads(answer(check, help_url="https://help.example/verify").body)["help"] == (
        "https://help.example/verify"
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://u:hunter2@host/0", "scheme"),
        ("redis://u:hunter2@host/0?socket_timeout=3", "socket_timeout"),
        ("redis+sentinel://u:hunter2@s1:26379", "name of the service"),
        ("rediss://u:hunter2@host/0?ssl_ca_certs=/no/such.pem", "No such file"),
        ("redis://host/0?password=hunter2&socket_timeout=3", "socket_timeout"),
        ("redis://:hunter2/x@host:6379/0", "percent-encoded"),
        ("redis://:hunter2#x@host:6379/0", "percent-encoded"),
    ],
)
def test_a_url_that_can_not_be_used_is_told_without_its_password(url: str, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected) as caught:
        read_place(url)
    assert "hunter2" not in "".join(format_exception(caught.value))


def test_sentinels_are_read_with_their_ports() -> None:
    place = read_place("redis+sentinel://u:p%40w@s1,s2:7000/ours/3")
    assert place.sentinels == (("s1", 26379), ("s2", 7000))
    assert (place.service, place.db, place.username, place.password) == ("ours", 3, "u", "p@w")
    assert "p@w" not in repr(place)


@pytest.mark.parametrize("wrong", [{"on_failure": "ajar"}, {"deadline_s": 0}, {"max_accounts": -1}])
def test_a_setting_that_can_not_be_used_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        GuardConfig(**wrong)  # type: ignore[arg-type]
