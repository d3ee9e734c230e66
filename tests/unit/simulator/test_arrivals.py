"""Laws of arrivals: as many as paced, as bursty as asked, in order, within the span."""

import statistics

import pytest

from stream_guard.simulator.arrivals import DAY, HOUR, Law, Span, arrivals, human_pace, weibull_shape
from stream_guard.simulator.clients import load_clients
from stream_guard.simulator.draws import Draw

SPAN = Span(0.0, 20 * DAY)


@pytest.mark.parametrize("is_gamma", [True, False])
@pytest.mark.parametrize("cv", [0.3, 1.0, 2.5])
def test_gaps_have_mean_one_and_the_asked_variation(cv: float, is_gamma: bool) -> None:  # noqa: FBT001  # parametrised
    law, draw = Law(cv, is_gamma), Draw("gaps")
    gaps = [law.gap(draw) for _ in range(40_000)]
    assert statistics.mean(gaps) == pytest.approx(1, abs=0.05)
    assert statistics.stdev(gaps) / statistics.mean(gaps) == pytest.approx(cv, rel=0.1)


@pytest.mark.parametrize("is_gamma", [True, False])
@pytest.mark.parametrize("cv", [0.3, 1.0, 2.0])
def test_nothing_begins_with_the_span(cv: float, is_gamma: bool) -> None:  # noqa: FBT001  # parametrised
    # In the first hour of many actors there is as much as the pace says, neither a rush nor a lull.
    first = [
        sum(1 for _ in arrivals(Draw(f"first/{n}"), [0.5] * 24, SPAN, Law(cv, is_gamma), Span(0, HOUR)))
        for n in range(6_000)
    ]
    assert statistics.mean(first) == pytest.approx(0.5, rel=0.1)


def test_arrivals_are_ordered_follow_the_pace_and_keep_within_their_time() -> None:
    pace = [float(hour % 24) for hour in range(SPAN.hours)]
    within = Span(2 * DAY, 19 * DAY + 5)
    times = list(arrivals(Draw("order"), pace, SPAN, Law(1.0, is_gamma=True), within))
    assert times == sorted(times)
    assert within.start <= times[0]
    assert times[-1] < within.end
    assert len(times) == pytest.approx(17 * sum(range(24)), rel=0.05)
    by_hour = [sum(int(at // HOUR) % 24 == hour for at in times) for hour in range(24)]
    assert by_hour[0] == 0
    assert by_hour[23] > by_hour[6]


def test_the_weibull_shape_of_no_memory_is_one() -> None:
    assert weibull_shape(1.0) == pytest.approx(1.0, abs=1e-6)


def test_a_person_sleeps_by_his_own_clock() -> None:
    day = load_clients().days[4]
    for zone in (-8.0, 0.0, 9.0):
        totals = [0.0] * 24
        for n in range(60):
            pace = human_pace(Draw(f"sleep/{n}"), day, SPAN, 24.0, zone)
            for hour, rate in enumerate(pace):
                totals[int(hour + zone) % 24] += rate
        assert min(totals[2:7]) < 0.35 * max(totals)


def test_the_shipped_clients_are_whole() -> None:
    clients = load_clients()
    assert len(clients.clients) == 160
    assert len(clients.days) >= 30
    for client in clients.clients:
        assert sum(client.hours) / len(client.hours) == pytest.approx(1)
        assert list(client.input) == sorted(client.input)
        assert list(client.output) == sorted(client.output)
    for shape in clients.days:
        assert sum(shape) == pytest.approx(24)
    assert all(0 < given < 1 << 20 and 0 <= made < 1 << 20 for given, made in clients.chats + clients.code)
