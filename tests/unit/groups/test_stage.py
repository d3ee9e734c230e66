"""Laws of the stage: nothing is forgotten, nothing counts twice, findings come and go."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from stream_guard.clock import DAY_MS, HOUR_MS
from stream_guard.groups.rows import STATE, StateRow, lit_key
from stream_guard.groups.stage import Groups
from stream_guard.records import Conduct, Finding, Profile
from stream_guard.settings import GroupsSettings, Settings, StreamSettings
from tests.unit.groups.crowds import START, campaign, records, stranger
from tests.unit.groups.stream import Driver

SETTINGS = Settings(stream=StreamSettings(partitions=1))
Items = list[tuple[int, str, Profile]]


def traffic(seed: int, strangers: int = 250, size: int = 60) -> Items:
    rng = np.random.default_rng(seed)
    accounts = [stranger(rng, f"s-{i:03d}", 4.0) for i in range(strangers)]
    return list(records(rng, [*accounts, *campaign(rng, size, 4.0)]))


def findings(emitted: Iterable[tuple[int, str, str, Any]]) -> list[Finding]:
    return [record for _, stream, _, record in emitted if stream == "findings"]


@pytest.fixture(scope="module")
def driven() -> Driver:
    driver = Driver(Groups(SETTINGS))
    driver.run(traffic(1))
    return driver


def test_the_campaigns_groups_cross_their_line_and_strangers_raise_none(driven: Driver) -> None:
    found = findings(driven.out.emitted)
    crossed = {finding.indicator for finding in found if finding.log_e >= finding.line and finding.evidence}
    assert {"client:farm-x", "shape:farm-x"} & crossed
    assert all("-x" in indicator for indicator in crossed)


def test_a_finding_names_its_evidence_and_bounded_members_once_each(driven: Driver) -> None:
    versions: dict[tuple[str, str], int] = {}
    for finding in findings(driven.out.emitted):
        assert len(finding.members) <= SETTINGS.groups.max_members
        assert finding.units <= finding.size
        assert 0 <= finding.share <= 1
        for member in finding.members:
            assert abs(member.fit) <= 8.0
            key = (finding.indicator, member.account_id)
            assert member.profile.requests > versions.get(key, -1)  # only new or changed members
            versions[key] = member.profile.requests
        for evidence in finding.evidence:
            assert evidence.weight > 0
            assert (evidence.cause, evidence.family) != ("", "")


def test_members_of_a_farm_fit_and_learn_nothing_into_the_reference(driven: Driver) -> None:
    last: dict[str, float] = {}
    for finding in findings(driven.out.emitted):
        last.update({member.account_id: member.fit for member in finding.members if member.profile.conduct})
    bad = [fit for name, fit in last.items() if name.startswith("bad")]
    assert len(bad) > 50
    assert np.mean(np.array(bad) > 0.5) > 0.9
    assert driven.out.counts["reference_refused"] > 0
    assert any(driven.rows.get(lit_key(f"bad-x-{i:04d}")) for i in range(60))


def test_the_same_log_gives_the_same_findings_whatever_stays_decoded() -> None:
    items = traffic(2, 120, 40)
    outputs = [Driver(Groups(SETTINGS), hot_max=hot).run(items).emitted for hot in (1, 7, 100_000)]
    assert outputs[0] == outputs[1] == outputs[2]
    assert findings(outputs[0])


def test_a_restart_between_ticks_forgets_no_group_that_waits() -> None:
    items = traffic(3, 120, 40)
    whole = Driver(Groups(SETTINGS), tick_ms=1_000)
    whole.run(items)
    broken = Driver(Groups(SETTINGS), tick_ms=1_000)
    now = None
    for at, key, record in items:
        tick = -(-at // 1_000) * 1_000
        if now is not None and tick != now:
            broken.close(now)
            broken.stage = Groups(SETTINGS)  # all scratch is gone
        now = broken.out.at = tick
        broken.stage.process(broken.rows, key, record, broken.out)
    assert now is not None
    broken.close(now)
    broken.close(now + 600_000)
    assert broken.out.emitted == whole.out.emitted


def test_judging_waits_for_the_boundary() -> None:
    items = traffic(4, 120, 40)
    settings = Settings(stream=StreamSettings(partitions=1), groups=GroupsSettings(judge_every_s=600.0))
    driver = Driver(Groups(settings), tick_ms=1_000)
    driver.run(items)
    times = sorted({at // 600_000 for at, _, _, _ in driver.out.emitted})
    counted = len({at for at, _, _, _ in driver.out.emitted})
    assert counted == len(times)  # at most one judging in ten minutes
    state = driver.rows.get(STATE)
    assert isinstance(state, StateRow)
    assert state.pending == []
    assert not [key for key in driver.rows.packed if key.startswith("\x02pending/")]


def test_resent_profiles_change_no_finding() -> None:
    items = traffic(5, 120, 40)
    twice = [
        item for each in items for item in ((each, each) if not each[1].startswith("reference") else (each,))
    ]
    assert Driver(Groups(SETTINGS)).run(twice).emitted == Driver(Groups(SETTINGS)).run(items).emitted


def test_the_order_within_a_tick_does_not_show_in_groups() -> None:
    """The reference learns in the lane's order, which is sorted; groups do not care."""
    items, tick_ms, rng = traffic(1, 100, 60), 3_600_000, np.random.default_rng(1)
    taught = [item for item in items if item[1].startswith("reference")]
    shown = [item for item in items if not item[1].startswith("reference")]
    mixed = [shown[i] for i in rng.permutation(len(shown))]
    orders = [
        sorted(part, key=lambda item: -(-item[0] // tick_ms)) for part in (taught + shown, taught + mixed)
    ]
    straight, shuffled = (Driver(Groups(SETTINGS), tick_ms).run(order).emitted for order in orders)
    assert findings(straight)
    assert straight == shuffled


def test_a_group_of_one_keeps_no_profile() -> None:
    driver = Driver(Groups(SETTINGS))
    conduct = Conduct(START, START + DAY_MS, answered=16)
    driver.run([(START + i, "payment:own", Profile("a", n, "a", conduct)) for i, n in enumerate((4, 8, 16))])
    assert [key for key in driver.rows.packed if key.startswith("payment:own")] == ["payment:own"]


def test_the_last_member_that_silent_ones_leave_behind_is_heard_on() -> None:
    """Its profile is kept already: were it passed over as a group of one's, it would look silent itself."""
    stage, after = Groups(SETTINGS), 90 * DAY_MS
    driver = Driver(stage)

    def seen(name: str, requests: int, at: int) -> tuple[int, str, Profile]:
        return at, "payment:two", Profile(name, requests, name, Conduct(START, at, answered=requests))

    driver.run([seen("a", 16, START + 1), seen("b", 16, START + 2), seen("a", 32, START + 2 * after)])
    stage.forget(driver.rows, "payment:two", driver.rows.get("payment:two"))  # type: ignore[arg-type]
    driver.rows.take()
    assert driver.rows.get("payment:two").members == {"a": 32}  # type: ignore[union-attr]
    driver.run([seen("a", 64, START + 4 * after)])
    assert driver.rows.get("payment:two").members == {"a": 64}  # type: ignore[union-attr]
    stage.forget(driver.rows, "payment:two", driver.rows.get("payment:two"))  # type: ignore[arg-type]
    assert driver.rows.get("payment:two").members == {"a": 64}  # type: ignore[union-attr]


def test_whoever_joins_a_group_of_one_in_the_same_tick_finds_its_profile() -> None:
    driver = Driver(Groups(SETTINGS))
    conduct = Conduct(START, START + DAY_MS, answered=16)
    hello = Profile("b", 1, "b")
    driver.run(
        [(START + 1, "payment:two", Profile("a", 16, "a", conduct)), (START + 2, "payment:two", hello)]
    )
    assert driver.rows.get("payment:two").members == {"a": 16, "b": 0}  # type: ignore[union-attr]


def test_evidence_that_falls_back_is_withdrawn_with_its_members() -> None:
    rng = np.random.default_rng(7)
    items = traffic(7, 150, 40)
    driver = Driver(Groups(SETTINGS))
    driver.run(items)
    lit = {finding.indicator for finding in findings(driver.out.emitted) if finding.evidence}
    assert "client:farm-x" in lit
    # The farm's client becomes everybody's: honest accounts in numbers, as when a tool becomes popular.
    start = items[-1][0] + HOUR_MS
    late = [stranger(rng, f"late-{i:04d}", 3.0) for i in range(500)]
    for account in late:
        account.times = [at + start - START for at in account.times]
        account.indicators = (*account.indicators, "client:farm-x")
    driver.run(list(records(rng, late)))
    withdrawn = [f for f in findings(driver.out.emitted) if f.indicator == "client:farm-x" and not f.evidence]
    assert withdrawn
    assert withdrawn[-1].members == ()


def test_a_partition_counts_its_candidates(driven: Driver) -> None:
    state = driven.rows.get(STATE)
    assert isinstance(state, StateRow)
    assert state.accounts > 200
    assert state.candidates == sum(
        getattr(driven.rows.get(key), "is_candidate", False) for key in list(driven.rows.packed)
    )
    assert state.candidates >= 10


def test_odd_records_pass() -> None:
    driver = Driver(Groups(SETTINGS))
    nan = float("nan")
    conduct = Conduct(0, -5, created_at=-7, hours=(1,), log_gap_var=nan, hidden_ratio=nan, networks=-3)
    items = [
        (START + i, key, Profile(f"odd-{i % 5}", requests, "", conduct, sketch=b"x", sketched=9, score=nan))
        for i, (key, requests) in enumerate(
            (key, n)
            for key in ("payment:x", "reference:1", "", "nonsense", ":")
            for n in (0, 1, 4, 8, 64, 1 << 40)
        )
    ]
    out = driver.run(items)
    assert all(np.isfinite(finding.log_e) for finding in findings(out.emitted))
