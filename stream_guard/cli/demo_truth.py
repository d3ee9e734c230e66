"""What the demo found, against the truth that is shipped with its sample.  For evaluation only.

Nothing here is known to the stages.  Counted as the contract says: an exchange is harvested if it
was answered while no enforced block was active; a throttle serves at most its limit per minute.

Bound: answered exchanges of the campaigns' accounts (one number each), decisions that were made.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

MINUTE_S = 60.0


class _Truth(Struct):
    account_id: str
    label: str
    campaign: str | None = None


class _Exchange(Struct, gc=False):
    account_id: str
    occurred_at: float
    status: int | None = None


class _Decided(Struct, gc=False):
    account_id: str
    action: str
    limit_per_min: int | None
    decided_at: float
    expires_at: float | None
    shadow: bool


class Harvest(Struct):
    """One campaign of the truth, and what became of it."""

    campaign: str
    accounts: int
    acted_upon: int
    blocked: int
    exchanges: int  # answered, unopposed
    harvested: int  # of these, before it was stopped


class Report(Struct):
    """All campaigns of the truth, and the honest accounts that were touched."""

    campaigns: list[Harvest]
    honest: int
    honest_touched: int
    honest_blocked: int


class Truth:
    """Compares decisions with the truth."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        decode = msgspec.json.Decoder(_Truth).decode
        self._campaign_of = {truth.account_id: truth.campaign for truth in map(decode, lines)}
        self._answered: defaultdict[str, list[float]] = defaultdict(list)
        self._decided: defaultdict[str, list[_Decided]] = defaultdict(list)
        self._exchange = msgspec.json.Decoder(_Exchange).decode
        self._decision = msgspec.json.Decoder(_Decided).decode

    def saw(self, line: bytes) -> None:
        """An event, as it was fed."""
        try:
            event = self._exchange(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if self._campaign_of.get(event.account_id) and (event.status or 200) < 400:
            self._answered[event.account_id].append(event.occurred_at)

    def decided(self, value: bytes) -> None:
        """A decision, as it left."""
        decision = self._decision(value)
        self._decided[decision.account_id].append(decision)

    def report(self) -> Report:
        """How it went."""
        members: defaultdict[str, list[str]] = defaultdict(list)
        for account, campaign in self._campaign_of.items():
            if campaign:
                members[campaign].append(account)
        honest = [account for account, campaign in self._campaign_of.items() if not campaign]
        return Report(
            campaigns=[self._harvest(name, accounts) for name, accounts in sorted(members.items())],
            honest=len(honest),
            honest_touched=sum(self._was(account, ("throttle", "challenge", "block")) for account in honest),
            honest_blocked=sum(self._was(account, ("block",)) for account in honest),
        )

    def _harvest(self, name: str, accounts: Sequence[str]) -> Harvest:
        return Harvest(
            campaign=name,
            accounts=len(accounts),
            acted_upon=sum(self._was(account, ("throttle", "challenge", "block")) for account in accounts),
            blocked=sum(self._was(account, ("block",)) for account in accounts),
            exchanges=sum(len(self._answered[account]) for account in accounts),
            harvested=sum(
                served(sorted(self._answered[account]), self._decided[account]) for account in accounts
            ),
        )

    def _was(self, account: str, actions: Sequence[str]) -> bool:
        return any(d.action in actions and not d.shadow for d in self._decided.get(account, ()))


def served(times: Sequence[float], decisions: Sequence[_Decided]) -> int:
    """How many exchanges at ``times`` would have been served under ``decisions``, both in order."""
    starts = [decision.decided_at for decision in decisions]
    count, in_minute = 0, Counter[int]()
    for at in times:
        index = bisect_right(starts, at) - 1
        holding = decisions[index] if index >= 0 else None
        if holding is None or holding.shadow or (holding.expires_at is not None and at >= holding.expires_at):
            count += 1
        elif holding.action == "throttle":
            minute = int(at // MINUTE_S)
            in_minute[minute] += 1
            count += in_minute[minute] <= (holding.limit_per_min or 0)
        else:
            count += holding.action in ("allow", "challenge")
    return count
