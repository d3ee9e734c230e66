"""Operators' words in Redis ahead of their decisions: whatever comes first, and however often."""

from collections.abc import Iterator
from random import Random
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from stream_guard.clock import ManualClock
from stream_guard.decisions.interim import HOLD_MS, Interim
from stream_guard.decisions.policy import load_policy
from stream_guard.records import Action, Control, pack_json
from stream_guard.sinks.entry import read_entry
from stream_guard.sinks.redis_keys import connect, decision_key
from stream_guard.sinks.redis_projection import ProjectionConfig, RedisProjection
from stream_guard.sinks.redis_writer import DecisionWriter
from stream_guard.sinks.words import InterimWords, Spoken
from tests.support.decisions import decision
from tests.support.guards import eventually, guarding
from tests.support.redis_servers import Servers

pytestmark = pytest.mark.redis
VERBS: tuple[Literal["chargeback", "revoke"], ...] = ("chargeback", "revoke")
QUICK = ProjectionConfig(probe_s=0.02, backoff_s=(0.01, 0.05))


def server_ms(url: str) -> int:
    with Redis.from_url(url) as client:
        seconds, micros = client.time()
    return int(seconds) * 1000 + int(micros) // 1000


def spoken(at: int, action: Action | None, sequence: int = 0, lasts_ms: int = HOLD_MS) -> Spoken:
    return Interim(
        "a1", at, action, 10 if action == "throttle" else None, at + lasts_ms, f"word-{at}"
    ), sequence


@pytest.fixture
def writer(redis_url: str) -> Iterator[DecisionWriter]:
    writer = DecisionWriter(connect(redis_url))
    yield writer
    writer.close()


def decide(writer: DecisionWriter, action: Action, at: int, sequence: int = 0) -> None:
    writer.write([read_entry(pack_json(decision("a1", action, decided_at=at / 1000)), sequence)])


STEPS = (100, 200, 300, 400)


@given(
    decided=st.lists(st.sampled_from(STEPS), max_size=3, unique=True),
    said=st.lists(
        st.tuples(st.sampled_from((50, 150, 200, 350, 450)), st.sampled_from(("block", "allow", None))),
        max_size=3,
        unique_by=lambda each: each[0],
    ),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_redis_comes_to_the_same_in_whatever_order_and_however_often_both_topics_are_written(
    redis_servers: Servers, decided: list[int], said: list[tuple[int, Action | None]], order: Random
) -> None:
    url = redis_servers("valkey")
    now = server_ms(url)
    writes: list[tuple[bool, Action | None, int]] = [(True, None, now + at) for at in decided]
    writes += [(False, action, now + at) for at, action in said]
    writes += order.sample(writes, len(writes) // 2)
    order.shuffle(writes)
    writer = DecisionWriter(connect(url))
    for is_decision, action, at in writes:
        if is_decision:
            decide(writer, "throttle", at)
        else:
            writer.write_words([spoken(at, action)])
    writer.close()
    with Redis.from_url(url) as client:
        found = client.hmget(decision_key("a1"), "decided_ms", "interim_ms")
    newest_decision, newest_word = max(decided, default=None), max((at for at, _ in said), default=None)
    if newest_decision is not None and newest_word is not None and newest_decision >= newest_word:
        newest_word = None
    expected = [None if at is None else str(now + at).encode() for at in (newest_decision, newest_word)]
    assert found == expected


def test_a_word_blocks_at_once_and_its_decision_takes_over(redis_url: str, writer: DecisionWriter) -> None:
    now = server_ms(redis_url)
    with guarding("sync", redis_url) as guard:
        assert guard.check("a1").allowed
        writer.write_words([spoken(now, "block")])
        eventually(lambda: not guard.check("a1").allowed)
        assert guard.check("a1").reference == f"word-{now}"
        decide(writer, "block", now + 1)
        eventually(lambda: guard.check("a1").reference.startswith("a1-block"))
        assert not guard.check("a1").allowed


def test_a_revocation_frees_at_once_and_a_block_from_before_it_changes_nothing(
    redis_url: str, writer: DecisionWriter
) -> None:
    now = server_ms(redis_url)
    with guarding("async", redis_url) as guard:
        decide(writer, "block", now)
        eventually(lambda: not guard.check("a1").allowed)
        writer.write_words([spoken(now + 10, "allow")])
        eventually(lambda: guard.check("a1").allowed)
        decide(writer, "block", now + 5, sequence=1)
        assert guard.check("a1").allowed
        decide(writer, "block", now + 20, sequence=2)
        eventually(lambda: not guard.check("a1").allowed)


def test_a_word_that_no_decision_takes_up_ends_and_what_stood_before_stands_again(
    redis_url: str, writer: DecisionWriter
) -> None:
    now = server_ms(redis_url)
    with guarding("sync", redis_url) as guard:
        decide(writer, "block", now)
        writer.write_words([spoken(now + 1, "allow", lasts_ms=700)])
        assert guard.check("a1").allowed
        eventually(lambda: not guard.check("a1").allowed)


def test_a_word_that_is_over_takes_an_earlier_one_back(redis_url: str, writer: DecisionWriter) -> None:
    now = server_ms(redis_url)
    with guarding("sync", redis_url) as guard:
        writer.write_words([spoken(now, "block")])
        assert not guard.check("a1").allowed
        writer.write_words([spoken(now + 1, None)])
        eventually(lambda: guard.check("a1").allowed)
        assert writer.write_words([spoken(now, "block")]).older == 1


def test_a_milder_word_does_not_soften_what_stands(redis_url: str, writer: DecisionWriter) -> None:
    now = server_ms(redis_url)
    decide(writer, "block", now)
    writer.write_words([spoken(now + 1, "throttle")])
    with guarding("sync", redis_url) as guard:
        assert guard.check("a1").action == "block"


def test_words_come_back_with_a_redis_that_was_lost(redis_url: str) -> None:
    clock = ManualClock(server_ms(redis_url))
    words = InterimWords(load_policy(), clock)
    projection = RedisProjection(redis_url, list, QUICK, standing=words.standing)
    words.tell(projection.push_words)
    projection.start()
    try:
        now = clock.now_ms() / 1000
        old = Control(verb="chargeback", subject="old", spoken_at=now - HOLD_MS / 1000, author="billing")
        new = Control(verb="chargeback", subject="new", spoken_at=now, author="billing")
        early = Control(verb="chargeback", subject="early", spoken_at=now + 30, author="billing")
        words.take(
            [(b"1700000000000", 0), *((pack_json(each), 1 + i) for i, each in enumerate((old, new, early)))]
        )
        assert projection.flush(30)
        assert projection.status().words == 1
        with Redis.from_url(redis_url) as client:
            assert client.exists(*(decision_key(name) for name in ("old", "new", "early"))) == 1
            assert 0 < client.ttl(decision_key("new")) <= HOLD_MS // 1000 + 1
            client.flushall()
            eventually(lambda: bool(client.exists(decision_key("new"))), "Redis was not told again")
        clock.advance(HOLD_MS)
        assert words.standing() == []
    finally:
        projection.close(30)


def test_words_are_heard_once_until_the_topic_begins_anew() -> None:
    words, told = InterimWords(load_policy(), ManualClock(1_700_000_000_000)), list[Spoken]()
    words.tell(told.extend)
    said = [
        (pack_json(Control(verb=verb, subject="a1", spoken_at=1_700_000_000.0 + i, author="ann")), i)
        for i, verb in enumerate(VERBS)
    ]
    words.take(said[:2])
    words.take(said[1:2])
    assert [interim.action for interim, _ in told] == ["block", "allow"]
    words.take(said[:2])
    assert [interim.action for interim, _ in told] == ["block", "allow", "block", "allow"]
