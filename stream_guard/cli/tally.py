"""What a replay came to: counts for its summary.

Bound: one entry per account that ever had a decision, per reason, per campaign.
"""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from stream_guard.runtime.local import LocalRuntime

DEAD = "dead_letters."


class _Decided(Struct, gc=False):
    account_id: str
    action: str
    shadow: bool
    reason_codes: tuple[str, ...]


class _Campaign(Struct, gc=False):
    campaign_id: str
    status: str


class Summary(Struct, kw_only=True):
    """What `--summary` holds."""

    events: int
    late: int
    future: int
    dead_letters: dict[str, int]  # reason -> messages, those over the cap included
    truncated: list[str]  # inputs that broke off, and where
    accounts: int
    decisions: dict[str, int]  # action -> decisions
    shadow_decisions: int
    holding: dict[str, int]  # action -> accounts that hold it at the end, shadow left out
    reasons: dict[str, int]
    campaigns: dict[str, int]  # status -> campaigns
    policy_version: str
    model_version: str
    seconds: float
    cpu_seconds: float
    events_per_second: float
    events_per_cpu_second: float


class Tally:
    """Counts what a runtime's sinks receive."""

    def __init__(self) -> None:
        self.actions: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.shadow = 0
        self.campaigns: dict[str, str] = {}
        self._holding: dict[str, str] = {}
        self._decode = msgspec.json.Decoder(_Decided).decode
        self._decode_campaign = msgspec.json.Decoder(_Campaign).decode
        self._started = time.monotonic(), time.process_time()

    def take(self, stream: str, messages: Iterable[tuple[bytes | None, bytes]]) -> None:
        """What leaves by ``stream``."""
        if stream == "decisions":
            for _, value in messages:
                self._decided(self._decode(value))
        elif stream == "campaigns":
            for _, value in messages:
                campaign = self._decode_campaign(value)
                self.campaigns[campaign.campaign_id] = campaign.status

    def _decided(self, decision: _Decided) -> None:
        self.actions[decision.action] += 1
        self.reasons.update(decision.reason_codes)
        self.shadow += decision.shadow
        if decision.shadow or decision.action == "allow":
            self._holding.pop(decision.account_id, None)
        else:
            self._holding[decision.account_id] = decision.action

    @property
    def holding(self) -> Counter[str]:
        """Action -> accounts that hold it now."""
        return Counter(self._holding.values())

    def summary(self, runtime: LocalRuntime, truncated: list[str], versions: tuple[str, str]) -> Summary:
        """Everything, now that the runtime has finished."""
        seconds, cpu = time.monotonic() - self._started[0], time.process_time() - self._started[1]
        counts = counts_of(runtime)
        events = counts["events"]
        return Summary(
            events=events,
            late=counts["late"],
            future=counts["future"],
            dead_letters={k.removeprefix(DEAD): n for k, n in sorted(counts.items()) if k.startswith(DEAD)},
            truncated=truncated,
            accounts=accounts_in(runtime),
            decisions=_sorted(self.actions),
            shadow_decisions=self.shadow,
            holding=_sorted(self.holding),
            reasons=_sorted(self.reasons),
            campaigns=_sorted(Counter(self.campaigns.values())),
            policy_version=versions[0],
            model_version=versions[1],
            seconds=round(seconds, 3),
            cpu_seconds=round(cpu, 3),
            events_per_second=round(events / max(seconds, 1e-9), 1),
            events_per_cpu_second=round(events / max(cpu, 1e-9), 1),
        )


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def counts_of(runtime: LocalRuntime) -> Counter[Any]:
    """What the lanes counted: events of requests only, dead letters of all lanes."""
    counts: Counter[Any] = Counter()
    for status in runtime.statuses():
        is_source = status.lane[0] == "accounts"
        counts.update({what: n for what, n in status.counts.items() if is_source or what.startswith(DEAD)})
    return counts


def accounts_in(runtime: LocalRuntime) -> int:
    """How many accounts the runtime has seen."""
    lanes = (lane for (stream, _), lane in runtime.lanes.items() if stream == "requests")
    return sum(key.startswith("a:") for lane in lanes for key in lane.rows.packed)
