"""The same log gives the same bytes: however it is cut, interleaved, and however often lanes die."""

import random
from functools import cache

from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream_guard.runtime.lane import HEARTBEAT
from stream_guard.runtime.local import LocalRecord
from stream_guard.topology import Topology
from tests.support.durable import DurableRun
from tests.support.runs import Outcome, Place, assert_same, logs_of, run_local
from tests.support.toy import build_toy
from tests.support.traffic import Traffic, events

TRAFFIC = Traffic(
    number=1_200, accounts=60, partitions=2, span=40_000, straggler_ratio=0.01, sharers_percent=40
)
END = TRAFFIC.start + TRAFFIC.span + 60_000
REQUESTS: list[Place] = [("requests", 0), ("requests", 1)]


def toy() -> Topology:
    return build_toy(partitions=2)


@cache
def logs() -> dict[Place, list[LocalRecord]]:
    """Requests with bad ones among them, an operator's word, and the end of time on every log."""
    made = logs_of(events(TRAFFIC))
    for place in REQUESTS:
        log = made[place]
        log[100] = log[100]._replace(value=b'{"account":')
        log[200] = log[200]._replace(value=b'{"account":"a","at":1,"value":13000000,"indicators":[]}')
        log[300] = LocalRecord(300, log[300].timestamp, HEARTBEAT, b"%d" % (log[300].timestamp - 500))
    word = b'{"account":"acct-000001","at":%d}' % (TRAFFIC.start + 20_000)
    made["control", 0] = [LocalRecord(0, TRAFFIC.start + 20_000, b"acct-000001", word)]
    for log in made.values():
        log.append(LocalRecord(len(log), END, HEARTBEAT, b"%d" % END))
    return made


@cache
def expected() -> Outcome:
    return run_local(toy(), logs(), is_finished=False)


def test_the_reference_run_decides_and_buries_something() -> None:
    sinks = expected().sinks
    assert sum(len(messages) for (stream, _), messages in sinks.items() if stream == "decisions") > 50
    assert len(sinks["dead_letters", 0]) == 4
    assert len(expected().rows["accounts/0"]) > 10


pieces = st.tuples(st.sampled_from([*REQUESTS, ("control", 0)]), st.integers(1, 700))


@settings(max_examples=30, deadline=None)
@given(st.lists(pieces, max_size=12), st.integers(1, 900))
def test_interleaving_and_chunk_size_do_not_show(cuts: list[tuple[Place, int]], chunk: int) -> None:
    assert_same(run_local(toy(), logs(), cuts, chunk, is_finished=False), expected())


@settings(max_examples=40, deadline=None)
@example(4319499, 400, 0.3)  # ended with lanes that had done all and flushed nothing
@given(st.integers(0, 2**32), st.sampled_from([5, 50, 400]), st.sampled_from([0.01, 0.1, 0.3]))
def test_deaths_at_any_moment_do_not_show(seed: int, most: int, death_ratio: float) -> None:
    run, chance = DurableRun(toy(), logs()), random.Random(seed)
    assert len(run.places) == 8
    for _ in range(400):
        place, lot = chance.choice(run.places), chance.random()
        if lot < death_ratio:
            run.die(place)
        elif lot < 0.5:
            run.flush(place)
        else:
            run.feed(place, chance.randint(1, most))
    run.settle()
    assert_same(run.outcome(), expected())
