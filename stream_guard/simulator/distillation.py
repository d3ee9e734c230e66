"""A distillation campaign of the public record: one task list, dealt over many quiet accounts.

After the reports of February 2026 on harvesting for reasoning, rubric grading and tool use: an
operator deals tasks through a dispatcher that prefers whoever rested longest.  Accounts share cards,
sign-up devices, exits and client builds, never all of them; each works a shift, asks as much as a
diligent person, and is diluted with ordinary conversations.  What is refused by load goes to a
sibling within seconds.

Nobody here knows a threshold: parameters come from ranges (`Draw`), wider in the test split.

Glossary: *member* an account of the operator with its shift (`dispatch.py`); *lot* accounts opened together;
*stock* what the operator bought for all of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from stream_guard.simulator.arrivals import DAY, HOUR
from stream_guard.simulator.dispatch import Dispatcher, Member, Workday
from stream_guard.simulator.draws import Draw, Weighted
from stream_guard.simulator.identities import Build, client_build, own_domain, tool_set
from stream_guard.simulator.networks import Address, Networks, one_of
from stream_guard.simulator.people import CHATTING, CODING, own_systems, usual_temperature
from stream_guard.simulator.prompts import Interest, interest
from stream_guard.simulator.provider import LARGE, MEDIUM
from stream_guard.simulator.world import Actor, Manner, SignUp, World

T = TypeVar("T")
TASKS: Final = {
    "exercise_harvest": 0.28,
    "tool_harvest": 0.2,
    "role_harvest": 0.08,
    "steps_harvest": 0.24,
    "grading_harvest": 0.16,
    "sensitive": 0.04,
}


@dataclass(frozen=True, slots=True)
class Stock:
    """What accounts draw from; None stands for one's own."""

    cards: list[str | None]
    orgs: list[str | None]
    devices: list[str | None]
    domains: list[str | None]
    exits: list[Address]
    exits_each: int
    builds: list[Build]
    templates: dict[str, list[str]]
    systems: list[tuple[str, int]]
    tools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """How the operator works."""

    name: str
    first: float  # when the first accounts begin
    ramp: float  # seconds until the last lot begins
    aged_ratio: float  # lots that were opened long ago
    per_day: float  # median requests of an account on a day, and sigma of its logarithm
    sigma: float
    clock: float  # UTC hour at which shifts begin, more or less
    hours: float
    dilution: float  # ordinary conversations among the tasks
    max_tokens: int | None
    temperature: float | None
    follow_ratio: float  # tasks that take a second turn
    stream_ratio: float  # workers that ask for streamed answers
    reasoning_ratio: float  # requests for which reasoning is asked, by workers that ask for it

    @staticmethod
    def draw(world: World, draw: Draw, name: str) -> "Plan":
        """A plan at random."""
        length = world.span.end - world.span.start
        return Plan(
            name=name,
            first=world.span.start + length * draw.ratio(0.05, 0.2),
            ramp=length * draw.ratio(0.1, 0.35),
            aged_ratio=draw.ratio(0.2, 0.5),
            per_day=draw.between(14, 19),
            sigma=draw.between(0.25, 0.5),
            clock=draw.rng.uniform(0, 24),
            hours=draw.between(10, 16),
            dilution=draw.ratio(0.2, 0.4),
            max_tokens=draw.popular((4096, None, 2048, 8192), 0.7),
            temperature=usual_temperature(draw),
            follow_ratio=draw.ratio(0.05, 0.25),
            stream_ratio=draw.ratio(0.1, 0.9),
            reasoning_ratio=draw.ratio(0.2, 0.7) if draw.chance(0.6) else 0.0,
        )


def distillation(world: World, draw: Draw, size: int, name: str) -> list[Actor]:
    """One campaign of ``size`` accounts."""
    plan = Plan.draw(world, draw, name)
    members = recruit(world, draw, size, plan)
    workday = Workday(Weighted(TASKS), plan.dilution, plan.follow_ratio)
    return [Dispatcher(world, draw.child("dispatch"), workday, members).deal()]


def recruit(world: World, draw: Draw, size: int, plan: Plan) -> list[Member]:
    """Open the accounts in lots: some long ago, some just before they are used."""
    stock = buy_stock(world.networks, draw, size)
    members: list[Member] = []
    for lot in lots(draw, size):
        begin = plan.first + plan.ramp * draw.rng.random()
        is_aged = draw.chance(plan.aged_ratio)
        opened = world.past(draw, 3 * DAY) if is_aged else begin - draw.log_between(0.3, 96) * HOUR
        for _ in range(lot):
            exits = [draw.pick(stock.exits) for _ in range(stock.exits_each)]
            opened += draw.about(240, 1.0)
            given = SignUp(
                kind="distillation",
                country=world.networks.country(draw),
                campaign=plan.name,
                created_at=opened,
                tier=draw.popular(("pay_as_you_go", "credit", "free"), 1.3),
                payment_id=draw.pick(stock.cards),
                org_id=draw.pick(stock.orgs),
                device=draw.pick(stock.devices),
                email_domain=draw.pick(stock.domains),
                address=draw.pick(exits),
            )
            members.append(_member(world, draw, plan, stock, (given, exits, max(begin, opened))))
    return members


def _member(
    world: World, draw: Draw, plan: Plan, stock: Stock, opened: tuple[SignUp, list[Address], float]
) -> Member:
    given, exits, begin = opened
    span = world.span
    joins = begin + 60 + draw.about(1800, 1.0)
    leaves = span.end if draw.chance(0.85) else joins + draw.log_between(0.5, 3) * DAY
    days = range(int(span.start // DAY), int(span.end // DAY) + 1)
    manner = Manner(
        interest=interest(draw, TASKS),
        place=one_of(exits, 0.8),
        build=draw.popular(stock.builds, 0.6),
        models=Weighted({LARGE: 0.85, MEDIUM: 0.15}),
        systems=some_of(draw, stock.systems),
        templates={use: reworded(draw, templates) for use, templates in stock.templates.items()},
        tools=stock.tools,
        tools_ratio=TASKS["tool_harvest"],
        temperature=plan.temperature,
        max_tokens=plan.max_tokens,
        stream=draw.chance(plan.stream_ratio),
        reasoning_ratio=plan.reasoning_ratio if draw.chance(0.7) else 0.0,
        end_users=draw.count(3, 300) if draw.chance(0.1) else 0,
        keys=[draw.opaque("key_")],
    )
    ordinary: Interest = interest(draw, draw.pick((CHATTING, CODING)))
    private = replace(manner, interest=ordinary, systems=own_systems(draw, 1), templates={}, tools=())
    return Member(
        account=world.sign_up(draw, given),
        manner=manner,
        private=private,
        within=span.cut(joins, leaves),
        per_day=draw.about(plan.per_day, plan.sigma),
        shift=((plan.clock + draw.rng.gauss(0, 3)) % 24, min(plan.hours * draw.about(1, 0.15), 22)),
        days_off=frozenset(day for day in days if draw.chance(0.08)),
    )


def buy_stock(networks: Networks, draw: Draw, size: int) -> Stock:
    """Cards, devices, exits and the rest for so many accounts."""

    def shared(prefix: str, each: tuple[float, float], own: tuple[float, float]) -> list[str | None]:
        pooled = [draw.opaque(prefix) for _ in range(max(2, round(size / draw.between(*each))))]
        alone = draw.ratio(*own)
        return [*pooled, *[None] * round(alone / (1 - alone) * len(pooled))]

    domains = [own_domain(draw) for _ in range(draw.count(2, 8))]
    uses = {"steps": (4, 12), "grading": (3, 8), "exercise": (4, 12), "tool": (2, 6), "role": (1, 4)}
    return Stock(
        orgs=shared("org_", (3, 12), (0.75, 0.95)),
        cards=shared("pm_", (2, 7), (0.15, 0.4)),
        devices=shared("dev_", (2, 8), (0.3, 0.6)),
        domains=[*domains, *[None] * round(len(domains) * draw.between(1, 4))],
        exits=exits_of(networks, draw, max(3, round(size * draw.ratio(0.3, 0.7)))),
        exits_each=draw.count(1, 4),
        builds=[client_build(draw) for _ in range(draw.count(3, 8))],
        templates={
            use: [draw.hexadecimal() for _ in range(draw.count(*sizes))] for use, sizes in uses.items()
        },
        systems=own_systems(draw, draw.count(2, 6)) if draw.chance(0.5) else [],
        tools=tool_set(draw),
    )


def exits_of(networks: Networks, draw: Draw, size: int) -> list[Address]:
    """Exits of VPNs, hosting and residential proxies, in drawn parts."""
    kinds = Weighted(
        {"vpn": draw.between(1, 3), "hosting": draw.between(0.5, 2), "proxy": draw.between(1, 4)}
    )
    providers = [networks.provider(draw) for _ in range(draw.count(1, 3))]
    make: dict[str, Callable[[], Address]] = {
        "vpn": lambda: networks.exit(draw, draw.pick(providers)),
        "hosting": lambda: networks.hosted(draw),
        "proxy": lambda: networks.proxy(draw),
    }
    return [make[draw.weighted(kinds)]() for _ in range(size)]


def some_of(draw: Draw, stocked: list[T]) -> list[T]:
    """What one account's worker was given: about half."""
    return [one for one in stocked if draw.chance(0.5)] or stocked[:1]


def reworded(draw: Draw, templates: list[str]) -> list[str]:
    """Some templates, a few of them in words of the worker's own."""
    return [draw.hexadecimal() if draw.chance(0.15) else one for one in some_of(draw, templates)]


def lots(draw: Draw, size: int) -> Iterator[int]:
    """Sizes of the lots that accounts are opened in."""
    while size > 0:
        lot = min(size, draw.count(1, 25))
        size -= lot
        yield lot
