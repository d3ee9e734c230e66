"""Redis killed, hung, slow, out of memory, failing over, and without our function: requests keep flowing."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from msgspec.structs import replace
from redis import Redis

from stream_guard.embedded.process import HOST, free_port
from stream_guard.embedded.valkey import EmbeddedValkey
from stream_guard.enforcement.keys import decision_key
from tests.support.decisions import decision
from tests.support.guards import KINDS, AnyGuard, eventually, guarding, write
from tests.support.slow import SlowProxy

pytestmark = pytest.mark.redis
BRIEF: dict[str, Any] = {"deadline_s": 0.2}  # long beside a stolen time slice, short beside a test
AWAY = {"open": (True, 200, "fail_open"), "closed": (False, 503, "fail_closed")}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def stopped(server: EmbeddedValkey) -> Iterator[None]:
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def answered(guard: AnyGuard, account: str) -> tuple[bool, int, str]:
    check = guard.check(account)
    return check.allowed, check.status, check.source


def failures(guard: AnyGuard) -> int:
    return sum(guard.counts.failures.values())


@pytest.mark.parametrize("on_failure", AWAY)
def test_killed_and_back_without_a_restart(own_server: EmbeddedValkey, kind: str, on_failure: str) -> None:
    write(own_server.url, decision("bad"))
    with guarding(kind, own_server.url, on_failure=on_failure) as guard:
        assert not guard.check("bad").allowed
        assert guard.check("good").source == "redis"
        own_server.kill()
        eventually(lambda: guard.state == "down")
        assert answered(guard, "good") == AWAY[on_failure]
        assert answered(guard, "new") == AWAY[on_failure]
        assert answered(guard, "bad") == (False, 403, "local"), "whom we knew as blocked stays blocked"
        assert failures(guard) == 3
        own_server.start()
        write(own_server.url, decision("worse"))
        eventually(lambda: guard.check("new").source == "local")
        assert not guard.check("worse").allowed
        assert guard.counts.dials == 2


@pytest.mark.parametrize("on_failure", AWAY)
def test_down_at_start_and_there_later(own_server: EmbeddedValkey, kind: str, on_failure: str) -> None:
    own_server.kill()
    with guarding(kind, own_server.url, on_failure=on_failure) as guard:
        assert guard.state == "down"
        assert answered(guard, "a1") == AWAY[on_failure]
        assert guard.trouble
        own_server.start()
        eventually(lambda: guard.check("a1").source == "redis")


@pytest.mark.parametrize("on_failure", AWAY)
def test_a_hung_server_costs_one_deadline_and_no_more(
    own_server: EmbeddedValkey, kind: str, on_failure: str
) -> None:
    options: dict[str, Any] = {**BRIEF, "on_failure": on_failure, "silence_s": 3600}
    with guarding(kind, own_server.url, **options) as guard:
        eventually(lambda: guard.state == "up")
        assert guard.check("known").allowed
        timeouts = guard.counts.failures["timeout"]
        with stopped(own_server):
            assert [answered(guard, f"a{i}") for i in range(300)] == [AWAY[on_failure]] * 300
            assert guard.counts.failures["timeout"] == timeouts + 1
            assert guard.check("known").source == "local", "what we know costs no server"
        eventually(lambda: guard.state == "up")
        assert guard.check("new").source == "redis"
        assert guard.counts.dials == 1


def test_a_server_that_stays_silent_is_left_and_found_again(own_server: EmbeddedValkey, kind: str) -> None:
    write(own_server.url, decision("bad"))
    with guarding(kind, own_server.url) as guard:
        assert not guard.check("bad").allowed
        with stopped(own_server):
            eventually(lambda: guard.state == "down")
            assert guard.trouble
            assert answered(guard, "bad") == (False, 403, "local")
            assert answered(guard, "new") == AWAY["open"]
        eventually(lambda: guard.state == "up")
        assert guard.counts.dials == 2
        assert guard.check("new").source == "redis"


def test_a_block_held_through_an_outage_is_let_go_in_time(own_server: EmbeddedValkey, kind: str) -> None:
    write(own_server.url, decision("bad"))
    with guarding(kind, own_server.url, hold_s=0.2) as guard:
        assert not guard.check("bad").allowed
        own_server.kill()
        eventually(lambda: answered(guard, "bad") == AWAY["open"])


def test_a_slow_server_is_not_waited_for_again_and_again(own_server: EmbeddedValkey, kind: str) -> None:
    with SlowProxy(own_server.port) as proxy:
        url = f"redis://{HOST}:{proxy.port}/0"
        with guarding(kind, url, **BRIEF, silence_s=3600) as guard:
            eventually(lambda: guard.check("known").source == "local")
            proxy.delay_s = 0.5
            timeouts = guard.counts.failures["timeout"]
            sources = [guard.check(f"a{i}").source for i in range(300)]
            assert set(sources) == {"fail_open"}
            assert guard.counts.failures["timeout"] - timeouts == 1
            proxy.delay_s = 0.0
            eventually(lambda: guard.state == "up")
            assert guard.check("new").source == "redis"


def test_out_of_memory_blocks_hold_and_limits_count(own_server: EmbeddedValkey, kind: str) -> None:
    write(own_server.url, decision("bad"), decision("much", "throttle"))
    with guarding(kind, own_server.url) as guard, Redis.from_url(own_server.url) as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        assert not guard.check("bad").allowed
        assert [guard.check("much").allowed for _ in range(5)] == [True] * 3 + [False] * 2
        assert guard.check("new").source == "redis"
        assert failures(guard) == 0


def test_an_evicted_block_is_no_longer_remembered(own_server: EmbeddedValkey, kind: str) -> None:
    """Which is why deploy/redis says noeviction."""
    write(own_server.url, decision("bad"))
    with guarding(kind, own_server.url) as guard, Redis.from_url(own_server.url) as client:
        assert not guard.check("bad").allowed
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", 1)
        client.exists("anything")
        eventually(lambda: guard.check("bad").allowed)


def test_a_flushed_function_is_read_in_again_within_the_check(own_server: EmbeddedValkey, kind: str) -> None:
    write(own_server.url, decision("bad"))
    with guarding(kind, own_server.url) as guard, Redis.from_url(own_server.url) as client:
        loads = guard.counts.function_loads
        client.function_flush()
        assert guard.check("good").source == "redis"
        assert guard.counts.function_loads == loads + 1
        client.function_flush()
        client.flushall()
        write(own_server.url, decision("bad"))
        eventually(lambda: not guard.check("bad").allowed)
        assert failures(guard) == 0


def test_a_primary_that_became_a_replica_is_left(own_server: EmbeddedValkey, kind: str) -> None:
    with guarding(kind, own_server.url) as guard, Redis.from_url(own_server.url) as client:
        client.replicaof(HOST, free_port())
        assert guard.check("a1").source == "fail_open"
        eventually(lambda: guard.counts.failures["refused"] > 0 or guard.state == "down")
        client.replicaof("NO", "ONE")
        eventually(lambda: guard.check("a2").source == "redis")


class Sentinel(EmbeddedValkey):
    """One Sentinel that watches one primary, and is quick to judge."""

    name = "sentinel"

    def __init__(self, directory: Any, binary: str, primary: int) -> None:
        super().__init__(directory, binary=binary)
        self._primary = primary

    def prepare(self) -> None:
        watch = f"sentinel monitor ours {HOST} {self._primary} 1\n"
        limits = "sentinel down-after-milliseconds ours 300\nsentinel failover-timeout ours 2000\n"
        (self.directory / "sentinel.conf").write_text(f"port {self.port}\nbind {HOST}\n{watch}{limits}")

    def command(self) -> list[Any]:
        return [self._server(), self.directory / "sentinel.conf", "--sentinel"]


def test_the_guard_follows_sentinel_to_the_new_primary(
    own_server: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> None:
    replica = EmbeddedValkey(tmp_path_factory.mktemp("replica"), binary=own_server.binary)
    watcher = Sentinel(tmp_path_factory.mktemp("sentinel"), own_server.binary, own_server.port)
    with replica, Redis.from_url(replica.url, decode_responses=True) as second:
        second.replicaof(HOST, str(own_server.port))
        write(own_server.url, replace(decision("bad"), expires_at=None))
        eventually(lambda: bool(second.exists(decision_key("bad"))), "the replica does not follow")
        with watcher, Redis.from_url(watcher.url, decode_responses=True) as sentinel:
            eventually(lambda: bool(sentinel.sentinel_slaves("ours")), "the Sentinel knows no replica")
            url = f"redis+sentinel://{HOST}:{watcher.port}/ours"
            with guarding("async", url) as guard:
                eventually(lambda: guard.state == "up")
                own_server.kill()
                eventually(lambda: guard.state == "down")
                assert guard.check("new").source == "fail_open"
                eventually(lambda: guard.check("bad").source == "redis", "the guard did not follow")
                assert guard.check("bad").status == 403
