r"""Writes a sample of traffic with its truth.

    python -m stream_guard.simulator.sample -o EVENTS.jsonl.zst --truth TRUTH.jsonl \
        --seed 1 --split tune --accounts 4000 --days 3

Honest individuals and crowds, one distillation campaign and one reseller, mixed as `cast` says.
The same arguments give the same bytes (on one platform: logarithms may differ in the last bit
elsewhere).  Seeds of the splits ``tune`` and ``test`` never meet.
"""

import argparse
import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, cast

import msgspec
import zstandard
from rich.console import Console
from rich.progress import Progress

from stream_guard.errors import ConfigurationError
from stream_guard.simulator.arrivals import DAY, Span
from stream_guard.simulator.crowds import (
    Crowd,
    agency,
    campus,
    contractors,
    family,
    hackathon,
    lesson,
    office,
    vpn_users,
)
from stream_guard.simulator.distillation import distillation
from stream_guard.simulator.draws import Draw, Split, Weighted
from stream_guard.simulator.people import AGENT, DEVELOPER, PERSON, batch, individual, service
from stream_guard.simulator.products import (
    corporate_vpn,
    evaluation_lab,
    open_source_tool,
    review_bot,
    router,
)
from stream_guard.simulator.resale import resale
from stream_guard.simulator.stream import disordered, merged
from stream_guard.simulator.world import Actor, Event, World

LEVEL: Final = 12
WINDOW_LOG: Final = 24  # 16 MiB: an account comes back after hours
START: Final = "2026-05-05T00:00:00+00:00"  # a Tuesday
CROWDS: Final[tuple[tuple[Crowd, int, tuple[int, int]], ...]] = (  # in a round, and range of sizes
    (office, 3, (4, 90)),
    (campus, 1, (25, 130)),
    (lesson, 2, (16, 36)),
    (hackathon, 1, (25, 110)),
    (family, 5, (2, 5)),
    (contractors, 3, (3, 15)),
    (agency, 2, (4, 22)),
    (vpn_users, 1, (20, 90)),
    (open_source_tool, 1, (40, 160)),
    (review_bot, 1, (15, 80)),
    (router, 1, (1, 3)),
    (evaluation_lab, 2, (2, 7)),
    (corporate_vpn, 1, (8, 40)),
)
INDIVIDUALS: Final[Weighted[Callable[[World, Draw], Actor]]] = Weighted(
    {
        lambda world, draw: individual(world, draw, PERSON): 0.58,
        lambda world, draw: individual(world, draw, DEVELOPER): 0.22,
        lambda world, draw: individual(world, draw, AGENT): 0.05,
        service: 0.12,
        batch: 0.03,
    }
)


@dataclass(frozen=True, slots=True)
class Order:
    """What to make."""

    seed: int
    split: Split
    accounts: int
    days: float
    start: float = datetime.fromisoformat(START).timestamp()
    sketch_ratio: float = 1.0


class Sample:
    """A traffic and its truth."""

    def __init__(self, order: Order) -> None:
        span = Span(order.start, order.start + order.days * DAY)
        self.world = World(Draw(f"sample/{order.seed}", order.split), span, order.sketch_ratio)
        self._actors = mix(self.world, order.accounts)
        self._seen: set[str] = set()

    def events(self) -> Iterator[Event]:
        """All events, about in order; once."""
        draw = self.world.draw.child("lag")
        for event in disordered(merged(self._actors), draw):
            self._seen.add(event["account_id"])
            yield event

    def truth(self) -> Iterator[Event]:
        """One row for each account that was seen, by account."""
        for account in sorted(self.world.accounts, key=lambda account: account.account_id):
            if account.account_id in self._seen:
                yield {
                    "account_id": account.account_id,
                    "label": "campaign" if account.campaign else "benign",
                    "campaign": account.campaign,
                    "kind": account.kind,
                }


def mix(world: World, accounts: int) -> list[Actor]:
    """About so many accounts: a campaign, a reseller, crowds of every kind in turn, individuals."""
    draw = world.draw.child("mix")
    harvesters = max(12, round(accounts * draw.ratio(0.055, 0.07)))
    seats = max(6, round(accounts * draw.ratio(0.008, 0.011)))
    actors = distillation(world, draw.child("distillation"), harvesters, "distillation-1")
    actors += resale(world, draw.child("resale"), seats, "resale-1")
    in_crowds = len(world.accounts) + accounts * draw.ratio(0.4, 0.5)
    opened = [(crowd, sizes) for crowd, times, sizes in CROWDS for _ in range(times)]
    draw.rng.shuffle(opened)
    turn = 0
    while len(world.accounts) < in_crowds:
        crowd, sizes = opened[turn % len(opened)]
        size = min(draw.count(*sizes), max(2, accounts // 18))
        actors += crowd(world, draw.child(f"crowd/{turn}"), size)
        turn += 1
    for index in range(max(0, accounts - len(world.accounts))):
        one = draw.child(f"individual/{index}")
        actors.append(one.weighted(INDIVIDUALS)(world, one))
    return actors


def open_output(path: Path) -> tuple[ExitStack, IO[bytes]]:
    """A file to write lines to, compressed by its name; the same lines give the same bytes."""
    stack = ExitStack()
    file = stack.enter_context(path.open("wb"))
    if path.name.endswith(".jsonl.zst"):
        compressor = zstandard.ZstdCompressor(
            compression_params=zstandard.ZstdCompressionParameters.from_level(LEVEL, window_log=WINDOW_LOG)
        )
        return stack, cast("IO[bytes]", stack.enter_context(compressor.stream_writer(file)))
    if path.name.endswith(".jsonl.gz"):
        return stack, cast("IO[bytes]", stack.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0)))
    if path.name.endswith(".jsonl"):
        return stack, file
    stack.close()
    message = f"{path}: expected a name that ends in .jsonl, .jsonl.gz or .jsonl.zst"
    raise ConfigurationError(message)


def write(order: Order, events: Path, truth: Path) -> int:
    """Make a sample and write both files; how many events."""
    sample, encode, count = Sample(order), msgspec.json.Encoder().encode, 0
    span = sample.world.span
    stack, file = open_output(events)
    with stack, Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("traffic", total=span.end - span.start)
        for event in sample.events():
            file.write(encode(event) + b"\n")
            count += 1
            if count % 1000 == 0:
                progress.update(task, completed=event["occurred_at"] - span.start)
    truth.write_bytes(b"".join(encode(row) + b"\n" for row in sample.truth()))
    return count


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(prog="python -m stream_guard.simulator.sample", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="events: .jsonl[.gz|.zst]")
    parser.add_argument("--truth", type=Path, required=True, help="one row per account: .jsonl")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--split", choices=("tune", "test"), default="tune", help="test draws from wider ranges"
    )
    parser.add_argument("--accounts", type=int, default=4000)
    parser.add_argument("--days", type=float, default=3.0)
    parser.add_argument("--start", default=START, help="RFC 3339, a whole hour")
    parser.add_argument("--sketch-ratio", type=float, default=1.0, help="events that carry a prompt sketch")
    options = parser.parse_args(arguments)
    start = datetime.fromisoformat(options.start).astimezone(UTC).timestamp()
    order = Order(options.seed, options.split, options.accounts, options.days, start, options.sketch_ratio)
    count = write(order, options.output, options.truth)
    Console(stderr=True).print(f"{count} events in {options.output}, truth in {options.truth}")


if __name__ == "__main__":
    main()
