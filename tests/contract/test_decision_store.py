"""What every decision store promises: in memory, on Valkey, on Redis."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_guard.errors import StoreUnavailable
from stream_guard.records import Action, Decision
from stream_guard.sinks.decision_store import (
    DecisionStore,
    MemoryDecisionStore,
    RedisDecisionStore,
    Selection,
)
from stream_guard.sinks.redis_projection import RedisProjection
from tests.support.decisions import decision, message
from tests.support.redis_servers import BINARIES, Servers

Write = Callable[[list[Decision]], None]
Stores = tuple[DecisionStore, Write]


@pytest.fixture(params=["memory", *(pytest.param(name, marks=pytest.mark.redis) for name in BINARIES)])
def stores(request: pytest.FixtureRequest, redis_servers: Servers) -> Iterator[Stores]:
    """A store, and the way by which decisions get there in production."""
    memory = MemoryDecisionStore()
    if request.param == "memory":
        yield memory, lambda decisions: cast("None", memory.push(map(message, decisions)))
        return
    url = redis_servers(request.param)
    with ExitStack() as stack:
        projection = RedisProjection(url, memory.everything)
        store = RedisDecisionStore(url)
        stack.callback(store.close)
        stack.callback(projection.close)
        projection.start()

        def write(decisions: list[Decision]) -> None:
            projection.push(memory.push(map(message, decisions)))
            assert projection.flush(20)

        yield store, write


def test_an_unknown_account_has_no_decision(stores: Stores) -> None:
    store, _ = stores
    assert store.get("nobody") is None
    assert store.newest(10) == []
    assert store.tally() == {}


def test_what_was_written_is_read_back_whole(stores: Stores) -> None:
    store, write = stores
    written = decision("ä {b} \U0001f600*?[x]", "throttle", campaign_id="c1")
    write([written])
    assert store.get(written.account_id) == written


def test_the_newest_decision_of_an_account_holds(stores: Stores) -> None:
    store, write = stores
    old, new = decision(decided_at=1_700_000_000), decision(decided_at=1_700_000_001, action="allow")
    write([old])
    write([new])
    write([old])
    assert store.get("a1") == new
    assert store.newest(10) == [new]


def test_of_two_decisions_at_one_moment_the_later_written_holds(stores: Stores) -> None:
    store, write = stores
    write([decision(action="throttle"), decision(action="block")])
    assert store.tally() == {"block": 1}
    write([decision(action="challenge")])
    assert store.tally() == {"challenge": 1}


def test_newest_come_first_and_no_more_than_asked_for(stores: Stores) -> None:
    store, write = stores
    write([decision(f"a{i}", decided_at=1_700_000_000 + i) for i in range(30)])
    assert [found.account_id for found in store.newest(3)] == ["a29", "a28", "a27"]


def test_selections_by_action_campaign_and_expiry(stores: Stores) -> None:
    store, write = stores
    write(
        [
            decision("a1", "block", campaign_id="c1"),
            decision("a2", "throttle", campaign_id="c1"),
            decision("a3", "block", campaign_id="c2", expires_at=3_900_000_000),
            decision("a4", "block", expires_at=None),
        ]
    )

    def names(selection: Selection) -> set[str]:
        return {found.account_id for found in store.newest(10, selection)}

    assert names(Selection(action="block")) == {"a1", "a3", "a4"}
    assert names(Selection(campaign_id="c1")) == {"a1", "a2"}
    assert names(Selection(action="block", campaign_id="c1")) == {"a1"}
    assert names(Selection(holding_at=3_900_000_000)) == {"a1", "a2", "a4"}
    assert store.tally(Selection(action="block")) == {"block": 3}


written_decisions = st.lists(
    st.builds(
        decision,
        account_id=st.sampled_from(["a", "b", "c", "d"]),
        action=st.sampled_from(["allow", "throttle", "challenge", "block"]),
        decided_at=st.integers(1_700_000_000, 1_700_000_005).map(float),
    ),
    max_size=40,
)


@pytest.mark.redis
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # the server is emptied by hand for each example
@given(decisions=written_decisions, cut=st.integers(0, 40))
def test_memory_and_redis_agree_on_any_order_of_writes(
    redis_servers: Servers, decisions: list[Decision], cut: int
) -> None:
    redis_url = redis_servers("valkey")
    memory = MemoryDecisionStore()
    numbered = memory.push(map(message, decisions))
    projection, store = RedisProjection(redis_url, memory.everything), RedisDecisionStore(redis_url)
    try:
        projection.start()
        projection.push(numbered[cut:])
        projection.push(numbered[:cut])
        assert projection.flush(20)
        assert store.newest(100) == memory.newest(100)
        expected: dict[Action, int] = dict(memory.tally())
        assert store.tally() == expected
    finally:
        projection.close()
        store.close()


def test_a_store_that_does_not_answer_says_where_it_is_without_its_password() -> None:
    store = RedisDecisionStore("redis://someone:hunter2@127.0.0.1:1/0")
    with pytest.raises(StoreUnavailable, match=r"redis://\*\*\*@127\.0\.0\.1:1/0 does not answer") as caught:
        store.get("a1")
    assert "hunter2" not in str(caught.value)
