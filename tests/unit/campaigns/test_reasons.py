"""Laws of reasons: nothing that convicts goes unsaid, and nothing is said twice."""

import pytest

from stream_guard.campaigns.reasons import reasons_of
from stream_guard.groups.evidence import TESTS
from stream_guard.groups.evidence.cohort import Test
from stream_guard.records import REASON_CODES, Evidence


def said(test: Test) -> Evidence:
    return Evidence(test.name, 1.0, 0.0, 5.0, test.cause, test.family)


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.name)
def test_whatever_a_test_says_has_a_reason(test: Test) -> None:
    kind, role, *codes = reasons_of("distillation", "campaign_member", (said(test),), is_cold=False)
    assert (kind, role) == ("distillation", "campaign_member")
    assert len(codes) == 1
    assert codes[0] in REASON_CODES


def test_reasons_are_said_once_though_several_tests_give_them() -> None:
    codes = reasons_of("distillation", "campaign_member", tuple(map(said, TESTS)), is_cold=True)
    assert len(codes) == len(set(codes))
    assert codes[-1] == "cold_start"
