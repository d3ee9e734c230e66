"""What GROUPS costs: process time, best of several.

- ``hello_us``, ``profile_us``: filing one, rows and packing (`LaneRows.take`) included, into groups of eight.
- ``reference_us``: one profile that teaches.
- ``judge_<n>_us``: one group of n strangers through all tests.
- ``tick_100k``: a boundary over 100,000 groups of three, all due: seconds in all, and us a group.
- ``quiet_tick_us``: a boundary over the same 100,000 groups of which none is due.
"""

from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np

from stream_guard.groups.evidence.cohort import Cohort, witness
from stream_guard.groups.judgement import judge
from stream_guard.groups.membership import information
from stream_guard.groups.reference import Reference, learn
from stream_guard.groups.rows import STATE, GroupRow, MemberRow, Row, StateRow, member_key
from stream_guard.groups.stage import Groups
from stream_guard.records import Profile
from stream_guard.runtime.rows import LaneRows
from stream_guard.settings import Settings, StreamSettings
from tests.unit.groups.crowds import profile_at, stranger
from tests.unit.groups.stream import Recorder

ROUNDS = 3
GROUPS = 2_000
MEMBERS = 8
DUE_GROUPS = 100_000
SETTINGS = Settings(stream=StreamSettings(partitions=1))


def _strangers(count: int) -> list[Profile]:
    """Full profiles of 16 requests."""
    rng = np.random.default_rng(1)
    found: list[Profile] = []
    while len(found) < count:
        account = stranger(rng, f"s-{len(found):05d}")
        if len(account.times) >= 16:
            found.append(profile_at(rng, account, 16))
    return found


def _best(work: Callable[[], int]) -> float:
    """The best us per unit of ``work``, which says how many units it did."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = process_time()
        done = work()
        best = min(best, (process_time() - start) / done * 1e6)
    return best


def _file(records: list[tuple[str, Profile]], prepare: list[tuple[str, Profile]]) -> float:
    def work() -> tuple[int, float]:
        stage, rows, out = Groups(SETTINGS), LaneRows(Row, 1_000_000), Recorder()
        for key, record in prepare:
            stage.process(rows, key, record, out)
        rows.take()
        start = process_time()
        for key, record in records:
            stage.process(rows, key, record, out)
        rows.take()
        return len(records), process_time() - start

    return min(spent / done * 1e6 for done, spent in (work() for _ in range(ROUNDS)))


def _filing(found: list[Profile]) -> dict[str, float]:
    hellos, profiles = [], []
    for member in range(MEMBERS):
        for group in range(GROUPS):
            profile = found[(group + member) % len(found)]
            key = f"payment:{group}"
            hellos.append((key, Profile(profile.account_id, 1, profile.unit)))
            profiles.append((key, profile))
    return {"hello_us": _file(hellos, []), "profile_us": _file(profiles, hellos)}


def _taught(found: list[Profile]) -> LaneRows:
    rows, out = LaneRows(Row, 1_000), Recorder()
    for profile in found:
        learn(rows, profile, out)
    return rows


def _judging(found: list[Profile], rows: LaneRows) -> dict[str, float]:
    view, costs = Reference(rows), {}
    for size in (5, 30, 256):
        members, times = found[:size], 3_000 // size

        def work(members: list[Profile] = members, times: int = times) -> int:
            for _ in range(times):
                cohort = Cohort([witness(profile, view) for profile in members], view)
                judge(cohort, frozenset({"card"}))
            return times

        costs[f"judge_{size}_us"] = _best(work)
    return costs


def _ticks(found: list[Profile], rows: LaneRows) -> dict[str, float]:
    stage, out = Groups(SETTINGS), Recorder()
    rows.put(STATE, StateRow(accounts=10 * DUE_GROUPS))
    for group in range(DUE_GROUPS):
        key = f"payment:{group}"
        members = [found[(group + i) % len(found)] for i in range(3)]
        info = sum(information(profile.requests) for profile in members)
        rows.put(key, GroupRow({p.account_id: p.requests for p in members}, 0, profiled=3, info=info))
        for profile in members:
            rows.put(member_key(key, profile.account_id), MemberRow(profile))
    rows.take()
    stage._touched = {f"payment:{group}" for group in range(DUE_GROUPS)}
    start = process_time()
    stage.tick(rows, 60_000, out)
    all_due = process_time() - start
    start = process_time()
    for now in range(1, 101):
        stage.tick(rows, 60_000 + now * 60_000, out)
    quiet = (process_time() - start) / 100
    return {
        "tick_100k_due_s": all_due,
        "tick_100k_due_us_per_group": all_due / DUE_GROUPS * 1e6,
        "quiet_tick_us": quiet * 1e6,
    }


def run() -> dict[str, Any]:
    """All figures."""
    found = _strangers(600)

    def teach() -> int:
        _taught(found)
        return len(found)

    rows = _taught(found)
    figures = {**_filing(found), "reference_us": _best(teach), **_judging(found, rows)}
    figures.update(_ticks(found, LaneRows(Row, 1_000_000)))
    return {name: round(value, 2) for name, value in figures.items()}
