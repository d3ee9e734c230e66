"""`stream-guard evaluate`: decisions against the truth, recorded or in a closed loop."""

from pathlib import Path
from typing import Annotated

import typer

from stream_guard.cli.options import Config
from stream_guard.errors import ConfigurationError

Events = Annotated[
    list[str] | None,
    typer.Option("--events", help="Recorded events; more files may follow.", show_default=False),
]
MoreEvents = Annotated[
    list[str] | None, typer.Argument(metavar="[FILE]...", help="More files of events.", show_default=False)
]
TruthFrom = Annotated[
    Path | None, typer.Option("--truth", "-t", help="Truth, one JSON object per account.", show_default=False)
]
DecisionsFrom = Annotated[
    Path | None,
    typer.Option("--decisions", "-d", help="Decisions on these events.", show_default="those of a replay"),
]
CampaignsFrom = Annotated[
    Path | None,
    typer.Option("--campaigns", help="Campaigns that came with the decisions.", show_default=False),
]
Scenarios = Annotated[
    list[str] | None,
    typer.Option(
        "--scenario",
        "-s",
        help="Instead of recorded events: a closed loop with this traffic, e.g. deepseek+background. May be "
        "given several times.",
        show_default=False,
    ),
]
Seeds = Annotated[str, typer.Option("--seeds", help="Seeds of the traffic: 1..5, or 1,4,7.")]
Split = Annotated[str, typer.Option("--split", help="Whose seeds: tune, or test, which nothing is tuned on.")]
Scale = Annotated[float, typer.Option("--scale", help="Size of the campaigns against the record's.", min=0.0)]
Levels = Annotated[
    list[str] | None,
    typer.Option("--level", help="How attackers adapt: naive, careful, informed.", show_default="careful"),
]
Days = Annotated[
    float | None, typer.Option("--days", help="Length of the traffic.", show_default="what its parts ask for")
]
Accounts = Annotated[
    int | None,
    typer.Option("--accounts", help="Honest accounts.", show_default="by the size of the campaigns"),
]
SketchRatio = Annotated[
    float, typer.Option("--sketch-ratio", help="Share of events with a prompt sketch.", min=0.0, max=1.0)
]
Deciders = Annotated[
    list[str] | None,
    typer.Option(
        "--decider",
        help="Who decides: guard, guard:budget=10, rate, card, address, trees, or one of these with its "
        "threshold, e.g. rate:200. May be given several times.",
        show_default="guard",
    ),
]
Policies = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        "-p",
        help="Policy, a TOML file. In a closed loop it may be given several times.",
        show_default="that of the settings",
    ),
]
Sweeps = Annotated[
    list[str] | None,
    typer.Option(
        "--sweep",
        help="One parameter through several values: budget=0.1,1,10, dilution=0,0.5,0.9, scale=..., "
        "accounts=..., quiet=0,7",
        show_default=False,
    ),
]
Delay = Annotated[
    float, typer.Option("--delay", help="Seconds from a decision to its being in force.", min=0.0)
]
Step = Annotated[
    float,
    typer.Option(
        "--step", help="Seconds of event time between looks at the traffic; longer is cheaper.", min=0.1
    ),
]
Quiet = Annotated[
    float | None,
    typer.Option(
        "--quiet",
        help="Honest days before --days, to learn from; campaigns begin right after them.",
        min=0.0,
        show_default="none, and campaigns begin within a fifth of the days",
    ),
]
Keep = Annotated[
    Path | None,
    typer.Option(
        "--keep",
        help="Folder for what loops came to: what is known there is not played again.",
        show_default=False,
    ),
]
Workers = Annotated[int, typer.Option("--workers", help="Processes.", min=0, show_default="one per core")]
JsonTo = Annotated[
    Path | None, typer.Option("--json", help="Where all results go, as JSON; - is standard output.")
]
HtmlTo = Annotated[Path | None, typer.Option("--html", help="Where a page to look at goes.")]


def evaluate(
    more: MoreEvents = None,
    events: Events = None,
    truth: TruthFrom = None,
    decisions: DecisionsFrom = None,
    campaigns: CampaignsFrom = None,
    scenario: Scenarios = None,
    seeds: Seeds = "1..3",
    split: Split = "tune",
    scale: Scale = 0.05,
    level: Levels = None,
    days: Days = None,
    accounts: Accounts = None,
    sketch_ratio: SketchRatio = 0.5,
    decider: Deciders = None,
    policy: Policies = None,
    sweep: Sweeps = None,
    delay: Delay = 3.0,
    step: Step = 30.0,
    quiet: Quiet = None,
    workers: Workers = 0,
    keep: Keep = None,
    json: JsonTo = None,
    html: HtmlTo = None,
    config: Config = None,
) -> None:
    """Judge decisions by the truth: what was harvested, and which honest accounts were touched.

    Over recorded events (--events, --truth) it counts what enforcement would have let through; without
    --decisions it replays them first. With --scenario attackers and customers react to what is
    decided, which is the harder and the truer test. What each figure means: docs/evaluation.md.

    For example:

        stream-guard evaluate --events day.jsonl.zst --truth truth.jsonl

        stream-guard evaluate --events a.jsonl b.jsonl --truth truth.jsonl -d decisions.jsonl --json out.json

        stream-guard evaluate -s deepseek+background --decider guard --decider card --html out.html
    """
    if scenario and (events or more or truth or decisions or campaigns):
        message = "--scenario: expected no --events, --truth, --decisions or --campaigns beside it"
        raise ConfigurationError(message)
    if scenario:
        from stream_guard.cli.evaluate_loop import Asked, rehearse

        rehearse(
            Asked(
                scenarios=scenario, seeds=seeds, split=split, scale=scale, levels=level or ["careful"],
                days=days, accounts=accounts, sketch_ratio=sketch_ratio, deciders=decider or ["guard"],
                policies=policy or [""], sweeps=sweep or [], delay_s=delay, step_s=step, quiet=quiet,
                workers=workers, keep=keep,
            ),
            (json, html),
            config,
        )  # fmt: skip
        return
    from stream_guard.cli.evaluate_log import Recorded, judge

    if not events or truth is None:
        message = "expected --events FILE --truth TRUTH, or --scenario NAME"
        raise ConfigurationError(message)
    recorded = Recorded([*events, *(more or [])], truth, decisions, campaigns)
    judge(recorded, (decider or ["guard"], policy or [""]), (json, html), config)
