"""Where only DECISIONS can know, an interim holds nobody."""

from typing import Any

import pytest

from stream_guard.decisions.interim import HOLD_MS, SWEEP_EVERY, Interim, InterimDesk
from stream_guard.decisions.policy import load_policy
from stream_guard.records import Control
from tests.unit.decisions.desk import RULES, START, policy

NOW = START / 1000


def say(verb: Any, subject: str = "a1", after_s: float = 0.0, **more: Any) -> Control:
    return Control(verb=verb, subject=subject, spoken_at=NOW + after_s, author="ann", **more)


def heard(desk: InterimDesk, *said: Control) -> list[Interim]:
    return [interim for control in said for interim in desk.hear(control)]


def test_a_chargeback_holds_at_once_as_the_shipped_policy_says() -> None:
    (interim,) = heard(InterimDesk(load_policy()), say("chargeback"))
    assert interim == Interim("a1", START, "block", None, START + HOLD_MS, interim.reference)
    assert len(interim.reference) == 24


def test_a_revocation_frees_at_once() -> None:
    desk = InterimDesk(load_policy())
    found = heard(desk, say("chargeback"), say("revoke", after_s=0.5), say("chargeback", after_s=1.0))
    assert [each.action for each in found] == ["block", "allow"], "and who is pardoned is not held again"


@pytest.mark.parametrize("subject", ["org:o1", "network:192.0.2.0/24"])
def test_who_may_be_exempt_by_organisation_or_network_waits_for_the_decision(subject: str) -> None:
    word = {"subject": subject, "author": "ann"}
    assert heard(InterimDesk(policy(exempt=[word])), say("chargeback")) == []
    desk = InterimDesk(policy())
    assert heard(desk, say("exempt", subject, expires_at=NOW + 9), say("chargeback", after_s=1)) == []
    assert heard(desk, say("chargeback", after_s=10)), "it has ended"


@pytest.mark.parametrize("wide", [say("exempt", "org:o1", 1.0), say("shadow", "all", 1.0, value="on")])
def test_a_wide_word_right_after_it_takes_the_interim_back(wide: Control) -> None:
    desk = InterimDesk(policy())
    _, over = heard(desk, say("chargeback"), wide)
    assert (over.account_id, over.action, over.at) == ("a1", None, START + 1_000)


def test_what_depends_on_the_tier_waits_for_the_decision() -> None:
    mild = {"name": "mild", "when": {"source": "operator", "tiers": ["enterprise"]}, "action": "throttle",
            "duration": "1d", "reason": "chargeback"}  # fmt: skip
    assert heard(InterimDesk(policy(rules=[mild, *RULES])), say("chargeback")) == []


@pytest.mark.parametrize("changes", [{"mode": "shadow"}, {"rules": [{**RULES[0], "shadow": True}]}])
def test_what_is_in_shadow_holds_nobody_at_once(changes: dict[str, Any]) -> None:
    assert heard(InterimDesk(policy(**changes)), say("chargeback")) == []


def test_words_that_make_no_sense_or_concern_nobody_come_to_nothing() -> None:
    desk = InterimDesk(policy())
    senseless = (say("chargeback", "org:o1"), say("label", value="maybe"), say("release", "model-1"))
    assert heard(desk, *senseless, say("label", value="right")) == []


def test_the_desk_forgets_whose_exemption_is_over() -> None:
    desk = InterimDesk(policy())
    for i in range(3_000):
        desk.hear(say("exempt", f"a{i}", i, expires_at=NOW + i + 1))
    assert len(desk._accounts) < 1_100


def test_a_clock_that_is_years_ahead_ends_no_exemption() -> None:
    """Whenever it speaks, also just as the desk forgets what is over."""
    year = 365 * 86_400.0
    desk = InterimDesk(policy())
    desk.hear(say("exempt", expires_at=NOW + year))
    for i in range(2 * SWEEP_EVERY):
        desk.hear(say("label", "a2", (i + 1) % 2 * 2 * year, value="right"))
    assert heard(desk, say("chargeback", after_s=5.0)) == []
