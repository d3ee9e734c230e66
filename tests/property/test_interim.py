"""Laws of what an operator's word comes to at once: DECISIONS, having heard the same words, says the same."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream_guard.decisions.control import verdict_of
from stream_guard.decisions.interim import HOLD_MS, Interim, InterimDesk
from stream_guard.records import Control
from tests.unit.decisions.desk import START, Desk, policy

ACCOUNTS = ("a1", "a2", "a3")
SECOND = 1_000


@st.composite
def words(draw: st.DrawFn) -> dict[str, Any]:
    verb = draw(
        st.sampled_from(("chargeback", "chargeback", "revoke", "exempt", "unexempt", "label", "shadow"))
    )
    said: dict[str, Any] = {"verb": verb, "subject": draw(st.sampled_from(ACCOUNTS))}
    if verb == "label":
        said["value"] = draw(st.sampled_from(("right", "wrong")))
    elif verb == "shadow":
        said["subject"] = draw(st.sampled_from(("all", "rule:fact", "rule:member")))
        said["value"] = draw(st.sampled_from(("on", "off")))
    elif verb in ("exempt", "unexempt"):
        said["subject"] = draw(st.sampled_from((*ACCOUNTS, "org:o1", "network:192.0.2.0/24")))
    if verb in ("exempt", "shadow"):
        said["expires_in_s"] = draw(st.sampled_from((None, 3, 7_200)))
    return said


HISTORIES = st.lists(st.tuples(words(), st.sampled_from((1, 1, 2, 30, 400))), max_size=14)
History = list[tuple[dict[str, Any], int]]


def controls(history: History) -> list[Control]:
    """The words as spoken, each some seconds after the one before."""
    said, at = [], START / SECOND
    for fields, after_s in history:
        at += after_s
        ends = fields.get("expires_in_s")
        known = {name: value for name, value in fields.items() if name != "expires_in_s"}
        said.append(
            Control(**known, spoken_at=at, author="ann", expires_at=None if ends is None else at + ends)
        )
    return said


def at_once(said: list[Control], desk: InterimDesk) -> dict[str, Interim]:
    """What stands after the last word."""
    standing: dict[str, Interim] = {}
    for control in said:
        standing |= {each.account_id: each for each in desk.hear(control)}
    now = round(said[-1].spoken_at * SECOND) if said else START
    return {account: each for account, each in standing.items() if each.until > now}


@given(history=HISTORIES)
def test_what_holds_or_frees_at_once_is_what_is_decided_then(history: History) -> None:
    by = policy(limits={"blocks_per_hour": 1_000})
    said, desk, held = controls(history), Desk(by), dict[str, str]()
    for control in said:
        after_ms = round(control.spoken_at * SECOND) - desk.now
        for decision in desk.tick(verdict_of(control), after_ms=after_ms):
            held[decision.account_id] = "allow" if decision.shadow else decision.action
    for account, interim in at_once(said, InterimDesk(by)).items():
        if interim.action is not None:
            assert held.get(account, "allow") == interim.action


@given(history=HISTORIES)
def test_an_interim_is_short(history: History) -> None:
    desk = InterimDesk(policy())
    for control in controls(history):
        for each in desk.hear(control):
            assert each.at == round(control.spoken_at * SECOND)
            assert each.at < each.until <= each.at + HOLD_MS


@given(count=st.integers(0, 8), cap=st.integers(0, 5))
def test_no_more_are_blocked_at_once_than_may_be_in_an_hour(count: int, cap: int) -> None:
    desk = InterimDesk(policy(limits={"blocks_per_hour": cap}))
    blocked = [
        interim
        for i in range(count)
        for interim in desk.hear(
            Control(verb="chargeback", subject=f"b{i}", spoken_at=START / SECOND + i, author="billing")
        )
    ]
    assert len(blocked) == min(count, cap)
