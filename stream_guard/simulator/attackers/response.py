"""What an operator does when he is refused, as his scheme has it.

Throttled: the request goes to a sibling after a while, the account rests.  Blocked: its work goes to
siblings as far as they can carry it, until a replacement is there, which costs money and time and
brings more or less of the old infrastructure along.  Many blocked: he lies low.

Bound: one entry per account that was refused.

Glossary: *heir* the account that took over a blocked one's slot; *extra* requests that a sibling carries
for others, by day.
"""

import random
from typing import Final

from stream_guard.simulator.arrivals import DAY, HOUR
from stream_guard.simulator.attackers.operation import Operation
from stream_guard.simulator.engine.lines import Row
from stream_guard.simulator.engine.loop import ACCOUNT, AT, NAMES, at_least_a_ms, replaced
from stream_guard.simulator.engine.member import FOREVER
from stream_guard.simulator.order import Costs

PLACE, LOOK = NAMES.index("place"), NAMES.index("look")
END_USER, TOOLS = NAMES.index("end_user"), NAMES.index("tools")
TEMPLATE, PROMPT = NAMES.index("template"), NAMES.index("row")
WORN: Final = ("home", "homes", "steep", "look", "looks", "end_users", "end_user_salt", "tools", "templates")
CARRIES: Final = 0.5  # of a sibling's own amount, beside it
ATTEMPTS: Final = 4  # siblings looked at for one request
STUBBORN: Final = 0.25  # chance that a blocked account is tried again before it is given up


class Response:
    """One operation's reaction."""

    def __init__(self, operation: Operation, rng: random.Random) -> None:
        self._operation = operation
        self._scheme = operation.scheme
        self._roster = operation.world.roster
        self._rng = rng
        self._alive = operation.members.tolist()
        self._place_of = {account: place for place, account in enumerate(self._alive)}
        self._heirs: dict[int, int] = {}
        self._lost: set[int] = set()
        self._rests: dict[int, float] = {}
        self._extra: dict[int, tuple[int, int]] = {}
        self._most = max(4.0, CARRIES * operation.size.exchanges / max(len(self._alive), 1) / self._days())

    def _days(self) -> float:
        return max((self._operation.size.end - self._operation.size.begin) / DAY, 0.1)

    def before(self, row: Row) -> Row | None:
        """What comes of a planned request of an account in trouble."""
        account, at = row[ACCOUNT], row[AT] / 1000
        while account in self._heirs:
            account = self._heirs[account]
        if self._is_free(account, at):
            return row if account == row[ACCOUNT] else self._dressed(row, account)
        if self._rng.random() < self._hiding():
            return None
        sibling = self._sibling(at)
        return None if sibling is None else self._dressed(row, sibling)

    def refused(self, row: Row, status: int) -> list[Row]:
        """Fails over, and remembers."""
        account, at = row[ACCOUNT], row[AT] / 1000
        if status == 429:
            self._rests[account] = at + self._rng.expovariate(1 / self._scheme.rests_s)
        elif account not in self._lost and self._rng.random() > STUBBORN:
            self._lose(account, at)
        if self._rng.random() > self._scheme.fails_over or self._rng.random() < self._hiding():
            return []
        sibling = self._sibling(at)
        if sibling is None:
            return []
        later = at + self._rng.lognormvariate(0, 0.7) * self._scheme.failover_s
        return [replaced(self._dressed(row, sibling), {AT: at_least_a_ms(later, row)})]

    def _hiding(self) -> float:
        """Share of the work that is let go once many accounts are lost."""
        return self._scheme.lies_low if 10 * len(self._lost) > len(self._operation.members) else 0.0

    def _is_free(self, account: int, at: float) -> bool:
        table = self._roster.table
        in_use = table.one(account, "begin") <= at < table.one(account, "end")
        return bool(in_use) and account not in self._lost and self._rests.get(account, 0.0) <= at

    def _sibling(self, at: float) -> int | None:
        """Somebody who can take it: alive, rested, not yet at his most."""
        day = int(at // DAY)
        for _ in range(min(ATTEMPTS, len(self._alive))):
            account = self._alive[int(self._rng.random() * len(self._alive))]
            counted_on, extra = self._extra.get(account, (day, 0))
            extra = extra if counted_on == day else 0
            if self._is_free(account, at) and extra < self._most:
                self._extra[account] = (day, extra + 1)
                return int(account)
        return None

    def _lose(self, account: int, at: float) -> None:
        """An account is blocked: off the list; perhaps another one is opened."""
        self._lost.add(account)
        place = self._place_of.pop(account, None)
        if place is not None:
            last = self._alive.pop()
            if last != account:
                self._alive[place] = last
                self._place_of[last] = place
        if self._rng.random() < self._scheme.replaces:
            self._replace(account, at)

    def _replace(self, account: int, at: float) -> None:
        scheme, operation = self._scheme, self._operation
        begin = at + scheme.replaced_after_h * HOUR * self._rng.lognormvariate(0, 0.8)
        aged = self._rng.random() < scheme.aged
        created_at = (
            begin - (30 + 300 * self._rng.random()) * DAY if aged else begin - self._rng.expovariate(1 / HOUR)
        )
        habit = operation.farm.habit(begin, FOREVER)
        is_fresh = self._rng.random() < scheme.renewed
        member = operation.farm.open(operation.index, created_at, habit, is_fresh=is_fresh)
        heir = self._roster.add(operation.draw, member)
        self._heirs[account] = heir
        self._place_of[heir] = len(self._alive)
        self._alive.append(heir)

    def _dressed(self, row: Row, account: int) -> Row:
        """The request as another account's client sends it."""
        rng, roster = self._rng, self._roster
        who = {name: roster.table.one(account, name).item() for name in WORN}
        use = int(roster.pool.use[row[PROMPT]])
        changes = {
            ACCOUNT: account,
            PLACE: who["home"] + int(who["homes"] * rng.random() ** who["steep"]),
            LOOK: who["look"] + int(who["looks"] * rng.random()),
            END_USER: (row[END_USER] ^ who["end_user_salt"]) | 1 if who["end_users"] else 0,
        }
        if row[TOOLS]:
            changes[TOOLS] = who["tools"]
        count = int(roster.template_count.array[who["templates"], use])
        if row[TEMPLATE] and count:
            first = int(roster.template_first.array[who["templates"], use])
            changes[TEMPLATE] = first + int(count * rng.random() ** 1.6)
        return replaced(row, changes)


def costs_of(operation: Operation) -> Costs:
    """What it has spent so far."""
    spent = operation.farm.spent
    return Costs(accounts=spent.accounts, cards=spent.cards, proxies=spent.proxies, usd=round(spent.usd, 2))
