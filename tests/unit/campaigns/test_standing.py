"""Laws of verdicts that stand: said again once a day of activity, with the network that exemptions need."""

import pytest

from stream_guard.campaigns.networks import cidr_of
from stream_guard.clock import DAY_MS, HOUR_MS
from stream_guard.decisions.networks import contains
from tests.unit.campaigns.findings import Line, convicted, farm, finding, member


def test_whoever_stays_active_is_sentenced_again_once_a_day() -> None:
    line = Line()
    assert len(line.verdicts(*convicted())) == 20
    said = [
        line.verdicts(finding("shape:farm", [member("bad-03", 3.0, 32 + hour)]), after_ms=HOUR_MS).keys()
        for hour in range(1, 73)
    ]
    hours = [hour for hour, names in enumerate(said, 1) if "bad-03" in names]
    assert hours == [24, 48, 72]
    assert set().union(*said) == {"bad-03"}  # the others rest, and their rules may expire


def test_what_is_said_again_is_what_stood() -> None:
    line = Line()
    first = line.verdicts(*convicted())["bad-03"]
    again = line.verdicts(*convicted(), after_ms=DAY_MS)["bad-03"]
    assert (again.kind, again.campaign_id) == (first.kind, first.campaign_id)
    assert again.score == pytest.approx(first.score, abs=0.05)
    assert line.verdicts(*convicted(), after_ms=HOUR_MS) == {}


def test_a_day_does_not_bring_back_what_was_withdrawn() -> None:
    line = Line()
    line.say(*convicted())
    own_ways = [member(one.account_id, -4.0, 64) for one in farm()]
    freed = line.verdicts(finding("shape:farm", own_ways), finding("payment:card", own_ways))
    assert {verdict.kind for verdict in freed.values()} == {""}
    assert len(freed) == 20
    again = line.verdicts(finding("shape:farm", own_ways), after_ms=DAY_MS)
    assert again == {}


@pytest.mark.parametrize(
    ("shown", "exempt", "foreign"),
    [
        ("network:203.0.113", "203.0.112.0/23", "203.0.114.0/24"),
        ("network:203.0.113", "203.0.113.0/24", "2001:db8:1::/48"),
        ("network:2001:0db8:0001", "2001:db8:1::/48", "2001:db8:2::/48"),
    ],
)
def test_a_verdict_names_the_network_as_exemptions_match_it(shown: str, exempt: str, foreign: str) -> None:
    members = [member(f"bad-{i:02d}", 3.0, 32, "client:x", shown, "payment:p") for i in range(20)]
    verdicts = Line().verdicts(finding("shape:farm", members), finding("payment:card", members))
    assert len(verdicts) == 20
    for verdict in verdicts.values():
        assert contains(exempt, verdict.network)
        assert not contains(foreign, verdict.network)


def test_part_of_a_network_exempts_nobody_of_the_rest() -> None:
    assert not contains("203.0.113.7/32", cidr_of("203.0.113"))


@pytest.mark.parametrize("odd", ["", "nowhere", "1.2.3.4", "::", "a:b:", "999.1.1", "203.0.113.0/24", "\x00"])
def test_what_is_no_network_names_none(odd: str) -> None:
    assert cidr_of(odd) == ""
    assert not contains("0.0.0.0/0", cidr_of(odd))
