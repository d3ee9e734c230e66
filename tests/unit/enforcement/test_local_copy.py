"""The local copy by itself, with a clock that tests move, against a naive recount."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.enforcement.config import GuardConfig
from stream_guard.enforcement.copy import LocalCopy
from stream_guard.enforcement.counts import GuardCounts
from stream_guard.enforcement.keys import decision_key
from stream_guard.errors import StoreUnavailable


class Now:
    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


SERVER_S = 1_800_000_000.0  # what Redis' clock says when ours says 1,000


def block(ends_s: float | None = None, action: str = "block") -> bytes:
    """A piece of a decision taken 1.5 s before the server's clock was told."""
    until = "-" if ends_s is None else repr(SERVER_S + ends_s)
    return f"{action} 0 0 {until} {int(SERVER_S * 1000) - 1_500} id".encode()


def throttle(spent: int, reference: str = "id") -> list[Any]:
    piece = block(action="throttle").replace(b" 0 0 ", b" 0 10 ").replace(b"id", reference.encode())
    return [piece, spent, 3, 7_501]


def fresh(**options: Any) -> tuple[LocalCopy, Now, GuardCounts]:
    now, counts = Now(), GuardCounts()
    copy = LocalCopy(GuardConfig(**options), counts, now)
    copy.set_clock(SERVER_S)
    return copy, now, counts


def key(account: str) -> bytes:
    return decision_key(account).encode()


def test_a_block_counts_down_and_ends_exactly_at_its_expiry() -> None:
    copy, now, _ = fresh()
    copy.settle("a1", 1, block(ends_s=10))
    now.s += 9.5
    found = copy.look("a1")
    assert found is not None
    assert (found.allowed, found.retry_after_s) == (False, 0.5)
    now.s += 0.5
    assert copy.look("a1") is None


def test_a_long_block_is_asked_for_anew_at_its_age_and_tells_its_own_end() -> None:
    copy, now, _ = fresh(max_age_s=100.0)
    copy.settle("a1", 1, block(ends_s=3_600))
    now.s += 99
    found = copy.look("a1")
    assert found is not None
    assert found.retry_after_s == 3_501
    now.s += 1
    assert copy.look("a1") is None


@given(steps=st.lists(st.floats(0.1, 40.0), max_size=30))
def test_nobody_passes_from_memory_longer_than_the_age_after_being_asked_for(steps: list[float]) -> None:
    copy, now, _ = fresh(max_age_s=100.0)
    copy.settle("a1", 1, None)
    asked_at = now.s
    for step in steps:
        now.s += step
        copy.age()
        if copy.look("a1") is not None:
            assert now.s - asked_at <= 100.0 + 40.0, "within the age and one tick"
        else:
            assert now.s - asked_at >= 50.0


@given(names=st.lists(st.integers(0, 60), max_size=300), bound=st.integers(2, 20))
def test_the_copy_never_holds_more_than_its_bound(names: list[int], bound: int) -> None:
    copy, _, _ = fresh(max_accounts=bound)
    for i, name in enumerate(names):
        copy.settle(f"a{name}", 1, None if i % 3 else block())
        assert len(copy) <= 2 * bound


Step = tuple[str, str]


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["pass", "block", "push", "all", "lose", "renew"]), st.sampled_from("abcd")
        ),
        max_size=60,
    )
)
def test_the_copy_says_what_a_naive_one_says(steps: list[Step]) -> None:
    copy, _, _ = fresh()
    naive: dict[str, bool] = {}
    for what, account in steps:
        if what in ("pass", "block"):
            naive[account] = what == "pass"
            copy.settle(account, 1, None if what == "pass" else block())
        elif what == "push":
            naive.pop(account, None)
            copy.invalidate([key(account)])
        else:
            naive.clear()
            {"all": lambda: copy.invalidate(None), "lose": copy.lose, "renew": copy.renew}[what]()
        for name in "abcd":
            found = copy.look(name)
            assert (None if found is None else found.allowed) == naive.get(name)


def test_in_an_outage_known_refusals_hold_until_they_end_and_no_longer_than_configured() -> None:
    copy, now, _ = fresh(hold_s=60.0)
    copy.settle("short", 1, block(ends_s=30))
    copy.settle("long", 1, block(action="challenge"))
    copy.settle("good", 1, None)
    copy.lose()
    assert [copy.failed(name).source for name in ("short", "long", "good")] == ["local", "local", "fail_open"]
    now.s += 30
    copy.lose()  # a dial that failed loses nothing more
    assert [copy.failed(name).allowed for name in ("short", "long", "good")] == [True, False, True]
    now.s += 30
    assert copy.failed("long").source == "fail_open"


def test_a_contact_that_answers_nothing_frees_nobody_and_the_first_answer_counts() -> None:
    copy, now, _ = fresh(hold_s=60.0)
    copy.settle("bad", 1, block())
    copy.settle("pardoned", 1, block())
    copy.lose()
    now.s += 30
    copy.renew()  # it loads its data: each question ends with an error, and then it is gone again
    assert copy.look("bad") is None, "Redis is asked"
    assert not copy.failed("bad").allowed
    copy.settle("pardoned", 1, None)
    copy.lose()
    assert [copy.failed(name).allowed for name in ("bad", "pardoned")] == [False, True]
    now.s += 30
    assert copy.failed("bad").source == "fail_open", "held for no longer than from the first loss"


def test_of_a_throttle_only_the_terms_are_remembered() -> None:
    copy, now, counts = fresh(max_age_s=100.0)
    check = copy.settle("a1", 1, throttle(spent=7_501))
    assert (check.allowed, check.limit_per_min, check.remaining, check.reset_s) == (True, 10, 2, 7.501)
    assert copy.look("a1") is None, "each request is counted in Redis"
    terms = copy.terms_of("a1")
    assert terms is not None
    refused = copy.spent("a1", 1, terms, -1 - 20_000)
    assert refused is not None
    assert (refused.allowed, refused.remaining, refused.reset_s, refused.retry_after_s) == (
        False,
        0,
        20,
        4.998,
    )
    assert not counts.checks
    now.s += 100
    assert copy.terms_of("a1") is None, "asked for anew, invalidated or not"


def test_terms_that_changed_while_redis_was_asked_count_no_more() -> None:
    copy, _, _ = fresh()
    copy.settle("a1", 1, throttle(spent=0))
    terms = copy.terms_of("a1")
    assert terms is not None
    copy.invalidate([key("a1")])
    assert copy.spent("a1", 1, terms, 0) is None
    copy.settle("a1", 1, throttle(spent=0, reference="other"))
    assert copy.spent("a1", 1, terms, 0) is None


def test_terms_that_racing_callers_learn_twice_count_a_request_once() -> None:
    copy, _, _ = fresh()
    copy.settle("a1", 1, throttle(spent=0))
    terms = copy.terms_of("a1")
    assert terms is not None
    copy.settle("a1", 1, throttle(spent=0))
    assert copy.spent("a1", 1, terms, 0) is not None


def test_a_decision_that_has_ended_by_the_servers_clock_holds_nobody() -> None:
    copy, now, _ = fresh()
    now.s += 10
    assert copy.settle("a1", 1, block(ends_s=10)).allowed
    assert copy.settle("a2", 1, throttle(spent=-1)).action == "throttle"
    assert not copy.settle("a3", 1, block(ends_s=10.001)).allowed


@given(
    reply=st.one_of(
        st.integers(), st.binary(), st.text(), st.lists(st.integers() | st.binary() | st.none(), max_size=5)
    )
)
def test_what_is_not_our_functions_answer_is_said_to_be_none(reply: Any) -> None:
    copy, _, _ = fresh()
    with pytest.raises(StoreUnavailable, match="not the answer"):
        copy.settle("a1", 1, reply)


def test_a_reaction_is_counted_once_and_only_for_whom_we_let_pass() -> None:
    copy, _, counts = fresh()
    copy.settle("stranger", 1, block())
    copy.settle("a1", 1, None)
    copy.invalidate([key("a1")])
    copy.settle("a1", 1, block())
    copy.invalidate([key("a1")])
    copy.settle("a1", 1, block())
    assert sum(counts.reactions.counts) == 1
    assert counts.reactions.total == 1.5
