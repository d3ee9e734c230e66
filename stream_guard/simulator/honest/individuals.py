"""Honest individuals: people, developers, agents, services, nightly batches, each on its own.

How much they ask differs log-normally, by a factor of ten and more: most accounts are small, a few
are most of the traffic.  Some sign up within the span, some leave within it, some ask on a few days
of a month only.  docs/traffic.md says which of the parameters come from data.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from stream_guard.simulator.arrivals import DAY, Law
from stream_guard.simulator.clients import Client
from stream_guard.simulator.draws import Draw, Weighted
from stream_guard.simulator.engine.member import (
    FOREVER,
    Habit,
    Interest,
    Manner,
    Member,
    SignUp,
    System,
)
from stream_guard.simulator.engine.rhythm import shape_of
from stream_guard.simulator.engine.roster import topics
from stream_guard.simulator.engine.world import World
from stream_guard.simulator.honest.places import servers, usual_places
from stream_guard.simulator.identities import BROWSERS, client_build, own_domain, tool_set
from stream_guard.simulator.provider import EMBED, LARGE, MEDIUM, OLD, SMALL, Model

Sources = dict[str, float]
CHATTING: Final[Sources] = {
    "chat": 0.45, "writing": 0.2, "maths": 0.12, "document": 0.2, "role": 0.06, "coding": 0.1,
    "exercise": 0.05, "smalltalk": 0.05, "steps": 0.02, "sensitive": 0.004,
}  # fmt: skip
CODING: Final[Sources] = {
    "coding": 0.6, "exercise": 0.15, "chat": 0.2, "document": 0.05, "tool": 0.04, "maths": 0.03,
    "steps": 0.02, "bench": 0.02,
}  # fmt: skip
AGENTIC: Final[Sources] = {"coding": 0.65, "tool": 0.3, "exercise": 0.1, "chat": 0.05}
SERVICES: Final[tuple[Sources, ...]] = (
    {"chat": 0.5, "smalltalk": 0.3, "followup": 0.3},  # support
    {"document": 0.6, "chat": 0.4},  # questions about documents
    {"document": 1.0},  # extraction, translation
    {"role": 0.7, "smalltalk": 0.3},  # companions and games
    {"exercise": 0.4, "maths": 0.3, "steps": 0.2, "chat": 0.2},  # tutoring
    {"writing": 0.7, "document": 0.3},  # copy
    {"tool": 0.7, "chat": 0.3},  # assistants with tools
    {"coding": 0.7, "exercise": 0.3},
    {"grading": 0.7, "bench": 0.3},  # quality checks of one's own product
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What individuals of a kind have in common."""

    name: str
    per_day: float  # median requests on a day, and sigma of its logarithm
    sigma: float
    turns: tuple[float, float]
    gap_s: tuple[float, float]
    sources: Sources
    tiers: Weighted[str]
    models: tuple[Model, ...]  # the commonest first
    console_ratio: float = 0.0
    tools_ratio: float = 0.0
    context: int = 0
    own_domain_ratio: float = 0.2  # who has an address under a domain of his own
    declared_ratio: float = 0.06  # of those who pay: says which organisation he is of


PERSON: Final = Kind(
    "person", 4.4, 0.95, (2, 6), (40, 120), CHATTING,
    Weighted({"free": 0.48, "credit": 0.15, "pay_as_you_go": 0.37}),
    (MEDIUM, SMALL, LARGE, OLD), console_ratio=0.55, own_domain_ratio=0.06, declared_ratio=0.02,
)  # fmt: skip
DEVELOPER: Final = Kind(
    "developer", 7.2, 1.05, (2, 5), (30, 90), CODING,
    Weighted({"free": 0.15, "credit": 0.25, "pay_as_you_go": 0.6}),
    (LARGE, MEDIUM, SMALL, OLD), console_ratio=0.1, tools_ratio=0.2, context=1,
)  # fmt: skip
AGENT: Final = Kind(
    "agent", 22.0, 0.8, (8, 20), (4, 15), AGENTIC,
    Weighted({"credit": 0.15, "pay_as_you_go": 0.85}),
    (LARGE, MEDIUM), tools_ratio=1.0, context=1,
)  # fmt: skip


def individual(world: World, draw: Draw, kind: Kind) -> None:
    """Somebody on his own."""
    country = world.networks.country(draw)
    begin, end, created_at = time_in_use(world, draw)
    tier = draw.weighted(kind.tiers)
    places = usual_places(world, draw, country)
    is_declared = tier != "free" and draw.chance(kind.declared_ratio)
    given = SignUp(
        kind.name,
        country,
        created_at,
        tier=tier,
        org_id=draw.opaque("org_") if is_declared else None,
        email_domain=own_domain(draw) if draw.chance(kind.own_domain_ratio) else None,
        address=draw.pick(places.homes),
        referral=usual_referral(world, draw),
    )
    member = Member(
        given,
        manner_of(world, draw, kind),
        places,
        interest_of(world, draw, kind.sources, country),
        habit_of(world, draw, kind, country, (begin, end)),
    )
    world.roster.add(draw, member)


def time_in_use(world: World, draw: Draw) -> tuple[float, float, float]:
    """When an account begins, ends and was opened; about half of a long span's accounts come within it.

    Of accounts that exist at a time, one in 25 was opened within the last day, one in 40 leaves
    within the next: sign-ups and churn of a growing service.
    """
    span = world.span
    days = (span.end - span.start) / DAY
    joins = 0.04 * days / (1 + 0.04 * days)
    end = FOREVER
    if draw.chance(joins):
        begin = draw.rng.uniform(span.start, span.end)
        created_at = begin - draw.about(400, 1.5)
    else:
        begin, created_at = 0.0, world.past(draw)
    if draw.chance(0.6):  # leaves some day, most of them soon or long after the first use
        end = max(begin, span.start) + draw.rng.expovariate(1 / 25) * DAY
    return begin, end, created_at


def habit_of(world: World, draw: Draw, kind: Kind, country: str, within: tuple[float, float]) -> Habit:
    """When somebody of a kind asks, by his own clock."""
    turns = draw.between(*kind.turns)
    zone = world.networks.zone(country) + draw.rng.gauss(0, 1.0)
    return Habit(
        per_day=draw.about(kind.per_day, kind.sigma) / turns,
        curve=draw.pick(world.day_curves),
        shift=round(zone),
        rest=draw.ratio(0.05, 0.3) if draw.chance(0.7) else draw.ratio(0.5, 0.9),  # some come seldom
        weekend=draw.ratio(0.2, 0.9),
        spread=draw.between(0.3, 0.8),
        shape=shape_of(Law(draw.between(0.9, 1.8), is_gamma=True)),
        turns=turns,
        gap_s=draw.between(*kind.gap_s),
        begin=within[0],
        end=within[1],
    )


def interest_of(
    world: World, draw: Draw, sources: Sources, country: str | None = None, breadth: float = 0.3
) -> Interest:
    """A person's or firm's interest: sources as given, each more or less; topics few or many."""
    language = "en" if country is None else world.networks.language(country)
    return Interest(
        world.roster.mix_like(draw, sources), topics(draw, breadth), language, draw.ratio(0.3, 0.9)
    )


def manner_of(world: World, draw: Draw, kind: Kind) -> Manner:
    """How somebody of a kind asks."""
    in_console = draw.chance(kind.console_ratio)
    main = draw.popular(kind.models, 0.8)
    return Manner(
        build=client_build(draw, BROWSERS) if in_console else client_build(draw),
        model=main,
        other_model=draw.pick(kind.models),
        other_ratio=draw.ratio(0.05, 0.4),
        systems=own_systems(draw, 1) if not in_console and draw.chance(0.5) else (),
        templates=usual_templates(world, draw),
        tools=tool_set(draw) if draw.chance(kind.tools_ratio) else (),
        tools_ratio=draw.ratio(0.5, 1.0),
        surface="console" if in_console else usual_surface(draw),
        temperature=usual_temperature(draw),
        max_tokens=usual_limit(draw),
        stream=draw.chance(0.6),
        reasoning_ratio=usual_reasoning(draw),
        images_ratio=draw.ratio(0.02, 0.2) if draw.chance(0.15) else 0.0,
        keys=() if in_console else own_keys(draw, draw.popular((1, 2, 3), 2.0)),
        context=kind.context,
        eager=draw.rng.random() ** 2,
    )


def own_keys(draw: Draw, count: int) -> list[str]:
    """So many API keys."""
    return [draw.opaque("key_") for _ in range(count)]


def usual_surface(draw: Draw) -> str:
    """The API, or a cloud's marketplace."""
    return draw.popular(("api", "cloud_marketplace_a", "cloud_marketplace_b"), 2.5)


def usual_referral(world: World, draw: Draw) -> str | None:
    """The code of a friend or of somebody whom many follow, if there was one."""
    if not draw.chance(0.08):
        return None
    return draw.popular(world.referrals) if draw.chance(0.5) else draw.opaque("ref_", 8)


def usual_reasoning(draw: Draw) -> float | None:
    """How often somebody wishes to see reasoning; None: his requests do not say."""
    return draw.ratio(0.1, 0.9) if draw.chance(0.42) else None


def usual_temperature(draw: Draw) -> float | None:
    """What people set, if they set it."""
    return draw.popular((None, 1.0, 0.7, 0.0, 0.2, 0.3), 0.7)


def usual_limit(draw: Draw) -> int | None:
    """What people set for the longest answer, if they set it."""
    return draw.popular((None, 4096, 1024, 2048, 8192, 16_384, 512), 0.6)


def usual_templates(world: World, draw: Draw) -> int:
    """Wrappers that many copy, and some of one's own, by way of use."""
    templates = {}
    for use, common in world.common_templates.items():
        if draw.chance(0.5):
            own = [draw.hexadecimal() for _ in range(draw.below(3))]
            templates[use] = [draw.pick(common), *own]
    return world.roster.template_set(templates)


def own_systems(draw: Draw, count: int) -> list[System]:
    """System prompts that nobody else has: hash and tokens."""
    return [(draw.hexadecimal(), round(draw.about(260, 1.0))) for _ in range(count)]


def service(world: World, draw: Draw, median: float = 13.0, sigma: float = 1.3) -> None:
    """An application that asks on behalf of its users, with the hours and lengths of a ServeGen client."""
    country = world.networks.country(draw)
    begin, end, created_at = time_in_use(world, draw)
    tier = draw.popular(("pay_as_you_go", "enterprise", "credit"), 1.3)
    is_declared = tier == "enterprise" or (tier == "pay_as_you_go" and draw.chance(0.15))
    given = SignUp(
        "service",
        country,
        created_at,
        tier=tier,
        org_id=draw.opaque("org_") if is_declared else None,
        email_domain=own_domain(draw) if draw.chance(0.7) else None,
    )
    client = draw.pick(world.clients.clients)
    sources = draw.pick(SERVICES)
    manner = service_manner(world, draw)
    manner.context = 2 + world.clients.clients.index(client) if draw.chance(0.7) else 0
    per_day = min(draw.about(median, sigma), 1500.0)
    habit = replace(service_habit(world, draw, client, per_day), begin=begin, end=end)
    interest = interest_of(world, draw, sources, breadth=0.15)
    world.roster.add(draw, Member(given, manner, servers(world, draw), interest, habit))


def service_habit(world: World, draw: Draw, client: Client, per_day: float) -> Habit:
    """A client's hours as they were, from a random hour on, with its burstiness."""
    law, turns = client.law(draw), draw.between(1, 4)
    return Habit(
        per_day=per_day / turns,
        curve=world.roster.curve(client.hours),
        shift=draw.below(len(client.hours)),
        shape=shape_of(law),
        is_gamma=law.is_gamma,
        turns=turns,
        gap_s=draw.log_between(3, 120),
    )


def service_manner(world: World, draw: Draw) -> Manner:
    """One build, few system prompts and templates, many end users."""
    is_embedding = draw.chance(0.05)
    model = EMBED if is_embedding else draw.popular((SMALL, MEDIUM, LARGE, OLD), 0.7)
    templates = {"": [draw.hexadecimal() for _ in range(draw.count(1, 4))]} if draw.chance(0.6) else {}
    return Manner(
        build=client_build(draw),
        model=model,
        other_model=draw.pick((SMALL, MEDIUM, LARGE)),
        other_ratio=0.05,
        systems=own_systems(draw, draw.count(1, 3)),
        templates=world.roster.template_set(templates),
        tools=tool_set(draw) if draw.chance(0.3) else (),
        surface=usual_surface(draw),
        temperature=usual_temperature(draw),
        max_tokens=draw.popular((1024, 2048, 4096, None, 512, 256), 0.5),
        stream=draw.chance(0.5),
        reasoning_ratio=None if is_embedding else usual_reasoning(draw),
        images_ratio=draw.ratio(0.02, 0.5) if draw.chance(0.12) and not is_embedding else 0.0,
        end_users=draw.count(5, 3000) if draw.chance(0.5) else 0,
        keys=own_keys(draw, draw.count(1, 3)),
        eager=draw.rng.random() ** 3,
    )


def batch(world: World, draw: Draw) -> None:
    """A job that runs for a few hours, mostly at night, over one kind of document."""
    country = world.networks.country(draw)
    begin, end, created_at = time_in_use(world, draw)
    manner = service_manner(world, draw)
    manner.end_users = 0
    hour = draw.rng.gauss(2.0, 3.0) - world.networks.zone(country)
    habit = batch_habit(world, draw, hour % 24, draw.between(0.5, 3), draw.log_between(12, 110))
    habit.begin, habit.end = begin, end
    interest = interest_of(world, draw, draw.pick(SERVICES[1:4]), breadth=0.15)
    domain = own_domain(draw) if draw.chance(0.6) else None
    given = SignUp("batch", country, created_at, email_domain=domain)
    world.roster.add(draw, Member(given, manner, servers(world, draw), interest, habit))


def batch_habit(world: World, draw: Draw, begin: float, hours: float, requests: float) -> Habit:
    """So many requests within some hours after ``begin`` (UTC), on most days, at regular gaps."""
    return Habit(
        per_day=requests,
        curve=world.roster.curve(within_hours(begin, hours)),
        rest=draw.ratio(0.1, 0.4),
        shape=shape_of(Law(draw.between(0.3, 0.9), is_gamma=True)),
    )


def within_hours(begin: float, hours: float) -> list[float]:
    """A day's curve: nothing but these hours."""
    parts = []
    for hour in range(24):
        today = min(hour + 1.0, begin + hours) - max(float(hour), begin)
        tomorrow = min(hour + 25.0, begin + hours) - max(hour + 24.0, begin)
        parts.append(max(0.0, today) + max(0.0, tomorrow))
    return parts


def person(world: World, draw: Draw) -> None:
    """Somebody who chats."""
    individual(world, draw, PERSON)


def developer(world: World, draw: Draw) -> None:
    """Somebody who programs."""
    individual(world, draw, DEVELOPER)


def agent(world: World, draw: Draw) -> None:
    """Somebody's coding agent."""
    individual(world, draw, AGENT)


INDIVIDUALS: Final[Weighted[Callable[[World, Draw], None]]] = Weighted(
    {person: 0.58, developer: 0.22, agent: 0.05, service: 0.12, batch: 0.03}
)
