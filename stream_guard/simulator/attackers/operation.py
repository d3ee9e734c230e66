"""One campaign: opens its accounts in lots, deals its work over them, and counts what it would have got.

With the discipline ``habit`` accounts come by themselves, like people; otherwise a dispatcher deals:
evenly, in rotation or at random, over whoever is on duty.  The amount of work is set so that the
campaign has the exchanges of the record in its days; of a shorter span it plays a part of its days at
the same pace.

Glossary: *slot* a worker of the operator, who uses one account after the other; *duty* the part of the
day that an account works.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stream_guard.simulator.arrivals import DAY, HOUR
from stream_guard.simulator.attackers.farm import Farm
from stream_guard.simulator.attackers.record import Record
from stream_guard.simulator.attackers.scheme import Scheme, draw_scheme
from stream_guard.simulator.draws import Draw
from stream_guard.simulator.engine.member import FOREVER
from stream_guard.simulator.engine.sessions import Batch
from stream_guard.simulator.engine.world import World
from stream_guard.simulator.order import Level

Array = NDArray[Any]
ORDINARY_TURNS: Final = 3.0  # mean length of an ordinary conversation


@dataclass(frozen=True, slots=True)
class Size:
    """How large, and when."""

    accounts: int
    exchanges: float  # within the span
    begin: float
    end: float


def size_of(world: World, draw: Draw, record: Record, scale: float) -> Size:
    """Accounts and exchanges of the record times ``scale``, as much of its days as there are."""
    stage = world.stage
    length = stage.end - stage.start
    days = draw.between(*record.days) if record.days[0] < record.days[1] else record.days[0]
    begin = stage.start + length * draw.ratio(0.02, 0.2)
    begin = min(begin, max(stage.end - days * DAY, stage.start + 0.02 * length))  # all of it, if it fits
    begin = stage.start if world.is_prompt else begin
    end = min(stage.end, begin + days * DAY)
    accounts = record.accounts[0]
    if accounts < record.accounts[1]:
        accounts = draw.count(*record.accounts)
    exchanges = record.exchanges * scale * (end - begin) / (days * DAY)
    return Size(max(3, round(accounts * scale)), exchanges, begin, end)


def customers_day(world: World, draw: Draw) -> Array:
    """By hour, mean one: when a shop's customers ask, who sit in a few countries."""
    days = [world.roster.curves.array[draw.pick(world.day_curves), :24] for _ in range(draw.count(1, 5))]
    total: Array = sum((np.roll(day, draw.rng.randrange(24)) for day in days), np.zeros(24))
    mean: Array = total / total.mean()
    return mean


class Operation:
    """A campaign under way."""

    def __init__(
        self,
        world: World,
        draw: Draw,
        order: tuple[Record, Level, float],
        index: int,
        dilution: float | None = None,
    ) -> None:
        record, level, scale = order
        self.name = f"{record.name}-{index + 1}"
        self.index = index
        self.record = record
        self.world = world
        self.draw = draw
        self.scheme: Scheme = draw_scheme(draw.child("scheme"), record, level)
        if dilution is not None:
            self.scheme = replace(self.scheme, dilution=dilution)
        self.size = size_of(world, draw.child("size"), record, scale)
        days = (self.size.end - self.size.begin) / DAY
        pace = self.size.exchanges / self.size.accounts / days
        self.farm = Farm(world, draw.child("farm"), (record, self.scheme), pace)
        self._rng = world.rng(f"dispatch/{self.name}")
        self._dealt = 0
        self._day = -1
        self._is_later = False
        # A shop's customers have days and nights; a dispatcher's list has none.
        self._day_curve = customers_day(world, draw) if record.aim == "resale" else np.ones(24)
        self.members = self._recruit()
        self._set_pace()

    def _recruit(self) -> Array:
        """Open the accounts: slots in lots that begin one after the other, then their successors."""
        draw, size = self.draw.child("recruit"), self.size
        successors = round(size.accounts * draw.ratio(*self.record.successors))
        slots = max(1, size.accounts - successors)
        self.farm.buy(size.accounts)
        members: list[int] = []
        cuts = Counter(draw.rng.randrange(slots) for _ in range(successors))
        slot = 0
        while slot < slots:
            lot = min(slots - slot, draw.count(1, self.scheme.lot))
            begin = size.begin + (size.end - size.begin) * self.scheme.ramp * draw.rng.random()
            is_first = self.world.is_prompt and not slot  # then it is at work at once
            begin = size.begin if is_first else begin
            opened = self._opened(draw, begin)
            for _ in range(lot):
                opened += draw.about(200, 1.0)
                late = draw.about(1800, 1.0)
                joins = max(begin, opened + 60) + (0.0 if is_first else late)
                members += self._slot(draw, (joins, opened), cuts[slot])
                slot += 1
        return np.array(members)

    def _opened(self, draw: Draw, begin: float) -> float:
        """When a lot was opened: long ago, or shortly before it is used."""
        if draw.chance(self.scheme.aged):
            return begin - draw.log_between(15, 500) * DAY
        return begin - draw.log_between(0.3, 96) * HOUR

    def _slot(self, draw: Draw, first: tuple[float, float], cuts: int) -> list[int]:
        """The accounts of one slot, one after the other."""
        joins, opened = first
        ends = sorted(draw.rng.uniform(joins + HOUR, self.size.end) for _ in range(cuts))
        members: list[int] = []
        for end in [*ends, FOREVER]:
            stops = min(end, self.size.end)
            habit = self.farm.habit(joins, stops)
            is_fresh = bool(members) and draw.chance(self.scheme.renewed)
            member = self.farm.open(self.index, opened, habit, is_fresh=is_fresh)
            members.append(self.world.roster.add(draw, member))
            joins = max(end, joins + HOUR) + draw.about(self.scheme.replaced_after_h * HOUR, 0.8)
            opened = min(self._opened(draw, joins), joins - 60)
            if joins >= self.size.end:
                break
        return members

    def _set_pace(self) -> None:
        """Weights and duties; so much work that the record's exchanges come out."""
        rng, scheme = self._rng, self.scheme
        count = len(self.members)
        self._weights = np.exp(scheme.sigma * rng.standard_normal(count))
        shift = rng.uniform(0, 24)
        if self.world.is_prompt:
            shift = self.size.begin / HOUR
        self._duty_from = (shift + scheme.zone_spread * rng.standard_normal(count)) % 24
        self._duty_hours = np.minimum(24, scheme.hours * np.exp(0.15 * rng.standard_normal(count)))
        self._is_off = np.zeros(count, bool)
        member = self.world.roster.table.of(self.members)
        is_task = member["list_ratio"]
        self._turns = is_task * (1 + member["follow_ratio"]) + (1 - is_task) * member["turns"]
        begin, end = (
            np.maximum(member["begin"], self.world.span.start),
            np.minimum(member["end"], self.world.span.end),
        )
        days = np.maximum(end - begin, 0.0) / DAY
        if scheme.discipline == "habit":
            weekly = (5 + 2 * member["weekend"]) / 7 * (1 - member["rest"])
            busy = days * weekly * np.exp(member["spread"] ** 2 / 2)
            base = self.size.exchanges / max(float((self._weights * busy * self._turns).sum()), 1e-9)
            self.world.roster.table["sessions"][self.members] = self._weights * base
            self._per_hour = 0.0
        else:
            busy = days * 24 * self._duty_hours / 24 * (1 - scheme.days_off)
            self._per_hour = self.size.exchanges / max(
                float((self._weights * busy * self._turns).sum()), 1e-9
            )

    def expected(self, begin: float) -> float:
        """Requests that the hour will bring, about."""
        if not self._per_hour:
            return 0.0
        on_duty = self._on_duty(begin)
        requests = float((self._weights[on_duty] * self._turns[on_duty]).sum()) * self._per_hour
        return requests * float(self._day_curve[int(begin / HOUR) % 24])

    def deal(self, begin: float) -> Batch | None:
        """Conversations that begin within the hour."""
        self._turn_to_later_tasks(begin)
        if not self._per_hour:
            return None
        day = int(begin // DAY)
        if day != self._day:
            self._day = day
            self._is_off = self._rng.random(len(self.members)) < self.scheme.days_off
        on_duty = self._on_duty(begin)
        total = float(self._weights[on_duty].sum())
        if not total:
            return None
        shape = 1 / max(self.scheme.cv, 0.05) ** 2
        hour = total * self._per_hour * float(self._day_curve[int(begin / HOUR) % 24])
        busy = self._rng.gamma(shape * max(hour, 1.0)) / (shape * max(hour, 1.0))  # gaps of that variation
        count = (
            self._rng.poisson(hour * busy) if self.scheme.cv > 0.3 else round(hour + self._rng.random() - 0.5)
        )
        times = begin + HOUR * np.sort(self._rng.random(count))
        if self.scheme.cv <= 0.3:  # a timer
            times = begin + HOUR * (np.arange(count) + self._rng.random(count)) / max(count, 1)
        return Batch(self.members[on_duty[self._assign(on_duty, count)]], times)

    def _turn_to_later_tasks(self, begin: float) -> None:
        if self._is_later or begin < self.size.begin + 0.67 * (self.size.end - self.size.begin):
            return
        self._is_later = True
        if self.farm.later_tasks == self.farm.tasks:
            return
        self.world.roster.table["list"][self.members] = self.farm.later_tasks
        self.farm.tasks = self.farm.later_tasks

    def _on_duty(self, begin: float) -> Array:
        member = self.world.roster.table.of(self.members)
        is_shift = (begin / HOUR - self._duty_from) % 24 < self._duty_hours
        in_use = (member["begin"] <= begin) & (member["end"] > begin)
        return np.flatnonzero(is_shift & in_use & ~self._is_off)

    def _assign(self, on_duty: Array, count: int) -> Array:
        """Who gets each piece of work."""
        reach = np.cumsum(self._weights[on_duty])
        if self.scheme.discipline == "random":
            places = self._rng.random(count)
        else:
            places = ((np.arange(count) + self._rng.random()) / max(count, 1)) % 1.0
            if self.scheme.discipline == "even":
                self._rng.shuffle(places)
            else:  # in rotation: round after round
                rounds = max(1, round(count / len(on_duty)))
                places = places * rounds % 1.0
        chosen: Array = np.searchsorted(reach, places * reach[-1]).clip(0, len(on_duty) - 1)
        return chosen
