"""Laws of arrivals: as many as expected, as bursty as asked, by everybody's own clock."""

import numpy as np
import pytest

from stream_guard.simulator.arrivals import DAY, HOUR, Law, Span, weibull_shape
from stream_guard.simulator.clients import load_clients
from stream_guard.simulator.draws import Draw
from stream_guard.simulator.engine.rhythm import Rhythm, gaps, remainders, renew, shape_of
from stream_guard.simulator.engine.world import World
from stream_guard.simulator.honest.individuals import person, within_hours


@pytest.mark.parametrize("is_gamma", [True, False])
@pytest.mark.parametrize("cv", [0.3, 1.0, 2.5])
def test_gaps_have_mean_one_and_the_asked_variation(cv: float, is_gamma: bool) -> None:  # noqa: FBT001  # parametrised
    shape = np.full(60_000, shape_of(Law(cv, is_gamma)))
    drawn = gaps(np.random.default_rng(1), shape, np.full(len(shape), is_gamma))
    assert drawn.mean() == pytest.approx(1, abs=0.05)
    assert drawn.std() / drawn.mean() == pytest.approx(cv, rel=0.1)


@pytest.mark.parametrize("is_gamma", [True, False])
@pytest.mark.parametrize("cv", [0.3, 1.0, 2.0])
def test_the_first_hour_is_like_any_other(cv: float, is_gamma: bool) -> None:  # noqa: FBT001  # parametrised
    rng, count = np.random.default_rng(2), 8_000
    shape, laws = np.full(count, shape_of(Law(cv, is_gamma))), np.full(count, is_gamma)
    left = remainders(rng, shape, laws)
    for _ in range(3):
        who, when = renew(rng, left, np.full(count, 0.5), shape, laws)
        assert len(who) / count == pytest.approx(0.5, rel=0.1)
        assert ((when >= 0) & (when <= 1)).all()


def test_renewals_go_on_from_hour_to_hour_as_if_there_were_no_hours() -> None:
    rng, laws = np.random.default_rng(3), np.array([True])
    shape, left = np.array([1 / 0.3**2]), np.array([0.5])
    hours = [hour + renew(rng, left, np.array([20.0]), shape, laws)[1] for hour in range(300)]
    times = np.sort(np.concatenate(hours))
    gap = np.diff(times) * 20
    assert len(times) == pytest.approx(6000, rel=0.03)
    assert gap.std() / gap.mean() == pytest.approx(0.3, rel=0.1)


def test_an_hour_may_bring_thousands_to_one_account() -> None:
    rng = np.random.default_rng(4)
    who, _ = renew(rng, np.array([0.1, 5.0]), np.array([20_000.0, 1.0]), np.ones(2), np.array([True, True]))
    counts = np.bincount(who, minlength=2)
    assert counts[0] == pytest.approx(20_000, rel=0.05)
    assert counts[1] == 0


def test_the_weibull_shape_of_no_memory_is_one() -> None:
    assert weibull_shape(1.0) == pytest.approx(1.0, abs=1e-6)


def test_people_sleep_by_their_own_clocks() -> None:
    world = World(Draw("sleep"), Span(1_776_816_000.0, 1_776_816_000.0 + 14 * DAY))
    for _ in range(400):
        person(world, world.draw)
    rhythm, shift = Rhythm(world.roster, world.rng("rhythm")), world.roster.table["shift"]
    by_hour = np.zeros(24)
    for hour in range(14 * 24):
        who, at = rhythm.hour(world.span.start + hour * HOUR)
        by_hour += np.bincount((at // HOUR + shift[who]).astype(int) % 24, minlength=24)
    assert by_hour[2:6].max() < 0.35 * by_hour.max()


def test_a_job_keeps_to_its_hours_even_over_midnight() -> None:
    assert within_hours(22.5, 3.0) == [1.0, 0.5, *[0.0] * 20, 0.5, 1.0]


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
