"""What a console says of the budget for false blocks."""

import pytest

from stream_guard.console.budget import Budget, budget_of
from stream_guard.console.looks import looks
from stream_guard.console.memory import Memory
from stream_guard.console.meters import Reading
from stream_guard.console.sources import State
from stream_guard.records import Control
from tests.unit.console.desks import NOW, ConsoleDesk

DAY_S = 86_400.0
READING = Reading(workers=1, watermark_at=NOW, accounts=10_000, expected_false=0.25)


def word(verb: str, subject: str, days_ago: float = 1.0, value: str = "") -> Control:
    return Control(verb=verb, subject=subject, spoken_at=NOW - days_ago * DAY_S, author="ann", value=value)  # type: ignore[arg-type]  # the tests' own


def test_each_account_that_was_taken_back_within_thirty_days_counts_once() -> None:
    memory = Memory()
    memory.take_words(
        [
            word("revoke", "a"), word("label", "a", value="wrong"), word("label", "b", value="wrong"),
            word("label", "c", value="right"), word("exempt", "d"), word("revoke", "e", days_ago=31),
            word("revoke", "b", days_ago=29),
        ]
    )  # fmt: skip
    assert budget_of(memory, READING, 1.0, NOW) == Budget(granted=3.0, taken_back=2, expected=0.25)


def test_twice_the_accounts_or_twice_the_knob_grant_twice_as_much() -> None:
    memory, many = Memory(), Reading(accounts=20_000)
    granted = [
        budget_of(memory, READING, 2.0, NOW).granted,
        budget_of(memory, many, 1.0, NOW).granted,
    ]
    assert granted == [6.0, 6.0]


@pytest.mark.parametrize(
    ("budget", "is_said"),
    [
        (Budget(granted=3.0, taken_back=2, expected=2.4), False),
        (Budget(granted=3.0, taken_back=3, expected=0.0), True),
        (Budget(granted=3.0, taken_back=0, expected=2.5), True),
        (Budget(granted=0.9, taken_back=1, expected=0.0), True),
        (Budget(granted=0.06, taken_back=0, expected=0.4), False),  # not half an account
        (Budget(granted=0.0, taken_back=5, expected=0.0), False),  # no worker answers: nothing can be said
    ],
)
def test_it_is_said_once_four_fifths_are_spent(budget: Budget, *, is_said: bool) -> None:
    found = looks(State(is_complete=True, errors=(), is_from_redis=False), READING, [], [], budget, NOW)
    assert [look.link for look in found] == ["/audit"] * is_said


def test_the_overview_shows_what_was_taken_back_beside_what_is_granted() -> None:
    desk = ConsoleDesk()
    assert "what is granted is not known" in desk.client.get("/").text
    desk.sources.meters.reading = READING
    desk.memory.take_words([word("revoke", f"acc_{n}") for n in range(3)])
    page = desk.client.get("/").text
    assert '<dd>3</dd><dd class="sub">at most 3 false blocks granted, 0.25 expected</dd>' in page
    assert "False blocks: 3 accounts were taken back within 30 days" in page
