"""What the demo found, against the truth that is shipped with its sample.  For evaluation only.

Nothing here is known to the stages.  An exchange is harvested if it was answered and what was in force at
its time served it (`evaluation.rulings.Table`).

Bound: answered exchanges of the campaigns' accounts (one number each), decisions that were made.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from stream_guard.evaluation.rulings import Ruling, Table
from stream_guard.evaluation.truth import read_truth


class _Exchange(Struct, gc=False):
    account_id: str
    occurred_at: float
    status: int | None = None


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
        truth = read_truth(lines, "the sample's truth")
        self._campaign_of = {account: one.campaign_name for account, one in truth.items()}
        self._answered: defaultdict[str, list[float]] = defaultdict(list)
        self._table = Table()
        self._exchange = msgspec.json.Decoder(_Exchange).decode
        self._ruling = msgspec.json.Decoder(Ruling).decode

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
        self._table.add(self._ruling(value))

    def report(self) -> Report:
        """How it went; asked once, since throttles use up their minutes."""
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
            harvested=sum(map(self._served, accounts)),
        )

    def _served(self, account: str) -> int:
        return sum(self._table.answer(account, at) == "served" for at in sorted(self._answered[account]))

    def _was(self, account: str, actions: Sequence[str]) -> bool:
        return any(ruling.action in actions and not ruling.shadow for ruling in self._table.of(account))
