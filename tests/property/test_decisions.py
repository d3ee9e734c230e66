"""Laws of DECISIONS over any history of verdicts and words, from whatever sources, in whatever order."""

from collections import defaultdict
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream_guard.records import Decision, Verdict
from tests.unit.decisions.desk import DAY, HOUR, MINUTE, START, Desk, policy, verdict, word

ACCOUNTS = ("a1", "a2", "a3", "a4")
CAP = 2


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    account = draw(st.sampled_from(ACCOUNTS))
    source = draw(st.sampled_from(("account", "campaign")))
    kinds = ("", "own_burst", "overreach") if source == "account" else ("", "member")
    more: dict[str, Any] = {
        "score": draw(st.sampled_from((0.1, 0.47, 0.5, 0.9))),
        "is_cold": draw(st.booleans()),
        "org_id": draw(st.sampled_from(("", "o1"))) if account == "a3" else "",
    }
    if source == "campaign":
        more["campaign_id"] = draw(st.sampled_from(("c1", "c2")))
    return verdict(account, source, draw(st.sampled_from(kinds)), **more)


@st.composite
def words(draw: st.DrawFn) -> Verdict:
    verb = draw(st.sampled_from(("exempt", "unexempt", "revoke", "chargeback", "shadow")))
    spoken_at = START / 1000 + draw(st.integers(0, 10))
    ends = draw(st.sampled_from((None, START / 1000 + 7_200)))
    if verb == "shadow":
        subject, value = draw(st.sampled_from(("all", "rule:member"))), draw(st.sampled_from(("on", "off")))
        return word(verb, subject, spoken_at, expires_at=ends, value=value)
    subject = draw(st.sampled_from((*ACCOUNTS, "org:o1") if "exempt" in verb else ACCOUNTS))
    return word(verb, subject, spoken_at, expires_at=ends)


TICKS = st.lists(
    st.tuples(
        st.sampled_from((1_000, 20_000, MINUTE, HOUR // 2, HOUR, 7 * HOUR)),
        st.lists(verdicts(), max_size=5, unique_by=lambda v: (v.account_id, v.source)),
        st.lists(words(), max_size=2, unique_by=lambda v: (v.account_id, v.kind)),
    ),
    max_size=12,
)
History = list[tuple[int, list[Verdict], list[Verdict]]]


def run(history: History, **changes: Any) -> Desk:
    desk = Desk(policy(**{"limits": {"blocks_per_hour": CAP}, **changes}))
    for after_ms, said, ordered in history:
        desk.tick(*said, *ordered, after_ms=after_ms)
    return desk


@given(TICKS, st.randoms(use_true_random=False))
def test_any_order_within_a_tick_gives_the_same_decisions(history: History, random: Any) -> None:
    mixed = Desk(policy(limits={"blocks_per_hour": CAP}))
    for after_ms, said, ordered in history:
        together = [*said, *ordered]
        random.shuffle(together)
        mixed.tick(*together, after_ms=after_ms)
    assert [_without_trigger(d) for d in mixed.decisions] == [
        _without_trigger(d) for d in run(history).decisions
    ]


def _without_trigger(decision: Decision) -> tuple[Any, ...]:
    """Which of two words of one tick is named as the trigger depends on the lane's order alone."""
    return (decision.account_id, decision.action, decision.limit_per_min, decision.reason_codes,
            decision.campaign_id, decision.evidence, decision.decided_at, decision.expires_at,
            decision.shadow)  # fmt: skip


@given(TICKS)
def test_a_decision_never_outlives_its_expiry(history: History) -> None:
    desk = run(history)
    end = desk.now / 1000
    for decisions in _by_account(desk).values():
        ends = [*(d.decided_at for d in decisions[1:]), end]
        for decision, next_at in zip(decisions, ends, strict=True):
            assert decision.expires_at is None or next_at <= decision.expires_at


@given(TICKS)
def test_the_cap_is_never_exceeded(history: History) -> None:
    desk = run(history)
    begun = []
    for decisions in _by_account(desk).values():
        for old, new in pairwise([None, *decisions]):
            was = old is not None and old.action == "block" and not old.shadow
            if new is not None and new.action == "block" and not new.shadow and not was:
                begun.append(new.decided_at)
    begun.sort()
    assert all(third - first >= 3600 for first, third in zip(begun, begun[CAP:], strict=False))


@given(TICKS)
def test_exempt_accounts_are_never_acted_upon(history: History) -> None:
    desk = Desk(policy(limits={"blocks_per_hour": CAP}, exempt=[{"subject": "a1", "author": "ann"}]))
    desk.tick(word("exempt", "a2", spoken_at=START / 1000 + 100))
    for after_ms, said, ordered in history:
        desk.tick(*said, *ordered, after_ms=after_ms)
    assert {d.account_id for d in desk.decisions}.isdisjoint({"a1", "a2"})


@given(TICKS, st.lists(verdicts(), max_size=6, unique_by=lambda v: (v.account_id, v.source)))
def test_saying_the_same_again_is_no_news(history: History, last: list[Verdict]) -> None:
    desk = run(history)
    desk.tick(*last)
    assert desk.tick(*last) == []


@given(TICKS)
def test_every_decision_differs_from_the_one_before(history: History) -> None:
    for decisions in _by_account(run(history)).values():
        assert len({d.decision_id for d in decisions}) == len(decisions)
        for old, new in pairwise(decisions):
            is_same = (old.action, old.limit_per_min, old.campaign_id, old.shadow) == (
                new.action, new.limit_per_min, new.campaign_id, new.shadow)  # fmt: skip
            assert not is_same or new.expires_at != old.expires_at


@given(TICKS)
def test_a_restart_at_any_tick_changes_nothing(history: History) -> None:
    bumpy = Desk(policy(limits={"blocks_per_hour": CAP}))
    for after_ms, said, ordered in history:
        bumpy.restart()
        bumpy.tick(*said, *ordered, after_ms=after_ms)
    steady = run(history)
    assert bumpy.decisions == steady.decisions
    assert bumpy.rows.packed == steady.rows.packed


@given(TICKS)
def test_cold_or_lonely_evidence_never_blocks(history: History) -> None:
    tame: History = [
        (ms, [v for v in said if v.is_cold or v.source == "account"], []) for ms, said, _ in history
    ]
    assert {d.action for d in run(tame).decisions} <= {"allow", "throttle"}


@given(TICKS)
def test_silence_ends_everything_that_has_an_end(history: History) -> None:
    tame: History = [(ms, said, []) for ms, said, _ in history]
    desk = run(tame, escalation={"memory": "1d", "max_duration": "7d"})
    desk.wait(10 * DAY)
    assert all(decisions[-1].action == "allow" for decisions in _by_account(desk).values())
    assert {key for key in desk.rows.packed if key != "budget"} == set()


def _by_account(desk: Desk) -> dict[str, list[Decision]]:
    found: defaultdict[str, list[Decision]] = defaultdict(list)
    for decision in desk.decisions:
        found[decision.account_id].append(decision)
    return found
