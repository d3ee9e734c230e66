"""A gateway of several processes behind one port: what each counts, put where `prometheus_client` adds it up.

A server that forks workers (gunicorn, `uvicorn --workers`) answers a scrape from whichever of them is free,
so each writes its counts to files in PROMETHEUS_MULTIPROC_DIR, and whoever is scraped reads all of them
(https://prometheus.github.io/client_python/multiprocess/).  We do the same once a second: `metrics.expose`
starts it where that variable is set.

Two things are not in prometheus_client's public interface: a histogram's buckets and its sum, which
only `observe` may raise, value by value.  tests/unit/enforcement/test_multiprocess.py holds that seam.

Glossary: *growth* by how much a count rose since it was written last.
"""

import atexit
import os
from collections.abc import Callable, Iterable, Iterator
from threading import Event, Thread
from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram

DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
EVERY_S: Final = 1.0
Key = tuple[str, tuple[str, ...]]
Families = Callable[[], Iterable[Any]]


class Shared:
    """Writes what ``families`` says, for as long as the process lives.  Bound: one value per series."""

    def __init__(self, families: Families) -> None:
        self._families = families
        self._instruments: dict[str, Any] = {}
        self._known: dict[Key, float] = {}

    def start(self) -> None:
        """From now on, in this process and in each that it forks."""
        atexit.register(self.write)
        os.register_at_fork(after_in_child=self._forked)
        self._spawn()

    def write(self) -> None:
        """Once, now."""
        for family in self._families():
            if family.type == "gauge":
                self._write_gauge(family)
            elif family.type == "histogram":
                self._write_histogram(family)
            else:
                for labels, by in self._grown((s.labels.values(), s.name, s.value) for s in family.samples):
                    _labelled(self._made(family, Counter), labels).inc(by)

    def _spawn(self) -> None:
        Thread(target=self._run, name="stream-guard-metrics", daemon=True).start()

    def _run(self) -> None:
        never = Event()
        while not never.wait(EVERY_S):
            self.write()

    def _forked(self) -> None:
        """What the parent counted is the parent's; a child has no thread but its own."""
        for family in self._families():
            list(self._grown(_values(family)))
        self._spawn()

    def _made(self, family: Any, kind: Any, **more: Any) -> Any:
        """The instrument of a family."""
        made = self._instruments.get(family.name)
        if made is None:
            names = tuple(name for name in family.samples[0].labels if name != "le") if family.samples else ()
            made = kind(family.name, family.documentation, names, registry=None, **more)
            self._instruments[family.name] = made
        return made

    def _write_gauge(self, family: Any) -> None:
        for sample in family.samples:
            gauge = self._made(family, Gauge, multiprocess_mode="livesum")
            _labelled(gauge, tuple(sample.labels.values())).set(sample.value)

    def _write_histogram(self, family: Any) -> None:
        bounds = [float(s.labels["le"]) for s in family.samples if s.name.endswith("_bucket")]
        histogram = self._made(family, Histogram, buckets=bounds)
        parts = {f"{bound}": value for bound, value in zip(bounds, histogram._buckets, strict=True)}
        parts["sum"] = histogram._sum
        for (part,), by in self._grown(_values(family)):
            parts[part].inc(by)

    def _grown(
        self, values: Iterable[tuple[Iterable[str], str, float]]
    ) -> Iterator[tuple[tuple[str, ...], float]]:
        """Labels and growth of each that rose; one that fell began anew."""
        for labels, name, value in values:
            key = name, tuple(labels)
            before = self._known.get(key, 0.0)
            self._known[key] = value
            if value != before:
                yield key[1], value - before if value > before else value


def _labelled(instrument: Any, labels: tuple[str, ...]) -> Any:
    return instrument.labels(*labels) if labels else instrument


def _values(family: Any) -> Iterator[tuple[Iterable[str], str, float]]:
    """Series with their values; of a histogram each bucket's own, not the sum of all below, and the sum."""
    if family.type != "histogram":
        yield from ((sample.labels.values(), sample.name, sample.value) for sample in family.samples)
        return
    below = 0.0
    for sample in family.samples:
        if sample.name.endswith("_bucket"):
            yield (f"{float(sample.labels['le'])}",), sample.name, sample.value - below
            below = sample.value
        elif sample.name.endswith("_sum"):
            yield ("sum",), sample.name, sample.value
