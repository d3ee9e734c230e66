"""A toy topology with the shape of the real one, whose every number shows a loss, double or reorder.

    requests ─▶ ACCOUNTS ─profiles─▶ GROUPS ─findings─▶ CAMPAIGNS ─verdicts─▶ DECIDE ─▶ decisions
                    └────────────────── verdicts ──────────────────────────────▲
    control  ─▶ CONTROL ─────────────── verdicts ──────────────────────────────┘

Digests are order-sensitive: digest' = digest * 1000003 + what came, modulo a prime.
"""

from typing import Any

import msgspec

from stream_guard.errors import InvalidEvent
from stream_guard.topology import DEAD_LETTERS, Out, Rows, Step, Stream, Topology

PRIME = (1 << 61) - 1
MAX_INDICATORS, MAX_MEMBERS = 16, 256


class Request(msgspec.Struct, gc=False):
    account: str
    at: int  # ms
    value: int
    indicators: list[str]


class Profile(msgspec.Struct, array_like=True, order=True, gc=False):
    account: str
    requests: int
    total: int
    digest: int


class Finding(msgspec.Struct, array_like=True, order=True):
    indicator: str
    requests: int
    members: list[str]
    digest: int


class Verdict(msgspec.Struct, array_like=True, order=True):
    account: str
    campaign: str
    requests: int
    digest: int


class Decision(msgspec.Struct):
    decision_id: str
    account_id: str
    action: str
    campaign: str
    requests: int
    digest: int
    decided_at: int


class Order(msgspec.Struct):
    account: str
    at: int


class Account(msgspec.Struct, array_like=True):
    requests: int = 0
    total: int = 0
    digest: int = 0
    sent: dict[str, int] = {}
    means: list[float] = msgspec.field(default_factory=lambda: [0.0] * 8)


class Accounts:
    """Counts, and sends a profile to each indicator at the first request and each doubling."""

    row = Account

    def process(self, rows: Rows, key: str, event: Request, out: Out) -> None:
        if event.value == 13_000_000:
            message = "the toy's unlucky number"
            raise RuntimeError(message)
        row = rows.get(event.account) or Account()
        rows.put(event.account, row)
        row.requests = requests = row.requests + 1
        row.total += event.value
        row.digest = (row.digest * 1000003 + event.value + 1) % PRIME
        means, value = row.means, float(event.value)
        for i in range(8):
            means[i] += 0.05 * (value - means[i])
        for indicator in event.indicators:
            last = row.sent.get(indicator)
            if last is None and len(row.sent) >= MAX_INDICATORS:
                continue
            if last is not None and requests < 2 * last:
                continue
            row.sent[indicator] = requests
            profile = Profile(event.account, requests, row.total, row.digest)
            out.emit("profiles", indicator, profile)
        if requests >= 32 and requests & (requests - 1) == 0:
            out.emit("verdicts", event.account, Verdict(event.account, "own", requests, row.digest))

    def tick(self, rows: Rows, now: int, out: Out) -> None: ...


class Group(msgspec.Struct, array_like=True):
    members: dict[str, tuple[int, int]] = {}  # account -> requests, digest
    requests: int = 0
    level: int = 0
    crowd: int = 0


class Groups:
    """Keeps the newest profile of each member; tells when its requests have doubled."""

    row = Group

    def __init__(self) -> None:
        self._touched: set[str] = set()  # within one tick

    def process(self, rows: Rows, key: str, profile: Profile, out: Out) -> None:
        row = rows.get(key) or Group()
        rows.put(key, row)
        old = row.members.get(profile.account)
        if old is None and len(row.members) >= MAX_MEMBERS:
            row.crowd += 1
        elif old is None or old[0] < profile.requests:
            row.members[profile.account] = (profile.requests, profile.digest)
            row.requests += profile.requests - (old[0] if old else 0)
            if len(row.members) > 2:
                self._touched.add(key)

    def tick(self, rows: Rows, now: int, out: Out) -> None:
        for indicator in sorted(self._touched):
            row = rows.get(indicator)
            if row is None or row.crowd or indicator.startswith("ua:"):
                continue  # everybody shows one: it ties nobody together
            if row.requests.bit_length() <= row.level:
                continue
            rows.put(indicator, row)
            row.level = row.requests.bit_length()
            digest = 0
            for _, (requests, each) in sorted(row.members.items()):
                digest = (digest * 1000003 + requests + each) % PRIME
            out.emit("findings", indicator, Finding(indicator, row.requests, sorted(row.members), digest))
        self._touched.clear()


class Campaign(msgspec.Struct, array_like=True, tag="c"):
    accounts: list[str]
    requests: dict[str, int]
    digest: int = 0


class Member(msgspec.Struct, array_like=True, tag="m"):
    campaign: str


class Campaigns:
    """Groups that share members merge; the id stays with the older part."""

    row: Any = Campaign | Member

    def __init__(self) -> None:
        self._touched: set[str] = set()

    def process(self, rows: Rows, key: str, finding: Finding, out: Out) -> None:
        found = {m.campaign for account in finding.members if (m := rows.get("a:" + account)) is not None}
        name = min(found, default=f"{out.at:014d}-{finding.indicator}")
        row = rows.get("c:" + name) or Campaign([], {})
        rows.put("c:" + name, row)
        accounts = set(row.accounts) | set(finding.members)
        for other in sorted(found - {name}):
            part: Any = rows.get("c:" + other)
            accounts.update(part.accounts)
            row.requests.update(part.requests)
            row.digest = (row.digest * 31 + part.digest) % PRIME
            rows.delete("c:" + other)
            self._touched.discard(other)
        row.requests[finding.indicator] = finding.requests
        row.digest = (row.digest * 1000003 + finding.digest) % PRIME
        for account in sorted(accounts.difference(row.accounts)):
            rows.put("a:" + account, Member(name))
        row.accounts = sorted(accounts)
        self._touched.add(name)

    def tick(self, rows: Rows, now: int, out: Out) -> None:
        for name in sorted(self._touched):
            row: Any = rows.get("c:" + name)
            requests = sum(row.requests.values())
            for account in row.accounts:
                out.emit("verdicts", account, Verdict(account, name, requests, row.digest))
        self._touched.clear()


class Held(msgspec.Struct, array_like=True):
    campaign: str = ""
    level: int = 0
    decided: int = 0


class Decide:
    """Decides when campaign or level changes."""

    row = Held

    def process(self, rows: Rows, key: str, verdict: Verdict, out: Out) -> None:
        row = rows.get(key) or Held()
        level = verdict.requests.bit_length()
        if (verdict.campaign, level) == (row.campaign, row.level):
            return
        rows.put(key, row)
        row.campaign, row.level, row.decided = verdict.campaign, level, row.decided + 1
        action = "block" if level > 8 else "throttle" if level > 6 else "allow"
        name = f"{key}:{out.at}:{row.decided}"
        out.emit(
            "decisions",
            key,
            Decision(name, key, action, verdict.campaign, verdict.requests, verdict.digest, out.at),
        )

    def tick(self, rows: Rows, now: int, out: Out) -> None: ...


class Spoken(msgspec.Struct, array_like=True):
    times: int = 0


class Control:
    """An operator's word goes straight to DECIDE."""

    row = Spoken

    def process(self, rows: Rows, key: str, order: Order, out: Out) -> None:
        row = rows.get(order.account) or Spoken()
        rows.put(order.account, row)
        row.times += 1
        out.emit("verdicts", order.account, Verdict(order.account, "operator", row.times, 0))

    def tick(self, rows: Rows, now: int, out: Out) -> None: ...


def _decoder(kind: type) -> Any:
    decode: Any = msgspec.json.Decoder(kind).decode

    def checked(value: bytes) -> Any:
        try:
            return decode(value)
        except msgspec.MsgspecError as error:
            reason = "malformed"
            raise InvalidEvent(reason, str(error)) from error

    return checked


def _at(event: Any) -> int:
    at: int = event.at
    return at


def build_toy(partitions: int = 4, tick_ms: int = 1_000, lateness_ms: int = 1_000) -> Topology:
    """The toy; its sinks are not compacted, so that tests can read every decision."""
    log: dict[str, Any] = {"kind": "log", "time": _at}
    return Topology(
        streams=(
            Stream("requests", "toy.requests.v1", partitions, Request, decode=_decoder(Request), **log),
            Stream("control", "toy.control.v1", 1, Order, decode=_decoder(Order), **log),
            Stream("profiles", "toy.profiles.v1", partitions, Profile),
            Stream("findings", "toy.findings.v1", 1, Finding),
            Stream("verdicts", "toy.verdicts.v1", partitions, Verdict),
            Stream("decisions", "toy.decisions.v1", partitions, Decision, "sink"),
            Stream(DEAD_LETTERS, "toy.dead-letters.v1", 1, None, "sink"),
        ),
        steps=(
            Step("accounts", Accounts, "requests", ("profiles", "verdicts")),
            Step("control", Control, "control", ("verdicts",)),
            Step("groups", Groups, "profiles", ("findings",)),
            Step("campaigns", Campaigns, "findings", ("verdicts",)),
            Step("decide", Decide, "verdicts", ("decisions",)),
        ),
        tick_ms=tick_ms,
        lateness_ms=lateness_ms,
    )
