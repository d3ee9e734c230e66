"""What workers measure, as a console adds it up; read from real metrics endpoints of the program's own."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from stream_guard.console.meters import SLOW_WINDOW_S, Meters, addresses
from stream_guard.embedded.process import free_port
from stream_guard.observer import LaneStatus
from stream_guard.settings import TelemetrySettings
from stream_guard.telemetry.observing import Telemetry
from stream_guard.telemetry.server import MetricsServer
from tests.unit.console.desks import NOW

DEAD = f"{'dead_letters.'}malformed"


class Worker:
    """A worker's telemetry, served."""

    def __init__(self, stack: ExitStack) -> None:
        self.telemetry = Telemetry()
        self._stack, self._server = (
            stack,
            MetricsServer(self.telemetry.registry, TelemetrySettings(metrics_port=0)),
        )
        stack.callback(self._server.close)
        self.url = self._server.url

    def at(self, events: int, watermark_s: float, lag: int = 0, keys: int = 0) -> None:
        """How its one lane of the first stage stands."""
        counts = {"events": events}
        lane = LaneStatus(("accounts", 0), lag, int(watermark_s * 1000), keys, 0, counts)
        self.telemetry.measured([lane])


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def test_workers_are_added_up(stack: ExitStack) -> None:
    workers = Worker(stack), Worker(stack)
    meters = Meters(worker.url for worker in workers)
    for worker in workers:
        worker.at(100, NOW, lag=5, keys=7)
    meters.look(NOW)
    first = meters.reading
    assert (first.workers, first.accounts, first.lag["accounts"], first.events_per_s) == (2, 14, 10, 0.0)
    workers[0].at(300, NOW + 9)
    workers[1].at(200, NOW + 5)
    meters.look(NOW + 10)
    assert meters.reading.events_per_s == pytest.approx(30.0)
    assert meters.reading.watermark_at == pytest.approx(NOW + 5), "of the one that is behind"
    assert [rate for _, rate in meters.points] == [0.0, pytest.approx(30.0)]


def test_a_worker_that_does_not_answer_is_named_and_the_others_are_shown(stack: ExitStack) -> None:
    worker, nobody = Worker(stack), f"http://127.0.0.1:{free_port()}/metrics"
    worker.at(100, NOW)
    meters = Meters([worker.url, nobody, "ftp://x/"])
    meters.look(NOW)
    assert meters.reading.workers == 1
    assert [error.split(": ")[0] for error in meters.reading.errors] == [nobody, "ftp://x/"]


def test_a_worker_that_was_started_again_makes_no_spike(stack: ExitStack) -> None:
    worker, again = Worker(stack), Worker(stack)
    worker.at(1_000_000, NOW)
    meters = Meters([worker.url])
    meters.look(NOW)
    meters._urls = (again.url,)
    again.at(10, NOW)
    meters.look(NOW + 2)
    assert meters.reading.events_per_s == 0.0


def test_what_should_never_happen_is_counted_for_a_while(stack: ExitStack) -> None:
    worker = Worker(stack)
    meters = Meters([worker.url])
    worker.at(1, NOW)
    meters.look(NOW)
    lane = ("accounts", 0)
    worker.telemetry.measured([LaneStatus(lane, 0, 0, 0, 0, {"events": 1, "blocks_over_cap": 4})])
    meters.look(NOW + 2)
    assert meters.reading.over_cap == 4
    meters.look(NOW + 2 + SLOW_WINDOW_S)
    assert meters.reading.over_cap == 0


def test_a_name_is_asked_at_each_of_its_addresses() -> None:
    ((address, host),) = addresses("http://127.0.0.1:9464/metrics")
    assert (address, host) == ("http://127.0.0.1:9464/metrics", "127.0.0.1:9464")
    assert addresses("https://worker/metrics") == [("https://worker/metrics", "")]
    for wrong in ("file:///etc/passwd", "worker:9464", ""):
        with pytest.raises(ValueError, match="expected http"):
            addresses(wrong)
