"""A stage on a table of rows, without a lane: what the tests of ACCOUNTS stand on."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from stream_guard.accounts.row import AccountRow
from stream_guard.accounts.stage import Accounts
from stream_guard.clock import to_ms
from stream_guard.records import Profile, RequestEvent, Verdict
from stream_guard.runtime.rows import LaneRows
from stream_guard.settings import AccountsSettings

START = 1_790_000_000.0


class Desk:
    """Feeds events to ACCOUNTS and keeps what it emits."""

    at = 0
    offset = 0

    def __init__(self, settings: AccountsSettings | None = None) -> None:
        self.stage = Accounts(settings or AccountsSettings())
        self.rows = LaneRows(self.stage.row, 100_000)
        self.emitted: list[tuple[str, str, Any]] = []
        self.counts: Counter[str] = Counter()
        self._serial = 0

    def emit(self, stream: str, key: str, record: Any) -> None:
        self.emitted.append((stream, key, record))

    def broadcast(self, stream: str, keys: Iterable[str], record: Any) -> None:
        self.emitted += [(stream, key, record) for key in keys]

    def count(self, what: str, by: int = 1) -> None:
        self.counts[what] += by

    def feed(self, after_s: float, **fields: Any) -> None:
        """One event ``after_s`` seconds after the start."""
        self._serial += 1
        base: dict[str, Any] = {"event_id": f"e{self._serial}", "account_id": "acct-1", "model": "m"}
        event = RequestEvent(occurred_at=START + after_s, **(base | fields))
        self.at = to_ms(event.occurred_at)
        self.stage.process(self.rows, "", event, self)

    def reload(self) -> None:
        """Pack all rows and read them into a new stage, as a restart does."""
        self.rows.take()
        fresh = LaneRows(self.stage.row, 100_000)
        for key, value in self.rows.packed.items():
            fresh.load(key, value)
        self.rows, self.stage = fresh, Accounts(AccountsSettings())

    def row(self, account_id: str = "acct-1") -> AccountRow:
        row = self.rows.get("a:" + account_id)
        assert isinstance(row, AccountRow)
        return row

    def profiles(self, key: str) -> list[Profile]:
        return [record for stream, k, record in self.emitted if stream == "profiles" and k == key]

    def verdicts(self) -> list[Verdict]:
        return [record for stream, _, record in self.emitted if stream == "verdicts"]
