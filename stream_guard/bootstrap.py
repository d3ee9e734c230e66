"""The only place that knows the world: settings in, the joined program out.

`build_topology` fills the picture of `topology.py` with the real stages, streams and codecs; every
runtime (local, Faust) runs what it returns.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from stream_guard.accounts.stage import Accounts
from stream_guard.campaigns.stage import Campaigns
from stream_guard.clock import DAY_MS, to_ms
from stream_guard.decisions.control import ControlDesk
from stream_guard.decisions.policy import Policy, load_policy
from stream_guard.decisions.stage import Decisions
from stream_guard.groups.stage import Groups
from stream_guard.records import (
    CampaignState,
    Control,
    DeadLetter,
    Decision,
    Finding,
    Profile,
    RequestEvent,
    Verdict,
)
from stream_guard.settings import Settings
from stream_guard.sketches.prompt import SKETCH_VERSION
from stream_guard.sketches.tables import load_sketcher
from stream_guard.topology import DEAD_LETTERS, Step, Stream, Topology
from stream_guard.wire.controls import decode_control
from stream_guard.wire.native import EventDecoder
from stream_guard.wire.networks import load_networks
from stream_guard.wire.redact import redact

FRAMES_RETENTION_MS = DAY_MS
"""How long a worker may be away and still find the frames of its open ticks."""
DEAD_LETTERS_RETENTION_MS = 14 * DAY_MS


def build_topology(
    settings: Settings, policy: Policy | None = None, decoder: EventDecoder | None = None
) -> Topology:
    """The whole line, from requests to decisions; ConfigurationError if a setting can not be used."""
    policy = policy or load_policy(Path(settings.policy) if settings.policy else None)
    decoder = decoder or build_decoder(settings)
    stream = settings.stream
    return Topology(
        streams=_streams(settings, decoder),
        steps=(
            Step(
                "accounts",
                lambda: Accounts(settings.accounts, to_ms(stream.forget_after_s)),
                "requests",
                ("profiles", "verdicts"),
            ),
            Step("control", lambda: ControlDesk(stream.partitions), "control", ("findings", "verdicts")),
            Step("groups", lambda: Groups(settings), "profiles", ("findings",)),
            Step("campaigns", lambda: Campaigns(settings), "findings", ("verdicts", "campaigns")),
            Step("decisions", lambda: Decisions(policy, stream.partitions), "verdicts", ("decisions",)),
        ),
        tick_ms=to_ms(stream.tick_s),
        lateness_ms=to_ms(stream.lateness_s),
        future_ms=to_ms(stream.future_s),
    )


def _streams(settings: Settings, decoder: EventDecoder) -> tuple[Stream, ...]:
    parts = settings.stream.partitions

    def frames(name: str, partitions: int, record: type) -> Stream:
        return Stream(name, f"guard.{name}.v1", partitions, record, retention_ms=FRAMES_RETENTION_MS)

    return (
        Stream(
            "requests", settings.kafka.requests_topic, parts, RequestEvent, "log",
            decode=decoder.decode, time=_event_time, redact=redact,
        ),
        Stream(
            "control", "guard.control.v1", 1, Control, "log",
            decode=decode_control, time=_control_time, redact=redact, retention_ms=-1,
        ),
        frames("profiles", parts, Profile),
        frames("findings", 1, Finding),
        frames("verdicts", parts, Verdict),
        Stream("decisions", "guard.decisions.v1", parts, Decision, "sink", compacted=True),
        Stream("campaigns", "guard.campaigns.v1", 1, CampaignState, "sink", compacted=True),
        Stream(
            DEAD_LETTERS, "guard.dead-letters.v1", 1, DeadLetter, "sink",
            retention_ms=DEAD_LETTERS_RETENTION_MS,
        ),
    )  # fmt: skip


def build_decoder(settings: Settings) -> EventDecoder:
    """A decoder that sketches prompts where the extra ``sketch`` is installed, and fills in networks."""
    networks = load_networks(Path(settings.networks)) if settings.networks else None
    return EventDecoder(sketch=_sketcher(), sketch_version=SKETCH_VERSION, networks=networks)


def _sketcher() -> Callable[[str], bytes] | None:
    """Text to sketch, or None without the extra.

    Loaded at the first prompt: most gateways send sketches, and the tables weigh 16 MB.
    """
    if find_spec("wordllama") is None or find_spec("tokenizers") is None:
        return None
    loaded: list[Callable[[str], bytes]] = []

    def sketch(text: str) -> bytes:
        if not loaded:
            loaded.append(load_sketcher().sketch)
        return loaded[0](text)

    return sketch


def _event_time(event: RequestEvent) -> int:
    return round(event.occurred_at * 1000)


def _control_time(control: Control) -> int:
    return round(control.spoken_at * 1000)
