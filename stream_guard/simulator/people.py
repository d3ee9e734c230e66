"""Honest individuals: people, developers, agents, services, nightly batches, each on its own.

How much they ask differs log-normally, by a factor of ten and more: most accounts are small, a few
are most of the traffic.  Some signed up within the span, some leave within it.  Parameters stand in
`KINDS` and at the top of the functions; docs/traffic.md says which of them come from data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from stream_guard.simulator.actors import Habit, at_seat, converse, serve
from stream_guard.simulator.arrivals import HOUR, Law, Pace, Span, human_pace
from stream_guard.simulator.draws import Draw, Weighted
from stream_guard.simulator.identities import BROWSERS, client_build, tool_set
from stream_guard.simulator.networks import Address, Place, at_home, behind_vpn, fixed, mostly, one_of
from stream_guard.simulator.prompts import interest
from stream_guard.simulator.provider import EMBED, LARGE, MEDIUM, OLD, SMALL, Model
from stream_guard.simulator.world import Actor, Context, Manner, SignUp, World

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
    models: dict[Model, float]
    console_ratio: float = 0.0
    tools_ratio: float = 0.0
    context: Context = "chat"


PERSON: Final = Kind(
    "person", 4.4, 0.95, (2, 6), (40, 120), CHATTING,
    Weighted({"free": 0.48, "credit": 0.15, "pay_as_you_go": 0.37}),
    {SMALL: 0.4, MEDIUM: 0.4, LARGE: 0.2, OLD: 0.05}, console_ratio=0.55,
)  # fmt: skip
DEVELOPER: Final = Kind(
    "developer", 7.2, 1.05, (2, 5), (30, 90), CODING,
    Weighted({"free": 0.15, "credit": 0.25, "pay_as_you_go": 0.6}),
    {LARGE: 0.45, MEDIUM: 0.35, SMALL: 0.15, OLD: 0.08}, console_ratio=0.1, tools_ratio=0.2, context="code",
)  # fmt: skip
AGENT: Final = Kind(
    "agent", 22.0, 0.8, (8, 20), (4, 15), AGENTIC,
    Weighted({"credit": 0.15, "pay_as_you_go": 0.85}),
    {LARGE: 0.7, MEDIUM: 0.3}, tools_ratio=1.0, context="code",
)  # fmt: skip
PLACES: Final = Weighted(
    {
        "home": 0.56,
        "proxy": 0.02,
        "vpn": 0.09,
        "vpn_at_times": 0.06,
        "relay": 0.03,
        "abroad": 0.03,
        "firm": 0.15,
        "server": 0.06,
    }
)
KINDS: Final = (PERSON, DEVELOPER, AGENT)


def individual(world: World, draw: Draw, kind: Kind) -> Actor:
    """Somebody on his own."""
    country = world.networks.country(draw)
    within, created_at = time_in_use(world, draw)
    tier = draw.weighted(kind.tiers)
    place = usual_place(world, draw, country)
    given = SignUp(kind.name, country, created_at=created_at, tier=tier, address=place(draw))
    account = world.sign_up(draw, given)
    manner = manner_of(world, draw, kind, country, place)
    return converse(world, draw, at_seat(account), manner, habit_of(world, draw, kind, country, within))


def time_in_use(world: World, draw: Draw) -> tuple[Span, float | None]:
    """When an account is in use within the span, and when it was opened, if within the span too."""
    span = world.span
    chance = draw.rng.random()
    if chance < 0.12:  # signed up within the span
        begin = draw.rng.uniform(span.start, span.end)
        return span.cut(begin, span.end), begin - draw.about(400, 1.5)
    if chance < 0.20:
        return span.cut(span.start, draw.rng.uniform(span.start, span.end)), None
    return span, None


def habit_of(world: World, draw: Draw, kind: Kind, country: str, within: Span) -> Habit:
    """When somebody of a kind asks, by his own clock."""
    turns = draw.between(*kind.turns)
    per_day = draw.about(kind.per_day, kind.sigma)
    day = draw.pick(world.clients.days)
    zone = world.networks.zone(country) + draw.rng.gauss(0, 1.0)
    pace = human_pace(draw, day, world.span, per_day / turns, zone)
    return Habit(pace, Law(draw.between(0.9, 1.8), is_gamma=True), within, turns, draw.between(*kind.gap_s))


def manner_of(world: World, draw: Draw, kind: Kind, country: str, place: Place) -> Manner:
    """How somebody of a kind asks."""
    in_console = draw.chance(kind.console_ratio)
    main = draw.weighted(Weighted(kind.models))
    asked = interest(draw, kind.sources, world.networks.language(country))
    return Manner(
        interest=asked,
        place=place,
        build=client_build(draw, BROWSERS) if in_console else client_build(draw),
        models=Weighted({model: share * (6 if model is main else 1) for model, share in kind.models.items()}),
        systems=own_systems(draw, 1) if not in_console and draw.chance(0.5) else [],
        templates=usual_templates(world, draw),
        tools=tool_set(draw) if draw.chance(kind.tools_ratio) else (),
        tools_ratio=draw.ratio(0.5, 1.0),
        surface="console" if in_console else usual_surface(draw),
        temperature=usual_temperature(draw),
        max_tokens=draw.popular((None, 4096, 1024, 2048, 8192, 16_384, 512), 0.6),
        stream=draw.chance(0.6),
        reasoning_ratio=draw.ratio(0.1, 0.9) if draw.chance(0.3) else 0.0,
        images_ratio=draw.ratio(0.02, 0.2) if draw.chance(0.15) else 0.0,
        keys=[] if in_console else [draw.opaque("key_") for _ in range(draw.popular((1, 2, 3), 2.0))],
        context=kind.context,
    )


def usual_surface(draw: Draw) -> str:
    """The API, or a cloud's marketplace."""
    return draw.popular(("api", "cloud_marketplace_a", "cloud_marketplace_b"), 2.5)


def usual_temperature(draw: Draw) -> float | None:
    """What people set, if they set it."""
    return draw.popular((None, 1.0, 0.7, 0.0, 0.2, 0.3), 0.7)


def usual_templates(world: World, draw: Draw) -> dict[str, list[str]]:
    """Wrappers that many copy, and some of one's own, by way of use."""
    templates = {}
    for use, common in world.common_templates.items():
        if draw.chance(0.5):
            own = [draw.hexadecimal() for _ in range(draw.rng.randrange(3))]
            templates[use] = [draw.pick(common), *own]
    return templates


def own_systems(draw: Draw, count: int) -> list[tuple[str, int]]:
    """System prompts that nobody else has: hash and tokens."""
    return [(draw.hexadecimal(), round(draw.about(260, 1.0))) for _ in range(count)]


def usual_place(world: World, draw: Draw, country: str) -> Place:
    """Home and phone for most; some behind a VPN, proxy or relay, some at a firm, a few on the road."""
    networks = world.networks
    home = at_home(networks, draw, country)
    places: dict[str, Callable[[], Place]] = {
        "home": lambda: home,
        "vpn": lambda: behind_vpn(networks, draw),
        "vpn_at_times": lambda: mostly(home, behind_vpn(networks, draw), draw.ratio(0.1, 0.6)),
        "proxy": lambda: one_of([networks.proxy(draw) for _ in range(draw.count(1, 3))]),
        "relay": lambda: mostly(home, one_of(relays(world, draw, country)), draw.ratio(0.3, 0.9)),
        "abroad": lambda: mostly(home, at_home(networks, draw, networks.country(draw)), draw.ratio(0.2, 0.7)),
        "firm": lambda: mostly(fixed(networks.host(draw, country, "business")), home, draw.ratio(0, 0.5)),
        "server": lambda: fixed(networks.hosted(draw)),
    }
    return places[draw.weighted(PLACES)]()


def relays(world: World, draw: Draw, country: str) -> list[Address]:
    """Some relay addresses that one subscriber gets."""
    return [world.networks.relay(draw, country) for _ in range(4)]


def service(world: World, draw: Draw, median: float = 13.0, sigma: float = 1.3) -> Actor:
    """An application that asks on behalf of its users, with the hours and lengths of a ServeGen client."""
    country = world.networks.country(draw)
    within, created_at = time_in_use(world, draw)
    tier = draw.popular(("pay_as_you_go", "enterprise", "credit"), 1.3)
    own = draw.opaque("org_") if tier == "enterprise" else None
    account = world.sign_up(draw, SignUp("service", country, None, created_at, tier, org_id=own))
    client = draw.pick(world.clients.clients)
    manner = service_manner(world, draw, draw.pick(SERVICES))
    manner.service = client if draw.chance(0.7) else None
    per_day = min(draw.about(median, sigma), 1500.0)
    pace = client.pace(draw, world.span, per_day)
    return serve(world, draw, account, manner, Habit(pace, client.law(draw), within, draw.between(1, 4)))


def service_manner(world: World, draw: Draw, sources: Sources) -> Manner:
    """Servers, one build, few system prompts and templates, many end users."""
    servers = [world.networks.hosted(draw) for _ in range(draw.count(1, 3))]
    is_embedding = draw.chance(0.05)
    model = EMBED if is_embedding else draw.popular((SMALL, MEDIUM, LARGE, OLD), 0.7)
    return Manner(
        interest=interest(draw, sources, breadth=0.15),
        place=one_of(servers, 0.5),
        build=client_build(draw),
        models=Weighted({model: 0.95, draw.pick((SMALL, MEDIUM, LARGE)): 0.05}),
        systems=own_systems(draw, draw.count(1, 3)),
        templates={"": [draw.hexadecimal() for _ in range(draw.count(1, 4))]} if draw.chance(0.6) else {},
        tools=tool_set(draw) if draw.chance(0.3) else (),
        surface=usual_surface(draw),
        temperature=usual_temperature(draw),
        max_tokens=draw.popular((1024, 2048, 4096, None, 512, 256), 0.5),
        stream=draw.chance(0.5),
        end_users=draw.count(5, 3000) if draw.chance(0.5) else 0,
        keys=[draw.opaque("key_") for _ in range(draw.count(1, 3))],
    )


def batch(world: World, draw: Draw) -> Actor:
    """A job that runs for a few hours, mostly at night, over one kind of document."""
    country = world.networks.country(draw)
    account = world.sign_up(draw, SignUp("batch", country, tier="pay_as_you_go"))
    manner = service_manner(world, draw, draw.pick(SERVICES[1:4]))
    manner.end_users = 0
    hour = draw.rng.gauss(2.0, 3.0) - world.networks.zone(country)
    pace = batch_pace(draw, world.span, hour % 24, draw.between(0.5, 3), draw.log_between(12, 110))
    return serve(world, draw, account, manner, Habit(pace, Law(0.5, is_gamma=True), world.span))


def batch_pace(draw: Draw, span: Span, begin: float, hours: float, requests: float) -> Pace:
    """So many requests within some hours after ``begin`` (UTC), on most days."""
    pace = [0.0] * span.hours
    nights = round(span.hours / 24) + 1
    for night in range(nights):
        if draw.chance(0.25):
            continue
        start = night * 24 + begin - span.start % (24 * HOUR) / HOUR
        for hour in range(len(pace)):
            part = min(hour + 1, start + hours) - max(hour, start)
            pace[hour] += max(0.0, part) * requests / hours
    return pace
