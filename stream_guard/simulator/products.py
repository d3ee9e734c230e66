"""Honest crowds around a product: one client, one prompt or one server, and many unrelated accounts.

Same contract as `crowds.py`: a function opens one crowd of a given size and returns its actors.
"""

from dataclasses import replace

from stream_guard.simulator.actors import Habit, at_seat, converse, serve
from stream_guard.simulator.arrivals import Law, human_pace
from stream_guard.simulator.crowds import Member, Outfit, enlist
from stream_guard.simulator.draws import Draw, Weighted
from stream_guard.simulator.identities import own_build, tool_set
from stream_guard.simulator.networks import one_of
from stream_guard.simulator.people import (
    AGENTIC,
    CHATTING,
    CODING,
    DEVELOPER,
    Kind,
    batch_pace,
    habit_of,
    manner_of,
    own_systems,
    service_manner,
    time_in_use,
    usual_place,
)
from stream_guard.simulator.prompts import interest
from stream_guard.simulator.provider import LARGE, MEDIUM, SMALL
from stream_guard.simulator.world import Actor, SignUp, World

_TESTING = {"bench": 0.25, "grading": 0.5, "steps": 0.15, "maths": 0.1}
_ROUTED = CHATTING | {"coding": 0.4, "grading": 0.02, "tool": 0.1}
_REVIEWING = {"coding": 0.9, "exercise": 0.1}


def open_source_tool(world: World, draw: Draw, size: int) -> list[Actor]:
    """A popular tool: everybody brings his own key; one system prompt, build, template and tool set."""
    name = draw.opaque("", 6)
    agentic = draw.chance(0.5)
    kind = replace(DEVELOPER, console_ratio=0.0, sources=AGENTIC if agentic else CODING, gap_s=(10.0, 60.0))
    outfit = Outfit(
        build=own_build(draw, name),
        systems=own_systems(draw, draw.count(1, 2)),
        templates={"": [draw.hexadecimal() for _ in range(draw.count(1, 3))]} if draw.chance(0.6) else None,
        tools=tool_set(draw) if agentic else None,
    )
    actors = []
    for _ in range(size):
        country = world.networks.country(draw)
        within, created_at = time_in_use(world, draw)
        given = SignUp("open_source_tool", country, None, created_at, draw.weighted(kind.tiers))
        place = usual_place(world, draw, country)
        actors.append(enlist(world, draw, Member(given, kind, country, place, within, outfit)))
    return actors


def review_bot(world: World, draw: Draw, size: int) -> list[Actor]:
    """A review bot that many firms gave their keys: its servers, build and template, their code and cards."""
    servers = [world.networks.hosted(draw) for _ in range(draw.count(1, 4))]
    bot = service_manner(world, draw, _REVIEWING)
    bot.place, bot.build = one_of(servers), own_build(draw, draw.opaque("", 6))
    bot.templates, bot.end_users, bot.context = {"": [draw.hexadecimal()]}, 0, "code"
    bot.models = Weighted({draw.pick((LARGE, MEDIUM)): 1.0})
    median = draw.between(5, 11)
    actors = []
    for _ in range(size):
        country = world.networks.country(draw)
        within, created_at = time_in_use(world, draw)
        org_id = draw.opaque("org_") if draw.chance(0.5) else None
        tier = "enterprise" if org_id else "pay_as_you_go"
        account = world.sign_up(draw, SignUp("review_bot", country, None, created_at, tier, org_id=org_id))
        manner = replace(bot, keys=[draw.opaque("key_")], interest=interest(draw, _REVIEWING, breadth=0.2))
        day = draw.pick(world.clients.days)
        zone = world.networks.zone(country)
        pace = human_pace(draw, day, world.span, draw.about(median, 0.9), zone)
        habit = Habit(pace, Law(draw.between(1, 2), is_gamma=True), within, draw.between(1, 3))
        actors.append(serve(world, draw.child(account.account_id), account, manner, habit))
    return actors


def router(world: World, draw: Draw, size: int) -> list[Actor]:
    """A router: one to three accounts, servers, thousands of end users with prompts of every kind."""
    country = world.networks.country(draw)
    given = SignUp(
        "router", country, tier="enterprise", payment_id=draw.opaque("pm_"), org_id=draw.opaque("org_")
    )
    client = draw.pick(world.clients.clients)
    actors = []
    for _ in range(min(size, 3)):
        account = world.sign_up(draw, given)
        manner = service_manner(world, draw, _ROUTED)
        manner.interest = interest(draw, _ROUTED, breadth=5.0)
        manner.systems, manner.templates = own_systems(draw, 200), {}
        manner.models = Weighted({SMALL: 0.4, MEDIUM: 0.35, LARGE: 0.25})
        manner.end_users, manner.max_tokens, manner.temperature = draw.count(500, 6000), None, None
        pace = client.pace(draw, world.span, draw.log_between(250, 900))
        habit = Habit(pace, client.law(draw), world.span, draw.between(2, 5))
        actors.append(serve(world, draw.child(account.account_id), account, manner, habit))
    return actors


def evaluation_lab(world: World, draw: Draw, size: int) -> list[Actor]:
    """A lab that compares models: grading and step-by-step prompts, well-known templates, at night too."""
    country = world.networks.country(draw)
    given = SignUp("evaluation_lab", country, payment_id=draw.opaque("pm_"))
    servers = world.networks.neighbours(world.networks.hosted(draw), draw, draw.count(1, 4))
    templates = {use: [*common, draw.hexadecimal()] for use, common in world.common_templates.items()}
    actors = []
    for _ in range(size):
        account = world.sign_up(draw, given)
        manner = service_manner(world, draw, _TESTING)
        manner.place, manner.templates, manner.end_users = one_of(servers), templates, 0
        manner.systems, manner.tools = [], ()
        begin, hours = draw.rng.uniform(0, 24), draw.between(1, 6)
        pace = batch_pace(draw, world.span, begin, hours, draw.log_between(12, 90))
        habit = Habit(pace, Law(draw.between(0.4, 1.2), is_gamma=True), world.span)
        actors.append(serve(world, draw.child(account.account_id), account, manner, habit))
    return actors


def corporate_vpn(world: World, draw: Draw, size: int) -> list[Actor]:
    """A firm whose staff in many countries leaves through one gateway in one; own cards or the firm's."""
    networks, country = world.networks, world.networks.country(draw)
    gates = networks.neighbours(networks.hosted(draw), draw, draw.count(1, 3))
    card = draw.opaque("pm_") if draw.chance(0.5) else None
    given = SignUp("corporate_vpn", country, payment_id=card, address=draw.pick(gates))
    kinds: tuple[Kind, ...] = (DEVELOPER, replace(DEVELOPER, sources=CHATTING))
    actors = []
    for _ in range(size):
        home = networks.country(draw)
        account = world.sign_up(draw, given)
        kind = draw.pick(kinds)
        manner = manner_of(world, draw, kind, home, one_of(gates))
        habit = habit_of(world, draw, kind, home, world.span)
        actors.append(converse(world, draw.child(account.account_id), at_seat(account), manner, habit))
    return actors
