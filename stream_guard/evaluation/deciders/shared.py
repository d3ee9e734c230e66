"""Baseline: too many accounts on one thing, and all of them are blocked.

On a card: families, teams, contractors and enterprises share one, too.  On an address: offices,
campuses, VPNs and every phone network share one, too.
"""

from collections.abc import Callable, Mapping, Sequence

from stream_guard.evaluation.deciders.shown import Shown, blocks, shown
from stream_guard.evaluation.grouping import Found
from stream_guard.evaluation.rulings import Ruling


class SharedRule:
    """Blocks all accounts that show a value which more than ``most`` accounts show.

    Bound: a set of accounts per value.
    """

    def __init__(self, what: str, most: float, read: Callable[[Shown], str | None]) -> None:
        self.name = f"{what} of over {most:g} accounts"
        self._what = what
        self._most = most
        self._read = read
        self._accounts: dict[str, dict[str, None]] = {}
        self._blocked: set[str] = set()

    def take(self, lines: Sequence[bytes], now: float) -> list[Ruling]:  # noqa: ARG002 - events tell the time
        """Note who shows what."""
        rulings: list[Ruling] = []
        for event in shown(lines):
            value = self._read(event)
            if value is None:
                continue
            accounts = self._accounts.setdefault(value, {})
            accounts[event.account_id] = None
            if len(accounts) > self._most and event.account_id not in self._blocked:
                fresh = [account for account in accounts if account not in self._blocked]
                self._blocked.update(fresh)
                rulings += blocks(fresh, event.occurred_at, f"shared_{self._what}")
        return rulings

    def finish(self) -> list[Ruling]:
        """Nothing is left."""
        return []

    def found(self) -> Mapping[str, Found]:
        """It knows no campaigns."""
        return {}


def shared_card(most: float) -> SharedRule:
    """By payment instrument."""
    return SharedRule("card", most, lambda event: event.payment_id)


def shared_address(most: float) -> SharedRule:
    """By client address."""
    return SharedRule("address", most, lambda event: event.client_ip)
