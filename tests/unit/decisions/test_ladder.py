"""The strongest of what stands holds; raising is immediate, lowering is reluctant, expiry is exact."""

from stream_guard.clock import to_seconds
from tests.unit.decisions.desk import DAY, HOUR, MINUTE, START, Desk, policy, verdict


def test_a_convicted_member_is_blocked_at_the_tick() -> None:
    desk = Desk()
    (decision,) = desk.tick(verdict())
    assert (decision.action, decision.campaign_id, decision.limit_per_min) == ("block", "c1", None)
    assert decision.reason_codes == ("campaign_member", "shared_payment")
    assert decision.decided_at == to_seconds(desk.now)
    assert decision.trigger == "campaign:member"
    assert [line.name for line in decision.evidence] == ["campaign_evidence"]


def test_a_verdict_said_again_is_no_news() -> None:
    desk = Desk()
    desk.tick(verdict())
    assert desk.tick(verdict()) == []
    assert desk.tick(verdict(), after_ms=HOUR) == []


def test_an_expiry_that_moves_out_by_more_than_a_tenth_is_news() -> None:
    desk = Desk()
    (first,) = desk.tick(verdict())
    assert desk.tick(verdict(), after_ms=7 * DAY // 10 - MINUTE) == []
    (second,) = desk.tick(verdict(), after_ms=2 * MINUTE)
    assert first.expires_at is not None
    assert second.expires_at is not None
    assert second.action == first.action
    assert second.expires_at - first.expires_at > (first.expires_at - first.decided_at) / 10


def test_a_block_expires_exactly_at_its_expiry() -> None:
    desk = Desk()
    (block,) = desk.tick(verdict(), after_ms=17_000)
    assert block.expires_at is not None
    assert block.expires_at % 60 == 0
    until_then = round(block.expires_at * 1000) - desk.now
    assert desk.wait(until_then - 1) == []
    (allow,) = desk.wait(1)
    assert (allow.action, allow.decided_at, allow.reason_codes) == ("allow", block.expires_at, ("expired",))
    assert allow.expires_at is None


def test_what_is_renewed_quietly_is_announced_at_the_old_expiry() -> None:
    desk = Desk()
    (first,) = desk.tick(verdict())
    assert desk.tick(verdict(), after_ms=HOUR) == []
    news = desk.wait(8 * DAY)
    assert [(each.action, each.decided_at) for each in news[:1]] == [("block", first.expires_at)]
    assert [each.action for each in news] == ["block", "allow"]


def test_at_expiry_an_account_falls_to_what_still_holds() -> None:
    desk = Desk(policy(hysteresis={"min_hold": "1s"}))
    desk.tick(verdict(score=0.2))
    desk.tick(verdict(source="account", kind="own_burst"), after_ms=DAY - HOUR // 2)
    (fallen,) = desk.wait(HOUR // 2 + MINUTE)
    assert (fallen.action, fallen.limit_per_min) == ("throttle", 30)


def test_withdrawal_waits_for_the_minimum_hold() -> None:
    desk = Desk()
    (block,) = desk.tick(verdict())
    assert desk.tick(verdict(kind="", trigger="gone")) == []
    (allow,) = desk.wait(15 * MINUTE + MINUTE)
    assert (allow.action, allow.reason_codes) == ("allow", ("withdrawn",))
    assert allow.decided_at >= block.decided_at + 15 * 60


def test_raising_does_not_wait() -> None:
    desk = Desk()
    assert [d.action for d in desk.tick(verdict(source="account", kind="own_burst"))] == ["throttle"]
    assert [d.action for d in desk.tick(verdict())] == ["block"]


def test_a_campaign_withdraws_only_its_own_word() -> None:
    desk = Desk(policy(hysteresis={"min_hold": "1s"}))
    desk.tick(verdict(campaign_id="c1"))
    (moved,) = desk.tick(verdict(campaign_id="c2"))
    assert moved.campaign_id == "c2"
    assert desk.tick(verdict(kind="", campaign_id="c1"), after_ms=HOUR) == []
    assert [d.action for d in desk.tick(verdict(kind="", campaign_id="c2"), after_ms=HOUR)] == ["allow"]


def test_a_score_on_the_line_does_not_flap() -> None:
    desk = Desk(policy(hysteresis={"min_hold": "1s", "margin_ratio": 0.1}))
    desk.tick(verdict(score=0.5))
    assert desk.tick(verdict(score=0.46), after_ms=MINUTE) == []
    assert [d.action for d in desk.tick(verdict(score=0.44), after_ms=MINUTE)] == ["challenge"]
    assert desk.tick(verdict(score=0.46), after_ms=MINUTE) == []


def test_cold_evidence_earns_at_most_a_throttle() -> None:
    desk = Desk()
    (decision,) = desk.tick(verdict(is_cold=True))
    assert (decision.action, decision.limit_per_min) == ("throttle", 6)
    assert "cold_start" in decision.reason_codes
    assert [d.action for d in desk.tick(verdict())] == ["block"]


def test_one_account_alone_earns_at_most_a_throttle() -> None:
    assert [d.action for d in Desk().tick(verdict(source="account", kind="overreach"))] == ["throttle"]
    bold = policy(limits={"alone_at_most": "block"})
    assert [d.action for d in Desk(bold).tick(verdict(source="account", kind="overreach"))] == ["block"]


def test_who_comes_back_stays_longer_and_then_higher() -> None:
    desk = Desk(policy(escalation={"raise_after": 2, "factor": 2.0}))
    terms, actions = [], []
    for _ in range(3):
        (decision,) = desk.tick(verdict(score=0.2))
        assert decision.expires_at is not None
        terms.append(round((decision.expires_at - decision.decided_at) / 3600))
        actions.append(decision.action)
        desk.wait(5 * DAY)
    assert terms == [24, 48, 96]
    assert actions == ["challenge", "challenge", "block"]
    assert desk.counts["returned"] == 2


def test_returns_are_forgotten_after_the_memory() -> None:
    desk = Desk(policy(escalation={"memory": "2d"}))
    desk.tick(verdict())
    desk.wait(12 * DAY)
    (decision,) = desk.tick(verdict())
    assert "returned" not in decision.reason_codes


def test_nothing_is_kept_of_an_account_when_all_is_over() -> None:
    desk = Desk(policy(escalation={"memory": "2d"}))
    desk.tick(verdict(), verdict("a2", source="account", kind="own_burst"))
    desk.wait(12 * DAY)
    assert [key for key in desk.rows.packed if not key.startswith("budget")] == []


def test_a_shadow_rule_never_hides_an_enforced_one() -> None:
    rules = [
        {"name": "a", "when": {"source": "campaign"}, "action": "block", "duration": "1d",
         "reason": "campaign_member", "shadow": True},
        {"name": "b", "when": {"source": "account"}, "action": "throttle", "duration": "1d",
         "reason": "own_burst"},
    ]  # fmt: skip
    desk = Desk(policy(rules=rules))
    (shadow,) = desk.tick(verdict())
    assert (shadow.action, shadow.shadow) == ("block", True)
    (enforced,) = desk.tick(verdict(source="account", kind="own_burst"))
    assert (enforced.action, enforced.shadow) == ("throttle", False)
    assert set(enforced.reason_codes) >= {"own_burst", "shared_payment"}


def test_in_shadow_mode_everything_is_decided_and_nothing_enforced() -> None:
    desk, real = Desk(policy(mode="shadow")), Desk()
    for each in (desk, real):
        each.tick(verdict())
        each.wait(8 * DAY)
    assert all(decision.shadow for decision in desk.decisions)
    assert [d.action for d in desk.decisions] == [d.action for d in real.decisions]
    assert desk.counts["shadowed"] == len(desk.decisions)


def test_a_verdict_that_no_rule_speaks_for_is_counted() -> None:
    desk = Desk()
    assert desk.tick(verdict(source="account", kind="unheard_of")) == []
    assert desk.counts["unmatched"] == 1


def test_an_unknown_source_is_counted_and_left_alone() -> None:
    desk = Desk()
    assert desk.tick(verdict(source="rumour")) == []
    assert desk.counts["unknown_source"] == 1


def test_a_restart_changes_nothing() -> None:
    tame, bumpy = Desk(), Desk()
    for desk in (tame, bumpy):
        desk.tick(verdict(), verdict("a2", source="account", kind="own_burst"))
        if desk is bumpy:
            desk.restart()
        desk.wait(2 * HOUR)
        if desk is bumpy:
            desk.restart()
        desk.wait(8 * DAY)
    assert tame.decisions == bumpy.decisions
    assert tame.rows.packed == bumpy.rows.packed


def test_event_time_starts_where_the_log_starts() -> None:
    assert Desk().tick(verdict())[0].decided_at == to_seconds(START + 1000)
