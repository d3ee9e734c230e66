"""Rows that end, on a real Kafka: tombstones in the changelogs, and a worker killed between them."""

from pathlib import Path

import pytest

from stream_guard.embedded.kafka import EmbeddedKafka
from tests.support.churn import ACCOUNTS, PER_DAY, REGULAR, churning
from tests.support.cluster import running
from tests.support.line import Line
from tests.support.runs import assert_same

pytestmark = pytest.mark.kafka

WEEK = 7


def test_what_is_forgotten_and_a_sigkill_leave_the_local_runtimes_bytes(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    line = Line(kafka, tmp_path, "churn", churning())
    half = len(line.feed.events) // 2
    line.write(line.feed.events[:half])
    with running(tmp_path, line.config(), "first") as cluster:
        cluster.wait_for(lambda: forgotten(cluster.lanes(), "accounts"), "first accounts forgotten")
        cluster.kill("first")
        line.write(line.feed.events[half:])
        cluster.spawn("second")
        cluster.wait_until_drained(line.final_watermark)
        lanes = cluster.lanes()
        assert cluster.stop() == [0]
    assert forgotten(lanes, "accounts")
    assert forgotten(lanes, "groups")
    found, wanted = line.outcomes()
    assert_same(found, wanted)
    accounts = [key for lane, rows in found.rows.items() if lane.startswith("accounts") for key in rows]
    groups = [
        key
        for lane, rows in found.rows.items()
        for key in rows
        if lane.startswith("groups/") and key[0] != "\x02" and "\x1f" not in key
    ]
    assert "a:" + REGULAR in accounts
    assert 0 < len(accounts) < ACCOUNTS * (1 + WEEK + 2)  # of 25 times ACCOUNTS
    # A group whose silent members leave it ends a sweep, that is up to a week, later:
    assert 0 < len(groups) < PER_DAY * (1 + 2 * WEEK + 2) + 2  # of 25 times PER_DAY


def forgotten(lanes: dict[str, list[dict[str, int]]], step: str) -> int:
    return sum(
        state[4].get("rows_forgotten", 0) for lane, state in lanes.items() if lane.startswith(step + "/")
    )
