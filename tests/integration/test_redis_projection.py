"""The projection against real servers that are slow, hung, killed, emptied and replaced."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from stream_guard.embedded.valkey import EmbeddedValkey
from stream_guard.errors import BrokerUnavailable, ConfigurationError
from stream_guard.records import Decision, pack_json
from stream_guard.settings import RedisSettings
from stream_guard.sinks.decision_store import MemoryDecisionStore, RedisDecisionStore
from stream_guard.sinks.entry import Sequenced
from stream_guard.sinks.redis_keys import decision_key
from stream_guard.sinks.redis_projection import (
    Everything,
    ProjectionConfig,
    RedisProjection,
    projection_config,
)
from stream_guard.sinks.redis_writer import Keeping
from tests.support.decisions import decision, message
from tests.support.polling import until
from tests.support.redis_servers import Servers

pytestmark = pytest.mark.redis
QUICK = ProjectionConfig(probe_s=0.02, backoff_s=(0.01, 0.05), keeping=Keeping(expired_s=100, allow_s=50))


def nothing() -> Iterable[Sequenced]:
    return []


@contextmanager
def projecting(
    url: str, everything: Everything = nothing, config: ProjectionConfig = QUICK
) -> Iterator[RedisProjection]:
    """A running projection; at the end its thread has ended."""
    projection = RedisProjection(url, everything, config)
    projection.start()
    try:
        yield projection
    finally:
        projection.close(30)


@contextmanager
def stored(url: str) -> Iterator[RedisDecisionStore]:
    store = RedisDecisionStore(url)
    try:
        yield store
    finally:
        store.close()


def eventually(is_true: Callable[[], bool]) -> None:
    until(is_true, 30, "the projection did not get there", 0.005)


def sequenced(*decisions: Decision) -> list[Sequenced]:
    return [(pack_json(each), i) for i, each in enumerate(decisions)]


@given(order=st.permutations(range(12)), cuts=st.integers(1, 12))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_newest_version_wins_in_whatever_order_and_pieces_it_comes(
    redis_servers: Servers, order: list[int], cuts: int
) -> None:
    url = redis_servers("valkey")
    log = sequenced(
        *(decision(f"a{i % 2}", score=i / 12, decided_at=1_700_000_000.0 + i // 4) for i in range(12))
    )
    with projecting(url) as projection, stored(url) as store:
        for start in range(0, 12, cuts):
            projection.push([log[i] for i in order[start : start + cuts]])
            assert projection.flush(30)
        assert [found.score for found in store.newest(10)] == [11 / 12, 10 / 12]


def test_more_than_one_batch_is_written_whole(redis_url: str) -> None:
    log = sequenced(*(decision(f"a{i}") for i in range(1_234)))
    with projecting(redis_url) as projection, stored(redis_url) as store:
        projection.push(log)
        assert projection.flush(30)
        assert store.tally() == {"block": 1_234}
        assert projection.status().pushed == 1_234


def test_a_killed_server_that_comes_back_empty_gets_all_decisions_again(own_server: EmbeddedValkey) -> None:
    memory = MemoryDecisionStore()
    with projecting(own_server.url, memory.everything) as projection, stored(own_server.url) as store:
        projection.push(memory.push(message(decision(f"a{i}")) for i in range(700)))
        assert projection.flush(30)
        own_server.kill()
        projection.push(memory.push([message(decision("while-down"))]))
        eventually(lambda: not projection.status().is_up)
        own_server.start()
        eventually(lambda: projection.status().refills == 2)
        assert projection.flush(30)
        assert store.newest(1_000) == memory.newest(1_000)


def test_a_restart_that_no_write_noticed_is_noticed_while_idle(own_server: EmbeddedValkey) -> None:
    memory = MemoryDecisionStore()
    with projecting(own_server.url, memory.everything) as projection, stored(own_server.url) as store:
        projection.push(memory.push([message(decision())]))
        assert projection.flush(30)
        own_server.restart()
        eventually(lambda: store.get("a1") == memory.get("a1"))


def test_an_emptied_server_gets_all_decisions_again(redis_url: str) -> None:
    memory = MemoryDecisionStore()
    with projecting(redis_url, memory.everything) as projection, stored(redis_url) as store:
        projection.push(memory.push(message(decision(f"a{i}")) for i in range(10)))
        assert projection.flush(30)
        with Redis.from_url(redis_url) as client:
            client.flushall()
        eventually(lambda: store.newest(100) == memory.newest(100))


def test_a_server_that_is_down_at_start_is_told_everything_when_it_comes(own_server: EmbeddedValkey) -> None:
    memory = MemoryDecisionStore()
    memory.push([message(decision("before"))])
    own_server.kill()
    with projecting(own_server.url, memory.everything) as projection, stored(own_server.url) as store:
        eventually(lambda: projection.status().failures > 1)
        assert not projection.flush(0)
        own_server.start()
        assert projection.flush(30)
        assert store.get("before") == memory.get("before")


def test_a_hung_server_holds_up_nobody(own_server: EmbeddedValkey) -> None:
    """With an answer time of an hour, whoever waited for Redis would never come back."""
    patient = ProjectionConfig(probe_s=0.01, answer_s=3_600)
    pid = own_server.pid
    assert pid is not None
    with ExitStack() as stack:
        projection = stack.enter_context(projecting(own_server.url, config=patient))
        assert projection.flush(30)
        os.kill(pid, signal.SIGSTOP)
        stack.callback(os.kill, pid, signal.SIGCONT)
        for i in range(2_000):
            projection.push([(pack_json(decision(f"a{i}")), i)])
        assert projection.status().pending == 2_000
        assert not projection.close(0.05)


def test_a_hung_server_counts_as_down_and_gets_what_was_pending(own_server: EmbeddedValkey) -> None:
    hasty = ProjectionConfig(probe_s=0.01, backoff_s=(0.01, 0.05), answer_s=0.1)
    pid = own_server.pid
    assert pid is not None
    with projecting(own_server.url, config=hasty) as projection, stored(own_server.url) as store:
        assert projection.flush(30)
        os.kill(pid, signal.SIGSTOP)
        try:
            projection.push(sequenced(decision()))
            eventually(lambda: not projection.status().is_up)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert projection.flush(30)
        assert store.get("a1") == decision()


def test_pending_is_bounded_and_what_did_not_fit_is_made_good(own_server: EmbeddedValkey) -> None:
    small = ProjectionConfig(max_pending=100, probe_s=0.01, backoff_s=(0.01, 0.05))
    memory = MemoryDecisionStore()
    own_server.kill()
    with projecting(own_server.url, memory.everything, small) as projection, stored(own_server.url) as store:
        for round_ in range(2):
            for i in range(1_000):
                late = decision(f"a{i}", decided_at=1_700_000_000.0 + round_)
                projection.push(memory.push([message(late)]))
        status = projection.status()
        assert (status.pending, status.dropped) == (100, 1_800)
        assert not projection.wait_for_room(0)
        own_server.start()
        assert projection.flush(30)
        assert projection.wait_for_room(0)
        assert store.newest(2_000) == memory.newest(2_000)


def test_a_source_of_truth_that_fails_is_asked_again(redis_url: str) -> None:
    answers: list[list[Sequenced]] = [sequenced(decision())]
    failures = iter(range(3))

    def everything() -> Iterable[Sequenced]:
        if next(failures, None) is not None:
            message = "no broker"
            raise BrokerUnavailable(message)
        return answers[0]

    with projecting(redis_url, everything) as projection, stored(redis_url) as store:
        assert projection.flush(30)
        assert projection.status().failures == 3
        assert store.get("a1") == decision()


def test_what_is_no_decision_is_counted_and_stops_nothing(redis_url: str) -> None:
    with projecting(redis_url) as projection, stored(redis_url) as store:
        projection.push([(b"{", 0), (b"\xff", 1), (pack_json(decision()), 2), (b'{"account_id": 1}', 3)])
        assert projection.flush(30)
        assert projection.status().refused == 3
        assert store.get("a1") == decision()


def server_now(client: Redis) -> int:
    seconds, _ = client.time()
    return int(seconds)


def test_a_key_lives_until_its_decision_expired_and_some_slack(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client, projecting(redis_url) as projection:
        now = server_now(client)
        projection.push(
            sequenced(
                decision("soon", expires_at=now + 1_000.0),
                decision("just-expired", expires_at=now - 10.0),
                decision("long-expired", expires_at=now - 1_000.0),
                decision("until-revoked", expires_at=None),
                decision("allowed", "allow"),
            )
        )
        assert projection.flush(30)
        ends = {
            name: client.expiretime(decision_key(name))
            for name in ["soon", "just-expired", "long-expired", "until-revoked"]
        }
        assert ends == {
            "soon": now + 1_100,
            "just-expired": now + 90,
            "long-expired": -2,
            "until-revoked": -1,
        }
        assert 0 < client.ttl(decision_key("allowed")) <= 50
        assert projection.status().expired == 1


def test_decisions_on_old_events_are_kept_if_the_operator_wants_so(redis_url: str) -> None:
    centuries = projection_config(RedisSettings(keep_expired_s=1e10))
    with projecting(redis_url, config=centuries) as projection, stored(redis_url) as store:
        projection.push(sequenced(decision(expires_at=1_700_000_600.0)))
        assert projection.flush(30)
        assert store.get("a1") == decision(expires_at=1_700_000_600.0)


def test_a_revoked_block_does_not_come_back_when_it_is_pushed_late(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client, projecting(redis_url) as projection, stored(redis_url) as store:
        end = server_now(client) + 5_000
        block = decision(expires_at=float(end))
        allow = decision(action="allow", decided_at=block.decided_at + 1, expires_at=None)
        projection.push(sequenced(block, allow))
        projection.push(sequenced(block))
        assert projection.flush(30)
        assert store.get("a1") == allow
        assert client.hget(decision_key("a1"), "action") == b"allow"


def test_an_allow_outlives_the_block_that_it_revoked(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client, projecting(redis_url) as projection:
        end = server_now(client) + 5_000
        for each in (
            decision(expires_at=float(end)),
            decision(action="allow", decided_at=1_700_000_001.0, expires_at=None),
        ):
            projection.push([(pack_json(each), 0)])
            assert projection.flush(30)
        assert client.expiretime(decision_key("a1")) == end + QUICK.keeping.expired_s


def test_a_gateway_finds_what_it_needs_without_reading_json(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client, projecting(redis_url) as projection:
        projection.push(sequenced(decision("a1", "throttle", expires_at=3_999_999_999.5)))
        assert projection.flush(30)
        fields = client.hmget(decision_key("a1"), "action", "limit", "expires_at", "shadow")
        assert fields == [b"throttle", b"10", b"3999999999.5", b"0"]


def test_lag_counts_from_the_oldest_decision_that_redis_lacks(own_server: EmbeddedValkey) -> None:
    with projecting(own_server.url) as projection:
        assert projection.flush(30)
        assert projection.status().lag_s == 0
        own_server.kill()
        projection.push(sequenced(decision()))
        eventually(lambda: projection.status().lag_s > 0)
        own_server.start()
        eventually(lambda: projection.status().lag_s == 0)


def test_a_url_that_is_none_is_a_configuration_error_without_the_password() -> None:
    with pytest.raises(ConfigurationError, match=r"redis\.url.*\*\*\*@host") as caught:
        RedisProjection("http://someone:hunter2@host/0", nothing)
    assert "hunter2" not in str(caught.value)
