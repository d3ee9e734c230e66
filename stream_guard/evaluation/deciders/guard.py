"""The guard itself, in the local runtime.

`ReplayedGuard` reads a recorded log as `stream-guard replay` does: same files, same decisions.
`LiveGuard` hears of every request at once and of event time on every partition, as live workers do
through their heartbeats, so that it decides as soon as a tick can close.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from stream_guard.bootstrap import build_topology
from stream_guard.decisions.policy import Policy
from stream_guard.evaluation.grouping import Found
from stream_guard.evaluation.rulings import Ruling
from stream_guard.runtime.lane import HEARTBEAT
from stream_guard.runtime.local import LocalRuntime
from stream_guard.runtime.outlet import Messages
from stream_guard.runtime.replay import Heads, Replay
from stream_guard.settings import Settings


class Collected:
    """A runtime's sinks: rulings until they are taken, the newest state of each campaign."""

    def __init__(self) -> None:
        self.states: dict[str, Found] = {}
        self._rulings: list[Ruling] = []
        self._decision: Callable[[bytes], Ruling] = msgspec.json.Decoder(Ruling).decode
        self._campaign: Callable[[bytes], Found] = msgspec.json.Decoder(Found).decode

    def __call__(self, stream: str, _partition: int, messages: Messages) -> None:
        """Take what leaves the stages (`runtime.local.Sink`)."""
        if stream == "decisions":
            self._rulings += [self._decision(value) for _, value in messages]
        elif stream == "campaigns":
            for _, value in messages:
                state = self._campaign(value)
                self.states[state.campaign_id] = state

    def taken(self) -> list[Ruling]:
        """All rulings since the last call."""
        rulings, self._rulings = self._rulings, []
        return rulings


class ReplayedGuard:
    """The guard over a recorded log."""

    def __init__(self, settings: Settings, policy: Policy | None = None, name: str = "stream-guard") -> None:
        self.name = name
        self._sink = Collected()
        self._replay = Replay(LocalRuntime(build_topology(settings, policy), self._sink))

    def take(self, lines: Sequence[bytes], now: float) -> list[Ruling]:  # noqa: ARG002 - the lines tell the time
        """Feed the lines; what they lead to may come with later ones."""
        for line in lines:
            self._replay.feed(line)
        return self._sink.taken()

    def finish(self) -> list[Ruling]:
        """Close every tick."""
        self._replay.finish()
        return self._sink.taken()

    def found(self) -> Mapping[str, Found]:
        """Campaigns so far."""
        return self._sink.states


class LiveGuard:
    """The guard in a closed loop; lines come in time order."""

    def __init__(self, settings: Settings, policy: Policy | None = None, name: str = "stream-guard") -> None:
        self.name = name
        self._sink = Collected()
        self.runtime = LocalRuntime(build_topology(settings, policy), self._sink)
        self._requests = self.runtime.topology.stream("requests")
        self._slack_ms = self.runtime.topology.lateness_ms + 1
        self._heads = Heads()

    def take(self, lines: Sequence[bytes], now: float) -> list[Ruling]:
        """Feed the lines, then say on every partition how late it is."""
        partitions: dict[int, Messages] = {}
        for line in lines:
            account_id = self._heads.read(line)[0] or ""
            partition = self._requests.partition(account_id)
            partitions.setdefault(partition, []).append((account_id.encode(), line))
        at = round(now * 1000)
        beat: tuple[bytes | None, bytes] = (HEARTBEAT, b"%d" % (at - self._slack_ms))
        for partition in range(self._requests.partitions):
            self.runtime.append("requests", partition, [*partitions.get(partition, ()), beat], at)
        self.runtime.append("control", 0, [beat], at)
        return self._sink.taken()

    def finish(self) -> list[Ruling]:
        """Close every tick."""
        self.runtime.finish()
        return self._sink.taken()

    def found(self) -> Mapping[str, Found]:
        """Campaigns so far."""
        return self._sink.states
