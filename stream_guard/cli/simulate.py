"""`stream-guard simulate`: traffic with the truth attached, into files or Kafka."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import typer

from stream_guard.cli.options import Config, Json, settings_from
from stream_guard.cli.output import progress_bar, say, show_json, show_table
from stream_guard.errors import ConfigurationError

Part = TypeVar("Part")
Name = Annotated[
    str | None,
    typer.Argument(
        metavar="SCENARIO",
        help="NAME[:SIZE][@LEVEL], several joined by +, or a TOML file; --list shows the names.",
        show_default=False,
    ),
]
EventsTo = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        help="Where events go: .jsonl, .jsonl.gz or .jsonl.zst; - is standard output.",
        show_default=False,
    ),
]
TruthTo = Annotated[
    Path | None,
    typer.Option("--truth", help="Where the truth goes, one account per line.", show_default=False),
]
ToKafka = Annotated[bool, typer.Option("--kafka", help="Send the events to the requests topic.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Another seed is another traffic.")]
Scale = Annotated[
    float, typer.Option("--scale", help="Size of campaigns against the record's.", show_default="1")
]
SplitOf = Annotated[
    Literal["tune", "test"],
    typer.Option("--split", help="tune to set thresholds; test, from wider ranges, to judge them."),
]
LevelOf = Annotated[
    Literal["naive", "careful", "informed"], typer.Option("--level", help="How clever attackers are.")
]
Days = Annotated[
    float | None, typer.Option("--days", help="Days of traffic.", show_default="as the scenario asks for")
]
Accounts = Annotated[
    int | None,
    typer.Option(
        "--accounts", min=1, help="Honest accounts of the background.", show_default="by the campaigns' size"
    ),
]
Sketches = Annotated[
    float,
    typer.Option("--sketch-ratio", min=0.0, max=1.0, help="Share of the events that carry a prompt sketch."),
]
Dilution = Annotated[
    float | None,
    typer.Option(
        "--dilution",
        min=0.0,
        max=0.99,
        help="Ordinary conversations among the campaigns' tasks.",
        show_default="drawn by level",
    ),
]
Quiet = Annotated[
    float | None,
    typer.Option(
        "--quiet",
        min=0.0,
        help="Honest days before --days; campaigns begin right after them.",
        show_default="none, and campaigns begin within a fifth of the days",
    ),
]
Pace = Annotated[
    float, typer.Option("--pace", help="Requests of honest accounts against the usual.", show_default="1")
]
Start = Annotated[
    str, typer.Option("--start", help="When it begins, a whole hour: RFC 3339, UTC where no offset is given.")
]
WordsTo = Annotated[
    Path | None,
    typer.Option(
        "--words",
        help="Where operators' words go (chargebacks, the release of a model), for replay --labels.",
    ),
]
ListThem = Annotated[bool, typer.Option("--list", help="Show the scenarios and do nothing else.")]


def simulate(
    scenario: Name = None,
    output: EventsTo = None,
    truth: TruthTo = None,
    words: WordsTo = None,
    kafka: ToKafka = False,
    seed: Seed = 1,
    scale: Scale = 1.0,
    split: SplitOf = "tune",
    level: LevelOf = "careful",
    days: Days = None,
    accounts: Accounts = None,
    sketch_ratio: Sketches = 0.0,
    dilution: Dilution = None,
    quiet: Quiet = None,
    pace: Pace = 1.0,
    start: Start = "2026-04-22",
    list_them: ListThem = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Make traffic with the truth attached: honest customers, crowds and campaigns.

    The same options give the same bytes. Campaigns have the size of the public record unless they are
    scaled; docs/traffic.md tells what happens in each scenario.

    For example:

        stream-guard simulate deepseek+background -o events.jsonl.zst --truth truth.jsonl

        stream-guard simulate qwen:0.02@naive+hackathon+background:8000 --days 5 -o - --truth truth.jsonl
    """
    from stream_guard.simulator.output import check_name
    from stream_guard.simulator.scenario import Order, build

    if list_them:
        _list(json)
        return
    order = Order(
        seed=seed,
        split=split,
        scale=_above_zero("--scale", scale),
        level=level,
        days=None if days is None else _above_zero("--days", days),
        accounts=accounts,
        sketch_ratio=sketch_ratio,
        dilution=dilution,
        quiet=quiet,
        pace=_above_zero("--pace", pace),
        start=_whole_hour(start),
    )
    if scenario is None or truth is None or (output is None) == (not kafka):
        message = "simulate: expected SCENARIO, --truth FILE and either -o FILE or --kafka"
        raise ConfigurationError(message)
    if output is not None:
        check_name(output)
    _refuse_overlaps(output, [truth, *([words] if words else [])])
    traffic = build(scenario, order)
    if output is None:
        _into_kafka(traffic, config)
    else:
        _into_file(traffic, output)
    rows = [*traffic.truth()]
    _write_rows(truth, rows)
    if words is not None:
        _write_rows(words, traffic.words())
    _report(traffic, len(rows))


def _list(json: bool) -> None:
    from stream_guard.simulator.catalogue import described

    listed = described()
    if json:
        show_json({"name": name, "sort": sort, "what": what} for name, (sort, what) in listed.items())
    else:
        show_table(("name", "sort", "what"), ((name, *told) for name, told in listed.items()))


def _into_file(traffic: Any, output: str) -> None:
    from stream_guard.simulator.output import open_lines
    from stream_guard.sinks.files import naming

    closing, file = open_lines(output)
    with naming(output), closing:
        for block in _watched(traffic, traffic.blocks()):
            file.write(block)


def _into_kafka(traffic: Any, config: Path | None) -> None:
    from stream_guard.bootstrap import build_topology
    from stream_guard.cli.simulate_kafka import BatchSender
    from stream_guard.runtime.topics import ensure_topics

    settings = settings_from(config)
    topology = build_topology(settings)
    ensure_topics(topology, settings.kafka)
    with BatchSender(settings.kafka.bootstrap, topology.stream("requests")) as sender:
        for accounts, lines in _watched(traffic, traffic.keyed()):
            sender.send(accounts, lines)


def _watched(traffic: Any, parts: Iterable[Part]) -> Iterator[Part]:
    """All events, with progress."""
    begin, end = traffic.span
    with progress_bar("simulate", int(end - begin)) as bar:
        for part in parts:
            yield part
            bar.at(int(traffic.played_to - begin))


def _write_rows(path: Path, rows: Iterable[Any]) -> None:
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


def _report(traffic: Any, accounts: int) -> None:
    say(f"{traffic.count:,} events of {accounts:,} accounts")
    for name, planned in traffic.planned.items():
        say(f"{name}: {planned:,} answered exchanges")


def _refuse_overlaps(output: str | None, others: list[Path]) -> None:
    """No file twice, and each in a folder that is there."""
    taken = {Path(output).resolve()} if output not in (None, "-") else set()
    for path in others:
        if path.resolve() in taken or not path.resolve().parent.is_dir():
            message = f"{path}: expected a file of its own in a folder that is there"
            raise ConfigurationError(message)
        taken.add(path.resolve())


def _above_zero(option: str, value: float) -> float:
    if not value > 0:
        message = f"{option}: expected a number above zero; got {value:g}"
        raise ConfigurationError(message)
    return value


def _whole_hour(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"--start: expected RFC 3339, e.g. 2026-04-22T00:00:00Z; got {text!r}"
        raise ConfigurationError(message) from error
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    seconds = at.timestamp()
    if seconds % 3600 or seconds <= 0:
        message = f"--start: expected a whole hour after 1970; got {text!r}"
        raise ConfigurationError(message)
    return seconds
