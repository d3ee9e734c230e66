"""Honest crowds around a product: one client, one prompt or one server, and many unrelated accounts.

Same form as `crowds.py`: a function opens one crowd of a given size.
"""

from dataclasses import replace
from typing import Final

from stream_guard.simulator.arrivals import DAY, HOUR, Law
from stream_guard.simulator.draws import Draw
from stream_guard.simulator.engine.member import Manner, Member, Places, SignUp
from stream_guard.simulator.engine.pool import TaskList
from stream_guard.simulator.engine.rhythm import shape_of
from stream_guard.simulator.engine.world import World
from stream_guard.simulator.honest.crowds import Outfit, enlist
from stream_guard.simulator.honest.individuals import (
    AGENT,
    AGENTIC,
    CHATTING,
    CODING,
    DEVELOPER,
    PERSON,
    Kind,
    batch_habit,
    interest_of,
    own_keys,
    own_systems,
    service_habit,
    service_manner,
    time_in_use,
    usual_referral,
)
from stream_guard.simulator.honest.places import usual_places
from stream_guard.simulator.identities import own_build, own_domain, tool_set
from stream_guard.simulator.provider import LARGE, MEDIUM, SMALL

_TESTING: Final = {"bench": 0.25, "grading": 0.5, "steps": 0.15, "maths": 0.1}
_ROUTED: Final = CHATTING | {"coding": 0.4, "grading": 0.02, "tool": 0.1}
_REVIEWING: Final = {"coding": 0.9, "exercise": 0.1}


def _product(world: World, draw: Draw, *, is_agentic: bool) -> Outfit:
    """A tool's client: its build, system prompt, perhaps template and tools."""
    manner = Manner(own_build(draw, draw.opaque("", 6)), systems=own_systems(draw, draw.count(1, 2)))
    keeps = ["build", "systems"]
    if draw.chance(0.6):
        hashes = [draw.hexadecimal() for _ in range(draw.count(1, 3))]
        manner.templates = world.roster.template_set({"": hashes})
        keeps.append("templates")
    if is_agentic:
        manner.tools = tool_set(draw)
        keeps.append("tools")
    return Outfit(manner, keeps=keeps)


def _users(
    world: World, draw: Draw, size: int, kind: tuple[str, Kind, Outfit], created: object = None
) -> None:
    """Unrelated people who use one product; ``created`` draws their sign-up, if it is not any time."""
    name, usual, outfit = kind
    for _ in range(size):
        country = world.networks.country(draw)
        created_at = created(draw) if callable(created) else 0.0
        domain = own_domain(draw) if draw.chance(usual.own_domain_ratio) else None
        referral = usual_referral(world, draw)
        tier = draw.weighted(usual.tiers)
        given = SignUp(name, country, created_at, tier=tier, email_domain=domain, referral=referral)
        places = usual_places(world, draw, country)
        world.roster.add(draw, enlist(world, draw, usual, (given, places), outfit))


def open_source_tool(world: World, draw: Draw, size: int) -> None:
    """A popular tool: everybody brings his own key; one system prompt, build, template and tool set."""
    _tool(world, draw, size, "open_source_tool")


def popular_tool(world: World, draw: Draw, size: int) -> None:
    """A tool that five thousand use and more: `open_source_tool`, as large as a network of attackers."""
    _tool(world, draw, size, "popular_tool")


def _tool(world: World, draw: Draw, size: int, name: str) -> None:
    is_agentic = draw.chance(0.5)
    sources = AGENTIC if is_agentic else CODING
    kind = replace(DEVELOPER, console_ratio=0.0, sources=sources, gap_s=(10.0, 60.0))
    _users(world, draw, size, (name, kind, _product(world, draw, is_agentic=is_agentic)))


def overnight_agents(world: World, draw: Draw, size: int) -> None:
    """Developers who let one agent loop all night: long runs at short gaps, no sleep, one tool set."""
    outfit = _product(world, draw, is_agentic=True)
    kind = replace(AGENT, turns=(20, 60), gap_s=(3, 10))
    for _ in range(size):
        country = world.networks.country(draw)
        domain = own_domain(draw) if draw.chance(kind.own_domain_ratio) else None
        tier = draw.weighted(kind.tiers)
        given = SignUp("overnight_agents", country, 0.0, tier=tier, email_domain=domain)
        places = usual_places(world, draw, country)
        made = enlist(world, draw, kind, (given, places), outfit if draw.chance(0.6) else Outfit())
        hour = draw.rng.gauss(22, 2) - world.networks.zone(country)
        night = batch_habit(world, draw, hour % 24, draw.between(4, 9), 1.0)
        made.habit = replace(
            made.habit, per_day=draw.about(60, 0.7) / made.habit.turns, curve=night.curve, shift=0,
            rest=draw.ratio(0.1, 0.6), weekend=1.0, shape=shape_of(Law(0.6, is_gamma=True)),
        )  # fmt: skip
        world.roster.add(draw, made)


def review_bot(world: World, draw: Draw, size: int) -> None:
    """A review bot that many firms gave their keys: its servers, build and template, their code and cards."""
    servers = [world.networks.hosted(draw) for _ in range(draw.count(1, 4))]
    bot = service_manner(world, draw)
    bot.build, bot.end_users, bot.context = own_build(draw, draw.opaque("", 6)), 0, 1
    bot.templates = world.roster.template_set({"": [draw.hexadecimal()]})
    bot.model, bot.other_ratio = draw.pick((LARGE, MEDIUM)), 0.0
    kind = replace(DEVELOPER, per_day=draw.between(5, 11), sigma=0.9, sources=_REVIEWING, turns=(1, 3))
    for _ in range(size):
        country = world.networks.country(draw)
        org_id = draw.opaque("org_") if draw.chance(0.5) else None
        tier = "enterprise" if org_id and draw.chance(0.6) else "pay_as_you_go"
        domain = own_domain(draw) if draw.chance(0.6) else None
        given = SignUp("review_bot", country, 0.0, tier=tier, org_id=org_id, email_domain=domain)
        made = enlist(world, draw, kind, (given, Places(servers)))
        made.manner = replace(bot, keys=own_keys(draw, 1))
        made.habit.gap_s = draw.log_between(10, 600)
        world.roster.add(draw, made)


def router(world: World, draw: Draw, size: int) -> None:
    """A router: a few accounts, servers, thousands of end users with prompts of every kind."""
    country = world.networks.country(draw)
    card, org_id = draw.opaque("pm_"), draw.opaque("org_")
    client = draw.pick(world.clients.clients)
    for _ in range(size):
        begin, end, created_at = time_in_use(world, draw)
        given = SignUp("router", country, created_at, tier="enterprise", payment_id=card, org_id=org_id)
        manner = service_manner(world, draw)
        manner.systems, manner.templates = own_systems(draw, 60), 0
        manner.model, manner.other_model, manner.other_ratio = MEDIUM, SMALL, 0.45
        manner.end_users, manner.max_tokens, manner.temperature = draw.count(500, 6000), None, None
        interest = interest_of(world, draw, _ROUTED, breadth=5.0)
        habit = service_habit(world, draw, client, draw.log_between(250, 900))
        habit = replace(habit, begin=begin, end=end, turns=draw.between(2, 5))
        servers = Places([world.networks.hosted(draw) for _ in range(draw.count(1, 3))])
        world.roster.add(draw, Member(given, manner, servers, interest, habit))


def dominant_client(world: World, draw: Draw, size: int) -> None:
    """One client with half of a model's traffic, as ServeGen saw (52 %): an application and its users."""
    client = draw.pick(world.clients.clients)
    country = world.networks.country(draw)
    card, org_id = draw.opaque("pm_"), draw.opaque("org_")
    total = draw.log_between(3000, 20_000)  # requests a day
    wear = service_manner(world, draw)
    wear.model, wear.other_ratio = draw.pick((SMALL, MEDIUM)), 0.02
    wear.end_users = draw.count(2000, 20_000)
    servers = Places([world.networks.hosted(draw) for _ in range(draw.count(2, 8))])
    interest = interest_of(
        world, draw, draw.pick((CHATTING, {"document": 1.0}, {"role": 0.7, "smalltalk": 0.3}))
    )
    accounts = max(1, min(size, draw.count(1, 4)))
    for _ in range(accounts):
        created_at = world.past(draw, youngest=30 * DAY)
        given = SignUp(
            "dominant_client", country, created_at, tier="enterprise", payment_id=card, org_id=org_id
        )
        habit = service_habit(world, draw, client, total / accounts)
        manner = replace(wear, keys=own_keys(draw, draw.count(1, 4)))
        world.roster.add(draw, Member(given, manner, servers, interest, habit))


def evaluation_lab(world: World, draw: Draw, size: int) -> None:
    """A lab that compares models: grading and step-by-step prompts from a list, well-known templates."""
    country = world.networks.country(draw)
    card = draw.opaque("pm_")
    servers = Places(world.networks.neighbours(world.networks.hosted(draw), draw, draw.count(1, 4)))
    templates = world.roster.template_set(
        {use: [*common, draw.hexadecimal()] for use, common in world.common_templates.items()}
    )
    listed: list[int] = [row for use in _TESTING for row in world.pool.rows_of(use).tolist()]
    rows = draw.rng.sample(listed, round(len(listed) * draw.ratio(0.2, 0.8)))
    tasks = world.roster.task_list(TaskList(world.rng(draw.name), rows))
    for _ in range(size):
        begin, end, created_at = time_in_use(world, draw)
        given = SignUp("evaluation_lab", country, created_at, payment_id=card)
        manner = service_manner(world, draw)
        manner.templates, manner.end_users, manner.systems, manner.tools = templates, 0, (), ()
        hour, hours = draw.rng.uniform(0, 24), draw.between(1, 6)
        habit = batch_habit(world, draw, hour, hours, draw.log_between(12, 90))
        habit = replace(habit, begin=begin, end=end)
        interest = interest_of(world, draw, _TESTING)
        if draw.chance(0.7):
            interest = replace(interest, tasks=tasks, list_ratio=draw.ratio(0.5, 0.98), follow_ratio=0.1)
        world.roster.add(draw, Member(given, manner, servers, interest, habit))


def batch_jobs(world: World, draw: Draw, size: int) -> None:
    """A data firm's jobs: accounts on one card, regular gaps, the same hours of the night, one template."""
    country = world.networks.country(draw)
    card = draw.opaque("pm_") if draw.chance(0.7) else None
    servers = Places([world.networks.hosted(draw) for _ in range(draw.count(1, 3))])
    wear = service_manner(world, draw)
    wear.end_users = 0
    interest = interest_of(
        world, draw, draw.pick(({"document": 1.0}, {"writing": 1.0}, {"maths": 1.0})), breadth=0.1
    )
    hour, requests = draw.rng.gauss(2, 3) - world.networks.zone(country), draw.log_between(20, 250)
    for _ in range(size):
        begin, end, created_at = time_in_use(world, draw)
        given = SignUp("batch_jobs", country, created_at, payment_id=card)
        habit = batch_habit(world, draw, hour % 24, draw.between(1, 5), draw.about(requests, 0.2))
        habit = replace(habit, begin=begin, end=end)
        world.roster.add(draw, Member(given, replace(wear, keys=own_keys(draw, 1)), servers, interest, habit))


def viral_template(world: World, draw: Draw, size: int) -> None:
    """A product goes viral: overnight hundreds sign up and send its template; most are gone in a week."""
    span = world.span
    launch = draw.rng.uniform(span.start - 2 * DAY, span.end - 0.2 * (span.end - span.start))
    outfit = _product(world, draw, is_agentic=draw.chance(0.3))
    if "templates" not in outfit.keeps and outfit.manner is not None:
        outfit.manner.templates = world.roster.template_set({"": [draw.hexadecimal()]})
        outfit.keeps = [*outfit.keeps, "templates"]

    def soon(draw: Draw) -> float:
        return launch + draw.about(10, 1.0) * HOUR

    kind = replace(PERSON, console_ratio=0.0, per_day=6.0)
    _users(world, draw, size, ("viral_template", kind, outfit), soon)


def launch_day(world: World, draw: Draw, size: int) -> None:
    """A new model comes out: everybody tries it, some sign up for it, much of the traffic moves in a day."""
    span = world.span
    if world.provider.release is None:
        world.provider.release = draw.rng.uniform(
            span.start + 0.2 * (span.end - span.start), span.end - 0.3 * DAY
        )
    release = world.provider.release

    def then(draw: Draw) -> float:
        return release + draw.about(8, 1.0) * HOUR

    for _ in range(size):
        country = world.networks.country(draw)
        kind = draw.pick((PERSON, DEVELOPER))
        created_at = then(draw) if draw.chance(0.5) else 0.0
        given = SignUp("launch_day", country, created_at, tier=draw.weighted(kind.tiers))
        made = enlist(world, draw, kind, (given, usual_places(world, draw, country)))
        made.manner.eager = draw.ratio(0.5, 0.98)
        world.roster.add(draw, made)
