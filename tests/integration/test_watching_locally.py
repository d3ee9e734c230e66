"""The local runtime under the eyes of telemetry, with what leaves it going to a store and to Redis."""

import pytest
from prometheus_client import CollectorRegistry

from stream_guard.bootstrap import build_decoder, build_topology
from stream_guard.clock import SystemClock
from stream_guard.records import Control, RequestEvent, pack_json
from stream_guard.runtime.local import LocalRuntime
from stream_guard.runtime.outlet import Messages
from stream_guard.settings import Settings
from stream_guard.sinks.dead_letters import DeadLetterTally
from stream_guard.sinks.decision_store import MemoryDecisionStore, RedisDecisionStore
from stream_guard.sinks.redis_projection import RedisProjection
from stream_guard.telemetry.observing import Telemetry

START = SystemClock().now_ms() / 1000 - 600  # Redis keeps by the clock; nothing below depends on it


def value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    """What a scrape shows of one series; 0 if it is not there."""
    return registry.get_sample_value(f"stream_guard_{name}", labels) or 0.0


@pytest.mark.redis
def test_what_the_runtime_does_is_shown_and_what_it_decides_is_in_redis(redis_url: str) -> None:
    decoder = build_decoder(Settings())
    topology = build_topology(Settings(), decoder=decoder)
    telemetry, memory, letters = Telemetry(), MemoryDecisionStore(), DeadLetterTally()
    projection, store = RedisProjection(redis_url, memory.everything), RedisDecisionStore(redis_url)

    def sink(stream: str, partition: int, messages: Messages) -> None:
        telemetry.saw(stream, messages)
        if stream == "decisions":
            projection.push(memory.push(messages))
        elif stream == "dead_letters":
            letters.push(messages)

    runtime = LocalRuntime(topology, sink)
    telemetry.watch_decoder(decoder)
    telemetry.watch_projection(projection)
    telemetry.owned([status.lane for status in runtime.statuses()])
    projection.start()
    requests = topology.stream("requests")
    for i in range(50):
        account = f"a{i % 5}"
        event = RequestEvent(
            event_id=f"e{i}", account_id=account, occurred_at=START + i, model="m", status=200
        )
        runtime.append("requests", requests.partition(account), [(account.encode(), pack_json(event))])
    runtime.append("requests", 0, [(None, b"{"), (None, b"[]")])
    stolen = Control(verb="chargeback", subject="a0", spoken_at=START + 50, author="billing")
    runtime.append("control", 0, [(b"a0", pack_json(stolen))])
    runtime.finish()
    telemetry.measured(runtime.statuses())

    try:
        assert projection.flush(30)
        shown = telemetry.registry
        assert value(shown, "stream_events_total", stage="accounts") == 50
        assert value(shown, "stream_events_total", stage="control") == 1
        assert value(shown, "wire_decoded_total", format="native") == 50
        assert value(shown, "stream_dead_letters_total", stage="accounts", reason="not_json") == 1
        assert value(shown, "stream_dead_letters_total", stage="accounts", reason="not_object") == 1
        assert letters.counts == {("requests", "not_json"): 1, ("requests", "not_object"): 1}
        assert value(shown, "stream_owned_lanes", stage="campaigns") == 1
        assert value(shown, "stream_kept_rows", stage="accounts") > 5
        for stage in ("accounts", "control", "groups", "campaigns", "decisions"):
            assert value(shown, "stream_watermark_timestamp_seconds", stage=stage) > START
        decided = sum(memory.tally().values())
        assert decided > 0, "a chargeback is a hard fact: it must lead to a decision"
        assert value(shown, "projection_pending_accounts") == 0
        assert store.tally() == memory.tally()
    finally:
        projection.close()
        store.close()
