"""What the workers measure: their metrics endpoints, read every few seconds.

A name that stands for several addresses (a headless service, a scaled Compose service) is asked at each
of them.  Counters are summed over workers; rates come from two readings of the same worker, so a worker
that was started again makes no spike.

Memory: `POINTS` points of the chart, and the newest reading of each worker.
"""

import socket
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from ipaddress import ip_address
from itertools import pairwise
from threading import Event, Thread
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from prometheus_client.parser import text_string_to_metric_families

EVERY_S = 2.0
POINTS = 450  # a quarter of an hour
TIMEOUT_S = 2.0
PREFIX = "stream_guard_"
SLOW_WINDOW_S = 900.0  # what "lately" means for things that should never happen
STAGES = ("accounts", "control", "groups", "campaigns", "decisions")

Series = dict[tuple[str, str], float]
"""(name without prefix, stage or "") to value; other labels are summed over."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All workers together, at one moment."""

    workers: int = 0
    errors: tuple[str, ...] = ()  # one per worker that did not answer
    events_per_s: float = 0.0
    cpu_ratio: float = 0.0  # CPU seconds per second, over all workers
    accounts: int = 0
    lag: Mapping[str, int] = field(default_factory=dict)  # stage -> messages
    watermark_at: float = 0.0  # of the stage that is furthest behind, Unix seconds of event time
    delay_s: float | None = None  # mean over the window, event to durable decision
    projection_lag_s: float = 0.0
    dead_letters: float = 0.0  # within the window
    over_cap: float = 0.0  # within the window
    expected_false: float = 0.0  # honest accounts expected among the sentenced, since the workers started


class Meters:
    """Reads the workers' metrics from a thread of its own.  ``urls`` must be of http or https."""

    def __init__(self, urls: Iterable[str]) -> None:
        self._urls = tuple(urls)
        self._closing = Event()
        self._thread = Thread(target=self._run, name="console-meters", daemon=True)
        self._before: dict[str, tuple[float, Series]] = {}
        self._slow: deque[tuple[float, Series]] = deque(maxlen=POINTS)  # sums, for windows
        self.reading = Reading()
        self.looked = 0  # times that all workers were asked
        self.points: deque[tuple[float, float]] = deque(maxlen=POINTS)  # Unix s, events per second

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop reading."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._closing.is_set():
            self.look(time.time())
            self._closing.wait(EVERY_S)

    def look(self, now: float) -> None:
        """Read all workers once."""
        found: dict[str, Series] = {}
        errors = []
        for url in self._urls:
            try:
                for address, host in addresses(url):
                    found[address] = read(address, host)
            except (OSError, HTTPException, ValueError) as error:
                errors.append(f"{url}: {error}")
        self._take(found, tuple(errors), now)
        self.looked += 1

    def _take(self, found: dict[str, Series], errors: tuple[str, ...], now: float) -> None:
        grown = {
            name: self._per_s(found, name, now)
            for name in ("stream_events_total", "stream_cpu_seconds_total")
        }
        self._before = {address: (now, series) for address, series in found.items()}
        total = _sum(found.values())
        if found:
            self._slow.append((now, total))
            self.points.append((now, grown["stream_events_total"]))
        lags = [series.get(("projection_lag_seconds", ""), 0.0) for series in found.values()]
        marks = [
            series[name, stage] for series in found.values() for name, stage in series if name == WATERMARK
        ]
        self.reading = Reading(
            workers=len(found),
            errors=errors,
            events_per_s=grown["stream_events_total"],
            cpu_ratio=grown["stream_cpu_seconds_total"],
            accounts=int(total.get(("stream_kept_rows", "accounts"), 0)),
            lag={stage: int(total.get(("stream_lag_messages", stage), 0)) for stage in STAGES},
            watermark_at=min(filter(None, marks), default=0.0),
            delay_s=self._mean("decisions_delay_seconds", now),
            projection_lag_s=max(lags, default=0.0),
            dead_letters=self._lately("stream_dead_letters_total", now),
            over_cap=self._lately("decisions_over_cap_total", now),
            expected_false=total.get(("decisions_false_blocks_expected_total", ""), 0.0),
        )  # fmt: skip

    def _per_s(self, found: Mapping[str, Series], name: str, now: float) -> float:
        rate = 0.0
        for address, series in found.items():
            if address in self._before:
                then, before = self._before[address]
                rate += max(0.0, _of(series, name) - _of(before, name)) / max(now - then, 1e-3)
        return rate

    def _lately(self, name: str, now: float) -> float:
        """Growth of a counter within the window; restarts of workers only hide some of it."""
        window = [_of(series, name) for at, series in self._slow if at > now - SLOW_WINDOW_S]
        return sum(max(0.0, after - before) for before, after in pairwise(window))

    def _mean(self, name: str, now: float) -> float | None:
        count = self._lately(f"{name}_count", now)
        return self._lately(f"{name}_sum", now) / count if count else None


WATERMARK = "stream_watermark_timestamp_seconds"


def addresses(url: str) -> list[tuple[str, str]]:
    """Every address that ``url`` stands for, as (URL, host to name); a name may stand for many workers."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        if parts.scheme == "https":
            return [(url, "")]  # a certificate is for a name: ask as it stands
        message = f"expected http://host:port/metrics; got {url!r}"
        raise ValueError(message)
    found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    hosts = sorted({str(sockaddr[0]) for *_, sockaddr in found})
    if parts.hostname == "localhost":
        hosts = hosts[:1]  # one machine, however many families
    return [
        (parts._replace(netloc=f"{_bracketed(host)}:{parts.port or 80}").geturl(), parts.netloc)
        for host in hosts
    ]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ip_address(host).version == 6 else host


def read(url: str, host: str = "") -> Series:
    """One worker's metrics."""
    request = Request(url, headers={"Host": host} if host else {})  # noqa: S310 - `addresses` took http(s) only
    with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        text = answer.read().decode()
    series: Series = {}
    for family in text_string_to_metric_families(text):
        if not family.name.startswith(PREFIX):
            continue
        for sample in family.samples:
            if "le" in sample.labels:
                continue
            key = sample.name.removeprefix(PREFIX), sample.labels.get("stage", "")
            series[key] = series.get(key, 0.0) + sample.value
    return series


def _of(series: Series, name: str) -> float:
    """A counter over all its labels; events are counted once, where they enter."""
    if name == "stream_events_total":
        return series.get((name, "accounts"), 0.0)
    return sum(value for (known, _), value in series.items() if known == name)


def _sum(many: Iterable[Series]) -> Series:
    total: Series = {}
    for series in many:
        for key, value in series.items():
            total[key] = total.get(key, 0.0) + value
    return total
