"""A refused check as HTTP: problem+json (RFC 9457), ``Retry-After`` (RFC 9110), IETF RateLimit fields.

The RateLimit fields follow draft-ietf-httpapi-ratelimit-headers-10: ``RateLimit-Policy`` names the
quota (``q`` requests in ``w`` seconds), ``RateLimit`` what is left of it (``r``) and for how long
(``t`` seconds).  The body says what happened and what to do, names a reference id, and nothing that
would teach an attacker what gave him away: no reason, no score, no campaign, no policy.
"""

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from stream_guard.enforcement.check import Check

MEDIA_TYPE: Final = "application/problem+json"
TYPE_BASE: Final = "https://github.com/stream-guard/stream-guard/blob/main/docs/gateways.md#"
WINDOW_S: Final = 60  # a throttle counts per minute
CHALLENGE_RETRY_S: Final = 60.0  # where a challenge has no end: worth a look after this
HEADER_NAMES: Final = ("content-type", "cache-control", "retry-after", "ratelimit-policy", "ratelimit")

_TITLES: Final = {
    "throttle": ("Too many requests", "This account is limited to {limit} requests per minute."),
    "challenge": ("Verification needed", "This account must be verified before it can go on."),
    "block": ("Access denied", "This account is blocked."),
    "allow": ("Temporarily unavailable", "This request could not be checked. Try again."),
}


class Answer(NamedTuple):
    """What to send instead of the service's own answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def answer(check: Check, *, help_url: str = "") -> Answer:
    """The response to a request that ``check`` does not allow.

    ``help_url`` is told to the client where it can do something: pass a challenge, or appeal.
    For a check that is allowed only the headers matter (see `limit_headers`): the body is empty.
    """
    headers = limit_headers(check)
    if check.allowed:
        return Answer(check.status, headers, b"")
    title, detail = _TITLES[check.action]
    kind = check.action if check.action != "allow" else "unavailable"
    problem: dict[str, str | int] = {
        "type": TYPE_BASE + kind,
        "title": title,
        "status": check.status,
        "detail": detail.format(limit=check.limit_per_min),
    }
    if check.reference:
        problem["reference"] = check.reference
    if help_url:
        problem["help"] = help_url
    headers = {"content-type": MEDIA_TYPE, "cache-control": "no-store", **headers}
    return Answer(check.status, headers, msgspec.json.encode(problem))


def limit_headers(check: Check) -> dict[str, str]:
    """``Retry-After`` and RateLimit fields, as far as the check has them; for allowed answers too."""
    headers: dict[str, str] = {}
    if check.shadow or check.action == "block":
        return headers
    if not check.allowed:
        wait = check.retry_after_s if check.retry_after_s is not None else CHALLENGE_RETRY_S
        headers["retry-after"] = str(_whole(wait))
    if check.action == "throttle" and check.limit_per_min is not None:
        headers["ratelimit-policy"] = f'"throttle";q={check.limit_per_min};w={WINDOW_S}'
        headers["ratelimit"] = f'"throttle";r={check.remaining or 0};t={_whole(check.reset_s or 0)}'
    elif check.action == "challenge":
        headers["ratelimit-policy"] = f'"challenge";q=0;w={WINDOW_S}'
        headers["ratelimit"] = f'"challenge";r=0;t={_whole(check.retry_after_s or CHALLENGE_RETRY_S)}'
    return headers


def _whole(seconds: float) -> int:
    """Whole seconds, never too early."""
    return max(0, math.ceil(seconds))
