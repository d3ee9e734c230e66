"""An operator's cards, devices, exits and clients, and the accounts he opens with them.

Glossary: *stock* what he bought for many accounts; *exit* an address that his requests come from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from stream_guard.simulator.arrivals import DAY, Law
from stream_guard.simulator.attackers.record import Record
from stream_guard.simulator.attackers.scheme import Scheme, Shared
from stream_guard.simulator.draws import Draw, Weighted
from stream_guard.simulator.engine.member import Habit, Interest, Manner, Member, Places, SignUp
from stream_guard.simulator.engine.pool import TaskList
from stream_guard.simulator.engine.rhythm import shape_of
from stream_guard.simulator.engine.roster import topics
from stream_guard.simulator.engine.world import World
from stream_guard.simulator.honest.individuals import (
    own_keys,
    own_systems,
    usual_limit,
    usual_referral,
    usual_temperature,
    usual_templates,
)
from stream_guard.simulator.identities import BROWSERS, Build, client_build, own_domain, tool_set
from stream_guard.simulator.networks import Address
from stream_guard.simulator.provider import LARGE, MEDIUM

T = TypeVar("T")
TIERS: Final = ("pay_as_you_go", "credit", "free")
PRICES: Final = {  # USD, drawn about these: public price lists of such shops vary by a factor of three
    "account": 1.5,  # mail address and phone number
    "aged": 8.0,
    "card": 12.0,
    "vpn": 4.0,  # a month
    "hosting": 5.0,
    "proxy": 6.0,
}


@dataclass(slots=True)
class Spent:
    """What the operator has bought."""

    accounts: int = 0
    cards: int = 0
    proxies: int = 0
    usd: float = 0.0


@dataclass(slots=True)
class Stock:
    """What accounts draw from; None stands for one's own."""

    cards: list[str | None] = field(default_factory=list)
    devices: list[str | None] = field(default_factory=list)
    orgs: list[str | None] = field(default_factory=list)
    domains: list[str | None] = field(default_factory=list)
    exits: list[Address] = field(default_factory=list)
    builds: list[Build] = field(default_factory=list)


class Farm:
    """Opens accounts for one campaign."""

    def __init__(self, world: World, draw: Draw, order: tuple[Record, Scheme], pace: float) -> None:
        """``pace``: requests of an account on a day, which no free account would be let do for long."""
        record, scheme = order
        self._world = world
        self._draw = draw
        self._record = record
        self.scheme = scheme
        self.spent = Spent()
        self._prices = {what: usd * draw.about(1.0, 0.5) for what, usd in PRICES.items()}
        self._providers = [world.networks.provider(draw) for _ in range(draw.count(1, 4))]
        self._tools = [tool_set(draw) for _ in range(draw.count(1, 3))]
        self._templates = {use: self._hashes(draw.count(*scheme.templates)) for use in record.tasks}
        self._systems = own_systems(draw, scheme.systems)
        self._tools_ratio = draw.ratio(*record.tools_ratio) if record.tools_ratio[1] else 0.0
        self._images_ratio = draw.ratio(*record.images_ratio) if record.images_ratio[1] else 0.0
        self._reasoning_ratio = draw.ratio(*record.reasoning_ratio) if draw.chance(0.65) else None
        self._stream = draw.rng.random()
        unrelated = draw.ratio(*record.unrelated) if record.unrelated[1] else 0.0
        self._ordinary = 1 - (1 - scheme.dilution) * (1 - unrelated)
        self.tasks = world.roster.task_list(self._list(record.tasks))
        self.later_tasks = (
            world.roster.task_list(self._list(record.later_tasks)) if record.later_tasks else self.tasks
        )
        self._stock = Stock()
        self._stolen = draw.ratio(*record.stolen) if record.stolen[1] else 0.0
        self.complained_of: list[tuple[int, float]] = []  # account, when the card's owner sees it
        self._tiers = TIERS[: 1 + (pace < 100) + (pace < 12)]

    def _hashes(self, count: int) -> list[str]:
        return [self._draw.hexadecimal() for _ in range(count)]

    def _list(self, tasks: dict[str, float]) -> TaskList:
        """A list drawn from everybody's prompts: of each use as many as its weight asks for."""
        pool = self._world.pool
        rows: list[int] = []
        most = max(tasks.values())
        for use, weight in tasks.items():
            known = pool.rows_of(use).tolist()
            count = max(8, round(len(known) * self.scheme.tasks_ratio * weight / most))
            rows += self._draw.rng.sample(known, min(count, len(known)))
        return TaskList(self._world.rng(f"tasks/{self._draw.name}"), rows)

    def buy(self, size: int) -> None:
        """Stock for so many accounts, beside what there is."""
        draw, scheme = self._draw, self.scheme
        cards = pooled(draw, "pm_", size, scheme.cards)
        self.spent.cards += sum(card is not None for card in cards)
        self.spent.usd += self._prices["card"] * sum(card is not None for card in cards)
        domains = [own_domain(draw) for _ in range(scheme.domains)]
        public = round(len(domains) * scheme.public_domains / (1 - scheme.public_domains))
        exits = [self._exit() for _ in range(max(2, round(size * scheme.exits)))]
        orgs: list[str | None] = [draw.opaque("org_") for _ in range(draw.count(1, 5))]
        alone = round(len(orgs) * (1 - scheme.declared) / scheme.declared) if scheme.declared else 1
        self._stock = Stock(
            cards=cards,
            devices=pooled(draw, "dev_", size, scheme.devices),
            orgs=[*(orgs if scheme.declared else ()), *[None] * alone],
            domains=[*domains, *[None] * public],
            exits=exits,
            builds=[client_build(draw) for _ in range(scheme.builds)],
        )

    def _exit(self, country: str | None = None) -> Address:
        draw, networks = self._draw, self._world.networks
        kind = draw.weighted(Weighted(self.scheme.exit_kinds))
        make: dict[str, Callable[[], Address]] = {
            "vpn": lambda: networks.exit(draw, draw.pick(self._providers)),
            "hosting": lambda: networks.hosted(draw),
            "proxy": lambda: networks.proxy(draw, country),
        }
        self.spent.proxies += 1
        self.spent.usd += self._prices[kind]
        return make[kind]()

    def open(self, campaign: int, created_at: float, habit: Habit, *, is_fresh: bool = True) -> Member:
        """A new account; ``is_fresh``: nothing of it from stock that the provider knows."""
        draw, stock, scheme = self._draw, self._stock, self.scheme
        country = self._world.networks.country(draw)
        exits = [draw.pick(stock.exits) for _ in range(scheme.exits_each)]
        if is_fresh or draw.chance(scheme.fits):
            exits = [self._exit(country) for _ in range(draw.count(1, scheme.exits_each))]
        tier = draw.popular(self._tiers, 1.6)
        card = None if is_fresh else draw.pick(stock.cards)
        if card is None and tier != "free":
            self.spent.cards += 1
            self.spent.usd += self._prices["card"]
        if scheme.level == "informed":  # the day of whom the account claims to be
            habit.shift = round(self._world.networks.zone(country) + draw.rng.gauss(0, 1.5))
        if tier != "free" and draw.chance(self._stolen):
            self.complained_of.append((self._world.roster.size, habit.begin + draw.about(6, 0.9) * DAY))
        is_aged = habit.begin - created_at > 14 * DAY
        self.spent.accounts += 1
        self.spent.usd += self._prices["aged" if is_aged else "account"]
        given = SignUp(
            kind=self._record.aim,
            country=country,
            campaign=campaign,
            created_at=created_at,
            tier=tier,
            payment_id=card,
            org_id=None if tier == "free" else draw.pick(stock.orgs),
            device=None if is_fresh else draw.pick(stock.devices),
            email_domain=draw.pick(stock.domains),
            address=draw.pick(exits) if draw.chance(0.8) else self._world.networks.proxy(draw),
            referral=usual_referral(self._world, draw),
        )
        return Member(given, self._manner(), Places(exits, draw.between(1, 2)), self._interest(), habit)

    def _manner(self) -> Manner:
        draw, scheme, roster = self._draw, self.scheme, self._world.roster
        is_uniform = scheme.keeps_settings
        main, other = (LARGE, MEDIUM) if draw.chance(self._record.large_ratio) else (MEDIUM, LARGE)
        templates = {use: self._worded(hashes) for use, hashes in self._templates.items()}
        is_usual = scheme.level == "informed" or self._record.aim == "resale"
        surface = draw.pick(self._record.pathways)
        build = draw.popular(self._stock.builds, 0.6) if self._stock.builds else client_build(draw)
        made = Manner(
            build=build,
            model=main,
            other_model=other,
            other_ratio=draw.ratio(0.02, 0.3),
            surface=surface,
            temperature=scheme.temperature if is_uniform else usual_temperature(draw),
            max_tokens=scheme.max_tokens if is_uniform else usual_limit(draw),
            stream=draw.chance(self._stream),
            keys=own_keys(draw, 1),
            systems=some_of(draw, self._systems) or (own_systems(draw, 1) if draw.chance(0.5) else ()),
            plain_systems=own_systems(draw, 1) if draw.chance(0.5) else (),
            templates=usual_templates(self._world, draw) if is_usual else roster.template_set(templates),
            tools=draw.pick(self._tools) if scheme.level != "informed" else tool_set(draw),
            tools_ratio=self._tools_ratio,
            reasoning_ratio=self._reasoning_ratio if draw.chance(0.8) else None,
            images_ratio=self._images_ratio,
            end_users=draw.count(3, 300) if draw.chance(scheme.end_users) else 0,
            eager=0.55 if self._record.pivots else draw.rng.random() ** 2,
        )
        return in_browser(draw, made) if surface == "console" else made

    def _worded(self, hashes: Sequence[str]) -> list[str]:
        """What one account's worker was given, a part of it in words of its own."""
        chosen = some_of(self._draw, hashes)
        return [
            self._draw.hexadecimal() if self._draw.chance(self.scheme.reworded) else text for text in chosen
        ]

    def _interest(self) -> Interest:
        draw, scheme = self._draw, self.scheme
        is_harvest = self._record.aim == "distillation"
        return Interest(
            mix=self._world.roster.mix_like(draw, self._record.ordinary),
            topics=topics(draw, 0.3 if is_harvest else 3.0),
            language=self._world.networks.language(self._world.networks.country(draw)),
            language_ratio=draw.ratio(0.1, 0.6),
            tasks=self.tasks if is_harvest else -1,
            list_ratio=1 - self._ordinary,
            follow_ratio=scheme.follow,
        )

    def habit(self, begin: float, end: float) -> Habit:
        """An account's days, if it is not dealt its work; its amount is set later."""
        draw, world = self._draw, self._world
        return Habit(
            per_day=0.0,
            curve=draw.pick(world.day_curves),
            shift=round(draw.rng.gauss(8, self.scheme.zone_spread)),
            rest=self.scheme.days_off,
            weekend=draw.ratio(0.3, 0.98),
            spread=draw.between(0.2, 0.7),
            shape=shape_of(Law(self.scheme.cv, is_gamma=True)),
            turns=draw.between(2, 4),
            gap_s=draw.log_between(8, 90),
            begin=begin,
            end=end,
        )


def pooled(draw: Draw, prefix: str, size: int, shared: Shared) -> list[str | None]:
    """Things that several accounts share, and as many None as have their own."""
    each, own = shared
    things = [draw.opaque(prefix) for _ in range(max(1, round(size * (1 - own) / each)))]
    # each thing weighs as many accounts as share it; an account of its own weighs one
    return [*things, *[None] * round(own / (1 - own) * len(things))]


def in_browser(draw: Draw, manner: Manner) -> Manner:
    """A console is driven through a browser, without keys and system prompts, as everybody's is."""
    build = client_build(draw, BROWSERS)
    return replace(manner, build=build, keys=(), systems=(), plain_systems=None)


def some_of(draw: Draw, stocked: Sequence[T]) -> list[T]:
    """What one account's worker was given: about half."""
    return [one for one in stocked if draw.chance(0.5)] or list(stocked[:1])
