"""Everything that is counted while traffic passes, one line of account book per account.

The definitions are the contract's.  An *exchange* is an answered request (status below 400).  It is
*harvested* if it is a campaign's and was served while no block was active; a throttle serves at most
its limit per minute.  The *delay* of a campaign runs from its first exchange to its first block.

Two sources feed it: `openlog.py` asks the table for each recorded exchange what a gateway would have
done; in the closed loop (`loop.py`) the gateway did it, and the status tells.

Bound: one `Book` per account, one pair of counts per campaign and hour.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import inf

from msgspec import Struct

from stream_guard.evaluation.rulings import Outcome, Table
from stream_guard.evaluation.truth import Truth

DAY_S = 86_400.0
HOUR_S = 3_600.0


class Book(Struct, gc=False):
    """What was counted of one account."""

    first_at: float = inf  # first exchange
    requests: int = 0
    exchanges: int = 0  # answered in the log (open log), or by the gateway (closed loop)
    served: int = 0  # of these, what enforcement let through
    blocked: int = 0  # requests refused by a block
    throttled: int = 0  # requests refused by a throttle
    before_block: int = 0  # exchanges before the account's own first block
    days: int = 0  # bitmap of UTC days with a request, from the first day of the log on
    blocked_at: float = inf


class CampaignBook(Struct):
    """What was counted of one campaign."""

    first_at: float = inf  # first exchange
    blocked_at: float = inf  # first block of any of its accounts
    before_block: int = 0  # exchanges up to then
    by_hour: dict[int, list[int]] = {}  # hour -> [exchanges that were tried, served]


class Counts:
    """Feeds on requests and rulings, in about time order."""

    def __init__(self, truth: Mapping[str, Truth], table: Table) -> None:
        self.truth: dict[str, Truth] = {}
        self.table = table
        self.books: dict[str, Book] = {}
        self.campaigns: dict[str, CampaignBook] = {}
        self.unlabelled: Counter[str] = Counter()  # accounts that the truth does not know -> requests
        self.requests = 0
        self._day: int | None = None
        self.learn(truth.values())
        for account_id in table.accounts():
            self.ruled(account_id)

    def learn(self, truth: Iterable[Truth]) -> None:
        """Get to know accounts, before their first request; those known already do not matter."""
        for one in truth:
            if one.account_id in self.truth:
                continue
            self.truth[one.account_id] = one
            name = one.campaign_name
            if name is not None and name not in self.campaigns:
                self.campaigns[name] = CampaignBook()
            if self.table.of(one.account_id):
                self.ruled(one.account_id)

    def ruled(self, account_id: str) -> None:
        """A ruling on the account was added to the table."""
        blocks = (r.decided_at for r in self.table.of(account_id) if r.action == "block" and not r.shadow)
        blocked_at = min(blocks, default=inf)
        if blocked_at == inf:
            return
        book = self.books.setdefault(account_id, Book())
        book.blocked_at = min(book.blocked_at, blocked_at)
        one = self.truth.get(account_id)
        if one is not None and (name := one.campaign_name) is not None:
            campaign = self.campaigns[name]
            campaign.blocked_at = min(campaign.blocked_at, blocked_at)

    def request(self, account_id: str, at: float, *, is_answered: bool, outcome: Outcome) -> None:
        """A request that the log or the gateway answered so, and what enforcement made of it."""
        self.requests += 1
        book = self.books.get(account_id)
        if book is None:
            book = self.books[account_id] = Book()
        one = self.truth.get(account_id)
        if one is None:
            self.unlabelled[account_id] += 1
        day = int(at // DAY_S)
        if self._day is None:
            self._day = day - 1  # the log may be a little out of order
        book.requests += 1
        book.days |= 1 << max(0, day - self._day)
        if outcome == "blocked":
            book.blocked += 1
        elif outcome == "throttled":
            book.throttled += 1
        campaign = self.campaigns[one.campaign_name] if one is not None and one.campaign_name else None
        if is_answered:
            self._exchange(book, campaign, at, is_served=outcome == "served")
        if campaign is not None and (is_answered or outcome != "served"):
            hour = campaign.by_hour.setdefault(int(at // HOUR_S), [0, 0])
            hour[0] += 1
            hour[1] += is_answered and outcome == "served"

    def _exchange(self, book: Book, campaign: CampaignBook | None, at: float, *, is_served: bool) -> None:
        book.exchanges += 1
        book.served += is_served
        book.first_at = min(book.first_at, at)
        book.before_block += at < book.blocked_at
        if campaign is not None:
            campaign.first_at = min(campaign.first_at, at)
            campaign.before_block += at < campaign.blocked_at
