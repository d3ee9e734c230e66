"""`stream-guard replay`: recorded events through all stages, decisions into a file."""

import gc
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from stream_guard.cli.options import Config, Files, settings_from
from stream_guard.cli.output import progress_bar, say
from stream_guard.errors import ConfigurationError
from stream_guard.settings import Settings

# Rows are trees without cycles: walking all of them again and again is what the collector costs
# (25-40 % of all CPU with the stock thresholds).
GC_THRESHOLDS = (50_000, 20, 1_000)
LINE_BITS = 40
PROGRESS_EVERY = 2048  # lines
Messages = list[tuple[bytes | None, bytes]]


DecisionsTo = Annotated[
    Path,
    typer.Option(
        "--decisions", "-d", help="Where decisions go, one JSON object per line.", show_default=False
    ),
]
CampaignsTo = Annotated[Path | None, typer.Option("--campaigns", help="Where campaigns go.")]
DeadLettersTo = Annotated[
    Path | None,
    typer.Option(
        "--dead-letters",
        help="Where lines go that can not be read; written only if there are any.",
        show_default="beside the decisions",
    ),
]
PolicyFrom = Annotated[
    Path | None,
    typer.Option("--policy", "-p", help="Policy, a TOML file.", show_default="that of the settings"),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        help="Operators' words (labels, exemptions, chargebacks ...), one JSON object per line, spoken in "
        "their time.",
    ),
]
SummaryTo = Annotated[Path | None, typer.Option("--summary", help="Where counts and timings go, as JSON.")]


def replay(
    files: Files,
    decisions: DecisionsTo,
    campaigns: CampaignsTo = None,
    dead_letters: DeadLettersTo = None,
    policy: PolicyFrom = None,
    labels: Labels = None,
    summary: SummaryTo = None,
    config: Config = None,
) -> None:
    """Run recorded events through all stages, in this process.

    The same files and policy give the same decisions, byte for byte. Bad lines are counted and
    written to the dead letters with their reason; they never stop the run.

    For example:

        stream-guard replay day.jsonl.zst -d decisions.jsonl --summary summary.json

        zcat *.gz | stream-guard replay - -d decisions.jsonl --policy strict.toml
    """
    from stream_guard.decisions.policy import load_policy
    from stream_guard.wire.files import EventFile

    settings = settings_from(config)
    loaded = load_policy(policy or (Path(settings.policy) if settings.policy else None))
    inputs = [EventFile(name) for name in files]
    words = _words(labels)
    paths = {"decisions": decisions} | ({"campaigns": campaigns} if campaigns else {})
    outlets = Outlets(dead_letters or _beside(decisions), files)
    _refuse_overlaps(files, [*paths.values(), outlets.dead_letters, *([summary] if summary else [])])
    done = _play(settings, loaded, inputs, words, outlets, paths)
    if summary is not None:
        summary.write_bytes(msgspec.json.format(msgspec.json.encode(done), indent=2) + b"\n")
    _report(done, decisions, outlets)
    if done.truncated:
        raise typer.Exit(1)


def _refuse_overlaps(inputs: list[str], outputs: list[Path]) -> None:
    """No output may be an input, another output, or anything but a file."""
    taken = {Path(name).resolve(): "read" for name in inputs if name != "-"}
    for path in outputs:
        place = path.resolve()
        if place in taken:
            message = f"{path}: expected a file of its own to write to; it is {taken[place]} as well"
            raise ConfigurationError(message)
        if path.exists() and not path.is_file():
            message = f"{path}: expected a file to write to; it is none"
            raise ConfigurationError(message)
        taken[place] = "written"


def _play(
    settings: Settings,
    policy: Any,
    inputs: list[Any],
    words: list[Any],
    outlets: "Outlets",
    paths: dict[str, Path],
) -> Any:
    """Everything through all stages; returns the summary.  After an error no file is completed."""
    from stream_guard.bootstrap import build_topology
    from stream_guard.decisions.stage import MODEL_VERSION
    from stream_guard.runtime.local import LocalRuntime
    from stream_guard.runtime.replay import Replay
    from stream_guard.sinks.files import FileSinks

    gc.set_threshold(*GC_THRESHOLDS)
    with FileSinks(paths) as files, ExitStack() as stack:
        stack.push(outlets.close)
        outlets.files = files
        runtime = LocalRuntime(build_topology(settings, policy), outlets)
        running = Replay(runtime, words)
        outlets.tag_of = running.tag_of
        truncated = _feed(running, inputs)
        running.finish()
        return outlets.tally.summary(runtime, truncated, (policy.version, MODEL_VERSION))


def _words(labels: Path | None) -> list[Any]:
    if labels is None:
        return []
    from stream_guard.clock import to_ms
    from stream_guard.runtime.replay import words_of
    from stream_guard.wire.controls import decode_control
    from stream_guard.wire.files import EventFile

    return words_of(EventFile(str(labels)), lambda line: to_ms(decode_control(line).spoken_at))


def _feed(running: Any, inputs: list[Any]) -> list[str]:
    """All lines of all inputs; returns what cut inputs short."""
    sizes = [file.total for file in inputs]
    total = None if None in sizes else sum(sizes)
    before = 0
    with progress_bar("replay", total) as bar:
        for number, file in enumerate(inputs):
            for line in file:
                running.feed(line, number << LINE_BITS | file.line)
                if running.lines % PROGRESS_EVERY == 0:
                    bar.at(before + file.offset)
            before += file.offset
    return [file.fault for file in inputs if file.fault]


def _beside(decisions: Path) -> Path:
    return decisions.parent / (decisions.name.removesuffix(".jsonl") + ".dead-letters.jsonl")


class Outlets:
    """The sinks of a replay: files, counts, and dead letters that name file and line."""

    def __init__(self, dead_letters: Path, names: list[str]) -> None:
        from stream_guard.cli.tally import Tally

        self.tally = Tally()
        self.dead_letters = dead_letters
        self.tag_of: Callable[[int, int], int | None] = lambda _partition, _offset: None
        self.files: Callable[[str, int, Messages], None] = lambda _stream, _partition, _messages: None
        self._names = names
        self._dead: Any = None

    def __call__(self, stream: str, partition: int, messages: Messages) -> None:
        """Take what leaves the stages (`runtime.local.Sink`)."""
        self.files(stream, partition, messages)
        self.tally.take(stream, messages)
        if stream == "dead_letters":
            self._bury(messages)

    def _bury(self, messages: Messages) -> None:
        from stream_guard.records import DeadLetter, to_builtins
        from stream_guard.sinks.files import JsonLinesFile

        if self._dead is None:
            self._dead = JsonLinesFile(self.dead_letters)
        for _, value in messages:
            letter = msgspec.json.decode(value, type=DeadLetter)
            record = to_builtins(letter)
            tag = self.tag_of(letter.partition, letter.offset) if letter.stream == "requests" else None
            if tag is not None:
                record |= {"file": self._names[tag >> LINE_BITS], "line": tag & ((1 << LINE_BITS) - 1)}
            self._dead.write([(None, msgspec.json.encode(record))])

    def close(self, kind: type[BaseException] | None, *_rest: object) -> None:
        """Complete the dead letters, or leave them as they are after an error (`ExitStack.push`)."""
        if self._dead is not None:
            self._dead.abandon() if kind else self._dead.close()


def _report(done: Any, decisions: Path, outlets: Outlets) -> None:
    made = ", ".join(f"{count} {action}" for action, count in done.decisions.items()) or "none"
    say(
        f"{done.events:,} events of {done.accounts:,} accounts in {done.seconds:.1f} s "
        f"({done.events_per_second:,.0f} per second); decisions: {made} -> {decisions}"
    )
    if done.late:
        say(f"{done.late:,} events came after later ones and count as of their time: are the files in order?")
    dead = sum(done.dead_letters.values())
    if dead:
        reasons = ", ".join(f"{count} {reason}" for reason, count in done.dead_letters.items())
        say(f"{dead:,} lines could not be used ({reasons}) -> {outlets.dead_letters}")
    for fault in done.truncated:
        say(f"error: {fault}")
