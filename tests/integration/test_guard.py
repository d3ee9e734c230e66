"""What every gateway may rely on: both guards, on real servers, with what the projection writes."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from math import ceil, floor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from redis import Redis

from stream_guard.enforcement import answer
from stream_guard.enforcement.keys import decision_key, library, rate_key
from stream_guard.records import REASON_CODES
from tests.support.decisions import decision
from tests.support.guards import KINDS, AnyGuard, eventually, guarding, write
from tests.support.redis_servers import Servers

pytestmark = pytest.mark.redis


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def calls(url: str) -> int:
    """How often the server's function was called so far."""
    with Redis.from_url(url) as client:
        stats = client.info("commandstats")
    return int(stats.get("cmdstat_fcall", {}).get("calls", 0))


def server_s(client: Redis) -> float:
    seconds, micros = client.time()
    return int(seconds) + int(micros) / 1e6


def test_an_account_without_a_decision_passes_and_is_asked_about_once(redis_url: str, kind: str) -> None:
    with guarding(kind, redis_url) as guard:
        before = calls(redis_url)
        checks = [guard.check("a1") for _ in range(50)]
        assert [check.source for check in checks] == ["redis"] + ["local"] * 49
        assert all(check.allowed and check.status == 200 and check.action == "allow" for check in checks)
        assert calls(redis_url) == before + 1


def test_a_block_is_refused_with_one_call_and_then_from_memory(redis_url: str, kind: str) -> None:
    write(redis_url, decision("a1"))
    with guarding(kind, redis_url) as guard:
        before = calls(redis_url)
        checks = [guard.check("a1") for _ in range(50)]
        assert {check.status for check in checks} == {403}
        assert {check.reference for check in checks} == {decision("a1").decision_id}
        assert calls(redis_url) == before + 1
        assert guard.counts.checks["block", "refused", "local"] == 49


def test_a_block_is_obeyed_by_who_had_let_the_account_pass(redis_url: str, kind: str) -> None:
    with guarding(kind, redis_url) as guard:
        assert guard.check("a1").allowed
        assert guard.check("a2").allowed
        write(redis_url, decision("a1"))
        eventually(lambda: not guard.check("a1").allowed)
        assert guard.check("a2").source == "local"
        assert guard.counts.invalidated == 1
        assert sum(guard.counts.reactions.counts) == 1


def test_a_revoked_block_is_lifted(redis_url: str, kind: str) -> None:
    block = decision("a1")
    write(redis_url, block)
    with guarding(kind, redis_url) as guard:
        assert not guard.check("a1").allowed
        write(redis_url, decision("a1", "allow", decided_at=block.decided_at + 1, expires_at=None))
        eventually(lambda: guard.check("a1").allowed)


def test_a_flushed_server_has_no_decisions(redis_url: str, kind: str) -> None:
    write(redis_url, decision("a1"))
    with guarding(kind, redis_url) as guard, Redis.from_url(redis_url) as client:
        assert not guard.check("a1").allowed
        client.flushall()
        eventually(lambda: guard.check("a1").allowed)


def test_a_block_ends_at_its_expiry_by_the_servers_clock(redis_url: str, kind: str) -> None:
    with guarding(kind, redis_url) as guard, Redis.from_url(redis_url) as client:
        ends = server_s(client) + 0.5
        write(redis_url, decision("a1", expires_at=ends))
        refused = guard.check("a1")
        assert not refused.allowed
        assert refused.retry_after_s is not None
        assert 0 < refused.retry_after_s <= 0.5
        eventually(lambda: guard.check("a1").allowed)
        assert server_s(client) >= ends


def test_a_decision_on_the_past_that_has_ended_holds_nobody(redis_url: str, kind: str) -> None:
    with Redis.from_url(redis_url) as client:
        write(redis_url, decision("a1", expires_at=server_s(client) - 10))
    with guarding(kind, redis_url) as guard:
        assert guard.check("a1").allowed


@pytest.mark.parametrize("action", ["throttle", "challenge", "block"])
def test_shadow_is_only_counted(redis_url: str, kind: str, action: str) -> None:
    write(redis_url, replace(decision("a1", action), shadow=True))  # type: ignore[arg-type]
    with guarding(kind, redis_url) as guard:
        checks = [guard.check("a1") for _ in range(40)]
        assert all(check.allowed and check.shadow and check.action == action for check in checks)
        assert answer(checks[0]).headers == {}
        shadowed = {key: n for key, n in guard.counts.checks.items() if key[1] == "shadow"}
        assert sum(shadowed.values()) == 40


def test_exempt_accounts_are_never_asked_about(redis_url: str, kind: str) -> None:
    write(redis_url, decision("probe"))
    with guarding(kind, redis_url, exempt=frozenset({"probe"})) as guard:
        before = calls(redis_url)
        assert {guard.check("probe").source for _ in range(3)} == {"exempt"}
        assert calls(redis_url) == before


@given(name=st.text(min_size=1, max_size=40))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_is_an_account(redis_servers: Servers, name: str) -> None:
    url = redis_servers("valkey")
    write(url, decision(name))
    with guarding("sync", url) as guard:
        assert not guard.check(name).allowed
        assert guard.check(name + "x").allowed


def racing(guards: list[AnyGuard], callers: int) -> int:
    """How many of so many callers at once pass."""
    with ThreadPoolExecutor(callers) as pool:
        checks = pool.map(lambda i: guards[i % len(guards)].check("a1"), range(callers))
        return sum(check.allowed for check in checks)


def test_a_limit_is_exact_under_100_racing_callers_of_several_gateways(redis_url: str, kind: str) -> None:
    limit = 40
    burst, gap_s = ceil(limit / 4), 60 / (limit - ceil(limit / 4) + 1)  # rounded up to ms by the function
    write(redis_url, replace(decision("a1", "throttle"), limit_per_min=limit))
    with (
        guarding(kind, redis_url, deadline_s=30) as one,
        guarding(kind, redis_url, deadline_s=30) as two,
        Redis.from_url(redis_url) as client,
    ):
        started = server_s(client)
        admitted = racing([one, two], 100)
        elapsed = server_s(client) - started
        assert burst <= admitted <= burst + floor(elapsed / gap_s)


def test_a_throttled_account_learns_when_to_come_again(redis_url: str, kind: str) -> None:
    write(redis_url, decision("a1", "throttle"))  # 10 a minute, 3 at once
    with guarding(kind, redis_url) as guard:
        passed = [guard.check("a1") for _ in range(3)]
        assert [check.remaining for check in passed] == [2, 1, 0]
        refused = guard.check("a1")
        assert (refused.status, refused.remaining, refused.limit_per_min) == (429, 0, 10)
        assert refused.retry_after_s is not None
        assert 0 < refused.retry_after_s <= 7.501
        assert guard.check("a1", cost=0).action == "throttle"


def test_a_costly_request_uses_up_more_of_the_limit(redis_url: str, kind: str) -> None:
    write(redis_url, replace(decision("a1", "throttle"), limit_per_min=40))
    with guarding(kind, redis_url) as guard:
        assert guard.check("a1", cost=9).remaining == 1
        assert not guard.check("a1", cost=2).allowed
        assert guard.check("a1", cost=1).allowed


SIMULATED = count()
CLOCK = """local now = 0
local function left_at(key)
  return (tonumber(redis.call('GET', key)) or now) - now
end
"""


def simulate(url: str, limit: int, arrivals_ms: list[int]) -> list[tuple[int, bool]]:
    """The shipped function on the real server, the clock of its keys replaced by the arrivals'."""
    first, _, rest = library().decode().partition("\n")
    for ours, simulated in (
        ("redis.call('PTTL', key)", "left_at(key)"),
        ("'0', 'PX', string.format('%d', after)", "string.format('%d', now + after)"),
        ("local function check(keys, args)", "local function check(keys, args) now = tonumber(args[2])"),
        ("sg_", "simulated_"),
    ):
        assert ours in rest
        rest = rest.replace(ours, simulated)
    account = f"s{next(SIMULATED)}"
    write(url, replace(decision(account, "throttle"), limit_per_min=limit, expires_at=None))
    keys = decision_key(account), rate_key(account)
    with Redis.from_url(url) as client:
        client.function_load(f"{first.replace('stream_guard', 'simulated')}\n{CLOCK}{rest}", replace=True)
        replies = [client.fcall("simulated_check_v2", 2, *keys, 1, at) for at in arrivals_ms]
        return [(at, reply[1] >= 0) for at, reply in zip(arrivals_ms, replies, strict=True)]


@given(
    limit=st.integers(1, 30) | st.integers(31, 200_000),
    gaps=st.lists(st.integers(0, 9_000) | st.integers(0, 400), min_size=30, max_size=90),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_minute_sees_more_than_the_limit(redis_servers: Servers, limit: int, gaps: list[int]) -> None:
    arrivals, at = [], 1_800_000_000_000
    for gap in gaps:
        at += gap
        arrivals.append(at)
    passed = [at for at, is_allowed in simulate(redis_servers("valkey"), limit, arrivals) if is_allowed]
    assert passed[0] == arrivals[0]
    for start in passed:
        assert sum(start <= at < start + 60_000 for at in passed) <= limit


@given(limit=st.integers(0, 2_000_000))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_burst_and_gap_admit_at_most_the_limit_and_a_quarter_of_it_at_once(
    redis_servers: Servers, limit: int
) -> None:
    url, account = redis_servers("valkey"), f"t{next(SIMULATED)}"
    write(url, replace(decision(account, "throttle"), limit_per_min=limit))
    with guarding("sync", url) as guard, Redis.from_url(url) as client:
        assert guard.check(account).allowed == (limit > 0)
        _, _, burst, gap_ms = client.fcall("sg_check_v2", 2, decision_key(account), rate_key(account), 0)
        assert burst + 60_000 // gap_ms <= limit
        assert burst >= ceil(limit / 4)


def test_a_limit_that_changes_counts_from_then_on(redis_url: str, kind: str) -> None:
    first = replace(decision("a1", "throttle"), limit_per_min=40)
    write(redis_url, first)
    with guarding(kind, redis_url) as guard:
        assert [guard.check("a1").remaining for _ in range(3)] == [9, 8, 7]
        tighter = decision("a1", "throttle", decided_at=first.decided_at + 1)
        write(redis_url, tighter)  # 10 a minute
        eventually(lambda: guard.check("a1", cost=0).limit_per_min == 10)
        assert guard.check("a1").reference == tighter.decision_id
        write(redis_url, decision("a1", decided_at=first.decided_at + 2))
        eventually(lambda: guard.check("a1").status == 403)


def test_a_refusal_names_a_reference_and_nothing_that_the_detector_knows(redis_url: str, kind: str) -> None:
    secrets = [*REASON_CODES, "camp-77", "0.9", "policy_version", "score", "evidence", "tick"]
    for action in ("throttle", "challenge", "block"):
        write(redis_url, decision(action, action, campaign_id="camp-77"))
    with guarding(kind, redis_url) as guard:
        for action in ("throttle", "challenge", "block"):
            checks = [guard.check(action) for _ in range(4)]
            status, headers, body = answer(checks[-1])
            problem = json.loads(body)
            assert headers["content-type"] == "application/problem+json"
            assert problem["status"] == status == (403 if action == "block" else 429)
            assert problem["reference"] == decision(action, action).decision_id  # type: ignore[arg-type]
            told = f"{headers} {body.decode().replace(problem['reference'], '')}"
            assert not [secret for secret in secrets if secret in told]
            assert ("retry-after" in headers) == ("ratelimit" in headers) == (action != "block")


def test_what_holds_for_ever_is_told_without_an_end(redis_url: str, kind: str) -> None:
    write(redis_url, decision("a1", expires_at=None), decision("c1", "challenge", expires_at=None))
    with guarding(kind, redis_url) as guard:
        assert guard.check("a1").retry_after_s is None
        assert answer(guard.check("c1")).headers["retry-after"] == "60"
