"""`stream-guard evaluate`: decisions against the truth."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from stream_guard.cli.options import Config, settings_from
from stream_guard.cli.output import progress_bar, say, show, show_table
from stream_guard.errors import ConfigurationError

Events = Annotated[
    list[str],
    typer.Option("--events", help="Recorded events; more files may follow.", show_default=False),
]
MoreEvents = Annotated[
    list[str] | None, typer.Argument(metavar="[FILE]...", help="More files of events.", show_default=False)
]
TruthFrom = Annotated[
    Path, typer.Option("--truth", "-t", help="Truth, one JSON object per account.", show_default=False)
]
DecisionsFrom = Annotated[
    Path | None,
    typer.Option("--decisions", "-d", help="Decisions on these events.", show_default="those of a replay"),
]
CampaignsFrom = Annotated[
    Path | None,
    typer.Option("--campaigns", help="Campaigns that came with the decisions.", show_default=False),
]
PolicyFrom = Annotated[
    Path | None,
    typer.Option("--policy", "-p", help="Policy, a TOML file.", show_default="that of the settings"),
]
JsonTo = Annotated[
    Path | None, typer.Option("--json", help="Where all results go, as JSON; - is standard output.")
]


def evaluate(
    events: Events,
    truth: TruthFrom,
    more: MoreEvents = None,
    decisions: DecisionsFrom = None,
    campaigns: CampaignsFrom = None,
    policy: PolicyFrom = None,
    json: JsonTo = None,
    config: Config = None,
) -> None:
    """Judge decisions by the truth: what was harvested, and which honest accounts were touched.

    Without --decisions the events are replayed first. What each figure means: docs/evaluation.md.

    For example:

        stream-guard evaluate --events day.jsonl.zst --truth truth.jsonl

        stream-guard evaluate --events a.jsonl b.jsonl --truth truth.jsonl -d decisions.jsonl --json out.json
    """
    from stream_guard.evaluation import openlog, tables
    from stream_guard.evaluation.truth import read_truth
    from stream_guard.wire.files import EventFile

    log = Log([*events, *(more or [])])
    known = read_truth(EventFile(str(truth)), str(truth))
    if decisions is not None:
        ruled = _read(decisions, campaigns)
        decider = str(decisions)
    else:
        ruled, decider = _replay(log, policy, config)
    result = openlog.count(log, known, ruled, {"decider": decider, "traffic": ", ".join(log.names)})
    if json is not None:
        _write(json, result)
    if str(json) != "-":
        for sheet in (tables.campaigns([result]), tables.honest([result]), tables.reasons(result)):
            show_table(*sheet)
            show("")
    _say_what_is_missing(result, log)


class Log:
    """The files of events, read from the beginning each time; progress is drawn."""

    def __init__(self, names: list[str]) -> None:
        from stream_guard.wire.files import EventFile

        if "-" in names:
            message = "--events: expected files: they are read twice, which standard input can not be"
            raise ConfigurationError(message)
        self.names = names
        self.faults: list[str] = []
        self._total = sum(EventFile(name).total or 0 for name in names)
        self._what = iter(("deciding", "counting"))

    def __call__(self) -> Iterator[bytes]:
        """All lines."""
        from stream_guard.wire.files import EventFile

        self.faults, before = [], 0
        with progress_bar(next(self._what, "counting"), self._total) as bar:
            for name in self.names:
                file = EventFile(name)
                for number, line in enumerate(file):
                    yield line
                    if number % 2048 == 0:
                        bar.at(before + file.offset)
                before += file.offset
                self.faults += [file.fault] if file.fault else []


def _replay(log: Log, policy: Path | None, config: Path | None) -> tuple[Any, str]:
    from stream_guard.decisions.policy import load_policy
    from stream_guard.evaluation.deciders.guard import ReplayedGuard
    from stream_guard.evaluation.openlog import decide

    settings = settings_from(config)
    loaded = load_policy(policy or (Path(settings.policy) if settings.policy else None))
    return decide(log, ReplayedGuard(settings, loaded)), f"stream-guard, policy {loaded.version}"


def _read(decisions: Path, campaigns: Path | None) -> Any:
    from stream_guard.evaluation.grouping import read_found
    from stream_guard.evaluation.openlog import Ruled
    from stream_guard.evaluation.rulings import read_rulings
    from stream_guard.wire.files import EventFile

    found = read_found(EventFile(str(campaigns)), str(campaigns)) if campaigns else {}
    return Ruled(read_rulings(EventFile(str(decisions)), str(decisions)), found)


def _write(path: Path, result: Any) -> None:
    text = msgspec.json.format(msgspec.json.encode(result), indent=2)
    if str(path) == "-":
        show(text.decode())
    else:
        path.write_bytes(text + b"\n")


def _say_what_is_missing(result: Any, log: Log) -> None:
    if result.unlabelled_accounts:
        say(f"{result.unlabelled_accounts:,} accounts have no truth and were left out")
    if result.unreadable:
        say(f"{result.unreadable:,} lines could not be read and were left out")
    for fault in log.faults:
        say(f"error: {fault}")
    if log.faults:
        raise typer.Exit(1)
