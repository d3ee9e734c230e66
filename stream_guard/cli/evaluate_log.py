"""The part of `stream-guard evaluate` that judges recorded events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import typer

from stream_guard.cli.options import settings_from
from stream_guard.cli.output import progress_bar, say, show, show_table
from stream_guard.errors import ConfigurationError

PROGRESS_EVERY = 2048  # lines
Outputs = tuple[Path | None, Path | None]
"""Where JSON and HTML go."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded."""

    events: list[str]
    truth: Path
    decisions: Path | None
    campaigns: Path | None


def judge(
    recorded: Recorded, who: tuple[Sequence[str], Sequence[str]], outputs: Outputs, config: Path | None
) -> None:
    """Every decider (and policy, of the guard) over the same log; or the decisions that are there."""
    from stream_guard.evaluation import openlog
    from stream_guard.evaluation.truth import read_truth
    from stream_guard.wire.files import EventFile

    log = Log(recorded.events)
    known = read_truth(EventFile(str(recorded.truth)), str(recorded.truth))
    results = []
    for name, ruled in _rulings(recorded, who, log, config):
        about = {"decider": name, "traffic": ", ".join(Path(name).name for name in log.names)}
        results.append(openlog.count(log, known, ruled, about))
        _refuse_nothing_judged(results[-1], recorded.truth)
    show_and_write(results, outputs)
    _say_what_is_missing(results[0], log)


def _rulings(
    recorded: Recorded, who: tuple[Sequence[str], Sequence[str]], log: "Log", config: Path | None
) -> Iterator[tuple[str, Any]]:
    from stream_guard.decisions.policy import load_policy
    from stream_guard.evaluation.deciders.catalogue import decider_of
    from stream_guard.evaluation.openlog import decide

    if recorded.decisions is not None:
        yield str(recorded.decisions), _read(recorded.decisions, recorded.campaigns)
        return
    settings = settings_from(config)
    for text in who[0]:
        for path in who[1] if text.startswith("guard") else who[1][:1]:
            chosen = path or settings.policy
            policy = load_policy(Path(chosen) if chosen else None)
            decider = decider_of(text, settings, policy, is_live=False)
            yield decider.name + (f", {path}" if path else ""), decide(log, decider)


def _read(decisions: Path, campaigns: Path | None) -> Any:
    from stream_guard.evaluation.grouping import read_found
    from stream_guard.evaluation.openlog import Ruled
    from stream_guard.evaluation.rulings import read_rulings
    from stream_guard.wire.files import EventFile

    found = read_found(EventFile(str(campaigns)), str(campaigns)) if campaigns else {}
    return Ruled(read_rulings(EventFile(str(decisions)), str(decisions)), found)


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

    def __call__(self) -> Iterator[bytes]:
        """All lines."""
        from stream_guard.wire.files import EventFile

        self.faults, before = [], 0
        with progress_bar("evaluate", self._total) as bar:
            for name in self.names:
                file = EventFile(name)
                for number, line in enumerate(file):
                    yield line
                    if number % PROGRESS_EVERY == 0:
                        bar.at(before + file.offset)
                before += file.offset
                self.faults += [file.fault] if file.fault else []


def show_and_write(
    results: Sequence[Any], outputs: Outputs, sweeps: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Tables on standard output, unless JSON goes there; JSON and page into their files.

    One result is written as it is, several as a list of them.
    """
    from stream_guard.evaluation.report import render

    json, html = outputs
    if json is not None:
        whole = results[0] if len(results) == 1 else list(results)
        text = msgspec.json.format(msgspec.json.encode(whole), indent=2)
        if str(json) == "-":
            show(text.decode())
        else:
            json.write_bytes(text + b"\n")
    if html is not None:
        html.write_text(render(results, "Evaluation", sweeps), encoding="utf-8")
    if str(json) != "-":
        _show(results)


def _show(results: Sequence[Any]) -> None:
    from stream_guard.evaluation import tables
    from stream_guard.evaluation.pooling import pooled

    for result in results if len(results) <= 2 else ():
        for sheet in (tables.campaigns([result]), tables.honest([result]), tables.reasons(result)):
            if sheet.rows:
                show_table(*sheet)
                show("")
    pools = pooled(results)
    if len(results) > 2:
        show_table(*tables.pooled_campaigns(pools))
        show("")
    show_table(*tables.deciders(pools))


def _refuse_nothing_judged(result: Any, truth: Path) -> None:
    """No events, or a truth about other accounts, would look like a perfect result."""
    if not result.events:
        message = "--events: expected events; got none that can be read"
        raise ConfigurationError(message)
    if result.unlabelled_accounts and not (result.campaigns or result.honest):
        strangers = result.unlabelled_accounts
        message = f"{truth}: expected the truth about the accounts of the events; got none of {strangers:,}"
        raise ConfigurationError(message)


def _say_what_is_missing(result: Any, log: Log) -> None:
    if result.unlabelled_accounts:
        say(f"{result.unlabelled_accounts:,} accounts have no truth and were left out")
    if result.unreadable:
        say(f"{result.unreadable:,} lines could not be read and were left out")
    for fault in log.faults:
        say(f"error: {fault}")
    if log.faults:
        raise typer.Exit(1)
