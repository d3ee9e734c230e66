"""`stream-guard demo`: the whole program on a shipped sample, in one terminal.

Real parts but for Kafka: the local runtime, a Valkey server from a wheel, the metrics endpoint.
"""

import gc
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from stream_guard.cli.demo_truth import Truth
from stream_guard.cli.demo_view import Scene, view_for
from stream_guard.cli.demo_words import Told, campaign_line, closing, evaluation, opening, staying
from stream_guard.cli.options import Config, settings_from
from stream_guard.cli.output import say
from stream_guard.cli.replay import GC_THRESHOLDS
from stream_guard.cli.shift import Shifter, whole_days
from stream_guard.errors import ConfigurationError
from stream_guard.records import CampaignState
from stream_guard.samples import TRAFFIC, TRUTH
from stream_guard.settings import Settings

STEP = 256  # lines between looks at the clock
MEASURE_S = 1.0  # between readings of the lanes
FLUSH_S = 10.0
KEEP_S = 30 * 86_400.0  # the sample's three days lie in the past: what ended in them stays readable
Messages = list[tuple[bytes | None, bytes]]


Stay = Annotated[bool, typer.Option("--stay", help="Keep serving metrics and Valkey until Ctrl-C.")]
Seconds = Annotated[
    float,
    typer.Option("--seconds", min=0.0, help="How long to stretch the sample over; 0: as fast as it goes."),
]


def demo(stay: Stay = False, seconds: Seconds = 20.0, config: Config = None) -> None:
    """Run the shipped sample of real traffic through the whole program, and watch.

    Requests go in, decisions come out, Valkey holds them, metrics are served. It ends by itself with
    a summary, and Valkey with it. The sample holds two campaigns among honest people, offices and
    classes; its truth is only looked at in the end.

    For example:

        stream-guard demo

        stream-guard demo --stay
    """
    from stream_guard.telemetry.logs import configure_logs

    settings = settings_from(config)
    configure_logs("warning")
    console = Console()
    with ExitStack() as stack:
        show = Show(settings, stack)
        console.print(opening(show.scene.total, seconds), highlight=False, markup=False, soft_wrap=True)
        with view_for(show.scene, console) as view:
            show.play(seconds, view.update)
        console.print(show.summary(), highlight=False, markup=False, soft_wrap=not console.is_terminal)
        if stay:
            say(staying(show.scene.addresses["Valkey"], show.scene.addresses["metrics"]))
            _stay()


def _stay() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return


class Show:
    """Everything that runs during the demo."""

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        from stream_guard.bootstrap import build_decoder, build_topology
        from stream_guard.embedded.valkey import EmbeddedValkey
        from stream_guard.runtime.local import LocalRuntime
        from stream_guard.runtime.replay import Replay
        from stream_guard.sinks.decision_store import MemoryDecisionStore
        from stream_guard.sinks.redis_projection import RedisProjection

        self._lines = _lines_of(TRAFFIC)
        self._truth = Truth(_lines_of(TRUTH))
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="stream-guard-demo-"))
        valkey = stack.enter_context(EmbeddedValkey(Path(directory)))
        self._store = MemoryDecisionStore()
        self._projection = RedisProjection(valkey.url, self._store.everything, _keeping(settings))
        self._projection.start()
        stack.callback(self._projection.close)
        decoder = build_decoder(settings)
        self._telemetry, url = _metrics(settings, decoder, self._projection, stack)
        self._tally = _tally()
        self._runtime = LocalRuntime(build_topology(settings, decoder=decoder), self._sink)
        self._replay = Replay(self._runtime)
        self._campaigns: dict[str, CampaignState] = {}
        self._seconds = 0.0
        self.scene = Scene(len(self._lines), {"metrics": url, "Valkey": valkey.url})

    def play(self, seconds: float, update: Callable[[], None]) -> None:
        """Feed the sample, stretched over ``seconds`` where the machine is faster."""
        gc.set_threshold(*GC_THRESHOLDS)
        shifter, step = Shifter(), _step(self._lines)
        self.scene.started = started = time.monotonic()
        measured = 0.0
        for number, line in enumerate(self._lines, 1):
            moved = shifter.shift(line, step)
            self._truth.saw(moved)
            self._replay.feed(moved)
            if number % STEP:
                continue
            measured = self._look(number, measured)
            update()
            ahead = started + seconds * number / len(self._lines) - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
        self._replay.finish()
        self._look(len(self._lines), 0.0)
        self._projection.flush(FLUSH_S)
        self._seconds = time.monotonic() - started

    def summary(self) -> str:
        """How it went, in words."""
        campaigns = list(self._campaigns.values())
        lines = closing(
            self.scene, self._seconds, self._tally.actions.total(), campaigns, self._read_back()
        ) + evaluation(self._truth.report())
        return "\n".join(lines)

    def _read_back(self) -> Told:
        """Ask Valkey, as `decisions list` does."""
        from stream_guard.sinks.decision_store import RedisDecisionStore

        address = self.scene.addresses["Valkey"]
        decided = {decision.account_id: decision for decision in self._store.newest(self.scene.total)}
        store = RedisDecisionStore(address)
        try:
            found = store.newest(self.scene.total)
        finally:
            store.close()
        equal = sum(decided.get(decision.account_id) == decision for decision in found)
        return Told(equal, len(decided), address)

    def _look(self, number: int, measured: float) -> float:
        """Take over what the lanes counted, about once a second; returns when that was."""
        from stream_guard.cli.tally import accounts_in
        from stream_guard.decisions.explain import at

        now = time.monotonic()
        scene = self.scene
        scene.events, scene.clock = number, at(self._replay.arrival / 1000)
        if now - measured < MEASURE_S:
            return measured
        scene.accounts = accounts_in(self._runtime)
        self._telemetry.measured(self._runtime.statuses())
        return now

    def _sink(self, stream: str, _partition: int, messages: Messages) -> None:
        """What leaves the stages: counted, shown, and pushed to Valkey."""
        self._telemetry.saw(stream, messages)
        self._tally.take(stream, messages)
        if stream == "decisions":
            self._projection.push(self._store.push(messages))
            self._show_decisions(messages)
        elif stream == "campaigns":
            for _, value in messages:
                campaign = msgspec.json.decode(value, type=CampaignState)
                self._campaigns[campaign.campaign_id] = campaign
                self.scene.campaigns[campaign.campaign_id] = campaign_line(campaign)

    def _show_decisions(self, messages: Messages) -> None:
        from stream_guard.decisions.explain import one_line
        from stream_guard.sinks.entry import decode_decision

        for _, value in messages:
            self._truth.decided(value)
            decision = decode_decision(value)
            self.scene.newest.appendleft((decision.action, one_line(decision)))
        scene = self.scene
        scene.reasons, scene.holding = self._tally.reasons, self._tally.holding


def _keeping(settings: Settings) -> Any:
    """The projection's settings, with room for decisions on events of the past."""
    from stream_guard.sinks.redis_projection import projection_config

    kept = max(settings.redis.keep_expired_s, KEEP_S)
    return projection_config(msgspec.structs.replace(settings.redis, keep_expired_s=kept))


def _tally() -> Any:
    from stream_guard.cli.tally import Tally

    return Tally()


def _metrics(settings: Settings, decoder: Any, projection: Any, stack: ExitStack) -> tuple[Any, str]:
    """Telemetry and its address; a free port if the usual one is taken."""
    from stream_guard.telemetry.observing import Telemetry
    from stream_guard.telemetry.server import MetricsServer

    telemetry = Telemetry()
    telemetry.watch_decoder(decoder)
    telemetry.watch_projection(projection)
    telemetry.watch_budget(settings.budget.false_blocks_per_100k_account_days)
    try:
        server = MetricsServer(telemetry.registry, settings.telemetry)
    except ConfigurationError:
        free = msgspec.structs.replace(settings.telemetry, metrics_port=0)
        server = MetricsServer(telemetry.registry, free)
    stack.callback(server.close)
    return telemetry, server.url


def _lines_of(path: Path) -> list[bytes]:
    from stream_guard.wire.files import EventFile

    return list(EventFile(str(path)))


def _step(lines: list[bytes]) -> float:
    from stream_guard.runtime.replay import Heads

    heads = Heads()
    newest = max(heads.read(line)[1] for line in lines)
    return whole_days(newest / 1000, time.time())
