"""The local copy by itself, with a clock that tests move, against a naive recount."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream_guard.enforcement.config import GuardConfig
from stream_guard.enforcement.copy import LocalCopy
from stream_guard.enforcement.counts import GuardCounts
from stream_guard.enforcement.keys import decision_key


class Now:
    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


def block(ends_ms: int = -1, action: bytes = b"block") -> list[Any]:
    return [action, 0, 0, 0, 0, 0, 0, ends_ms, 1_500, b"id"]


def fresh(**options: Any) -> tuple[LocalCopy, Now, GuardCounts]:
    now, counts = Now(), GuardCounts()
    return LocalCopy(GuardConfig(**options), counts, now), now, counts


def key(account: str) -> bytes:
    return decision_key(account).encode()


def test_a_block_counts_down_and_ends_exactly_at_its_expiry() -> None:
    copy, now, _ = fresh()
    copy.settle("a1", block(ends_ms=10_000))
    now.s += 9.5
    found = copy.look("a1")
    assert found is not None
    assert (found.allowed, found.retry_after_s) == (False, 0.5)
    now.s += 0.5
    assert copy.look("a1") is None


def test_a_long_block_is_asked_for_anew_at_its_age_and_tells_its_own_end() -> None:
    copy, now, _ = fresh(max_age_s=100.0)
    copy.settle("a1", block(ends_ms=3_600_000))
    now.s += 99
    found = copy.look("a1")
    assert found is not None
    assert found.retry_after_s == 3_501
    now.s += 1
    assert copy.look("a1") is None


@given(steps=st.lists(st.floats(0.1, 40.0), max_size=30))
def test_nobody_passes_from_memory_longer_than_the_age_after_being_asked_for(steps: list[float]) -> None:
    copy, now, _ = fresh(max_age_s=100.0)
    copy.settle("a1", None)
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
        copy.settle(f"a{name}", None if i % 3 else block())
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
            copy.settle(account, None if what == "pass" else block())
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
    copy.settle("short", block(ends_ms=30_000))
    copy.settle("long", block(action=b"challenge"))
    copy.settle("good", None)
    copy.lose()
    assert [copy.failed(name).source for name in ("short", "long", "good")] == ["local", "local", "fail_open"]
    now.s += 30
    copy.lose()  # a dial that failed loses nothing more
    assert [copy.failed(name).allowed for name in ("short", "long", "good")] == [True, False, True]
    now.s += 30
    assert copy.failed("long").source == "fail_open"


def test_a_contact_that_answers_nothing_frees_nobody_and_the_first_answer_counts() -> None:
    copy, now, _ = fresh(hold_s=60.0)
    copy.settle("bad", block())
    copy.settle("pardoned", block())
    copy.lose()
    now.s += 30
    copy.renew()  # it loads its data: each question ends with an error, and then it is gone again
    assert copy.look("bad") is None, "Redis is asked"
    assert not copy.failed("bad").allowed
    copy.settle("pardoned", None)
    copy.lose()
    assert [copy.failed(name).allowed for name in ("bad", "pardoned")] == [False, True]
    now.s += 30
    assert copy.failed("bad").source == "fail_open", "held for no longer than from the first loss"


def test_a_throttle_is_never_remembered() -> None:
    copy, _, counts = fresh()
    for allowed in (1, 0):
        check = copy.settle("a1", [b"throttle", allowed, 0, 10, 2, 0 if allowed else 500, 900, -1, 0, b"id"])
        assert (check.allowed, check.limit_per_min, check.reset_s) == (bool(allowed), 10, 0.9)
        assert copy.look("a1") is None
    assert not counts.checks


def test_a_reaction_is_counted_once_and_only_for_whom_we_let_pass() -> None:
    copy, _, counts = fresh()
    copy.settle("stranger", block())
    copy.settle("a1", None)
    copy.invalidate([key("a1")])
    copy.settle("a1", block())
    copy.invalidate([key("a1")])
    copy.settle("a1", block())
    assert sum(counts.reactions.counts) == 1
    assert counts.reactions.total == 1.5
