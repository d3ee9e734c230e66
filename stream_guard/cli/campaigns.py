"""`stream-guard campaigns`: who acts as one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from stream_guard.cli.options import Config, Json, settings_from
from stream_guard.cli.output import show, show_json, show_table
from stream_guard.cli.words import lines_of
from stream_guard.errors import ConfigurationError, StreamGuardError
from stream_guard.records import CampaignState

app = typer.Typer(no_args_is_help=True, help="Show campaigns.")
File = Annotated[
    Path | None,
    typer.Option(
        "--file", "-f", help="What a replay wrote with --campaigns.", show_default="the topic in Kafka"
    ),
]
TOPIC = "guard.campaigns.v1"
SHOWN_MEMBERS = 20


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Ended and merged ones, too.")] = False,
    file: File = None,
    config: Config = None,
    is_json: Json = False,
) -> None:
    """List campaigns, the newest change first.

    For example:

        stream-guard campaigns list

        stream-guard campaigns list --all --file campaigns.jsonl --json
    """
    from stream_guard.decisions.explain import at

    found = read(file, config)
    shown = sorted(found.values(), key=lambda c: (-c.changed_at, c.campaign_id))
    shown = [campaign for campaign in shown if everything or campaign.status == "active"]
    if is_json:
        show_json(shown)
        return
    show_table(
        ("campaign", "kind", "status", "members", "harvested", "founded", "changed"),
        [
            (
                c.campaign_id, c.kind, c.status, str(len(c.members)), f"{c.harvested:,}",
                at(c.founded_at), at(c.changed_at),
            )
            for c in shown
        ],
    )  # fmt: skip


@app.command("show")
def show_(
    campaign_id: Annotated[str, typer.Argument(help="Its id, as in the list.", show_default=False)],
    file: File = None,
    config: Config = None,
    is_json: Json = False,
) -> None:
    """Show one campaign: members, what ties them together, evidence, history.

    For example:

        stream-guard campaigns show c-17 --json
    """
    campaign = read(file, config).get(campaign_id)
    if campaign is None:
        message = f"no campaign {campaign_id!r}: `stream-guard campaigns list --all` shows all there are"
        raise StreamGuardError(message)
    if is_json:
        show_json([campaign])
    else:
        show(describe(campaign))


def read(file: Path | None, config: Path | None) -> dict[str, CampaignState]:
    """The newest state of each campaign."""
    import msgspec

    lines: Any
    if file is not None:
        lines, place = lines_of(file), str(file)
    else:
        from stream_guard.sinks.decision_log import DecisionLog

        bootstrap = settings_from(config).kafka.bootstrap
        lines = (value for value, _ in DecisionLog(bootstrap, TOPIC).everything())
        place = f"{TOPIC} at {bootstrap}"
    decode = msgspec.json.Decoder(CampaignState).decode
    try:
        states = [decode(line) for line in lines]
    except msgspec.DecodeError as error:
        message = f"{place}: expected campaigns, one JSON object per line; got: {error}"
        raise ConfigurationError(message) from error
    return {state.campaign_id: state for state in states}


def describe(campaign: CampaignState) -> str:
    """A campaign in words."""
    from stream_guard.decisions.explain import at

    lines = [
        f"Campaign {campaign.campaign_id}: {campaign.kind}, {campaign.status}",
        f"  founded {at(campaign.founded_at)}, changed {at(campaign.changed_at)}, "
        f"{campaign.harvested:,} answered exchanges",
    ]
    if campaign.merged_into:
        lines.append(f"  merged into {campaign.merged_into}")
    lines += ["", "What ties them together (members that show it)"]
    lines += [f"  {indicator} ({count})" for indicator, count in campaign.indicators]
    lines += ["", "Evidence (seen; honest traffic; nats)"]
    lines += [f"  {e.name}: {e.value:.3g}; {e.expected:.3g}; {e.weight:+.1f}" for e in campaign.evidence]
    lines += ["", f"Members ({len(campaign.members)})"]
    lines += [f"  {member}" for member in campaign.members[:SHOWN_MEMBERS]]
    if len(campaign.members) > SHOWN_MEMBERS:
        lines.append(f"  ... and {len(campaign.members) - SHOWN_MEMBERS} more: --json shows all")
    lines += ["", "History", *(f"  {at(when)} {what}" for when, what in campaign.timeline)]
    return "\n".join(lines)
