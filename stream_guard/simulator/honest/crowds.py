"""Honest crowds: people who share something that harvesters share too.

Each function opens one crowd of a given size; a traffic holds many of each, in drawn sizes.  What they
share, and why, stands in the docstrings; docs/traffic.md has the sources.

Glossary: *door* a public address behind which many sit; *outfit* what members of a crowd use alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stream_guard.simulator.arrivals import DAY, HOUR
from stream_guard.simulator.draws import Draw
from stream_guard.simulator.engine.member import Habit, Interest, Manner, Member, Places, SignUp
from stream_guard.simulator.engine.pool import TaskList
from stream_guard.simulator.engine.world import World
from stream_guard.simulator.honest.individuals import (
    CHATTING,
    DEVELOPER,
    PERSON,
    Kind,
    habit_of,
    interest_of,
    manner_of,
    own_systems,
    time_in_use,
)
from stream_guard.simulator.honest.places import at_home, vpn_exits
from stream_guard.simulator.identities import client_build, own_domain
from stream_guard.simulator.networks import Address


@dataclass(slots=True)
class Outfit:
    """What members of a crowd use alike; None: each his own."""

    manner: Manner | None = None  # build, systems, templates and tools of it
    interest: Interest | None = None
    keeps: Sequence[str] = ("build", "systems")

    def wear(self, member: Member) -> None:
        """Change a member to this outfit."""
        if self.manner is not None:
            for name in self.keeps:
                setattr(member.manner, name, getattr(self.manner, name))
        if self.interest is not None:
            member.interest = self.interest


NO_OUTFIT = Outfit()


def enlist(
    world: World, draw: Draw, kind: Kind, member: tuple[SignUp, Places], outfit: Outfit = NO_OUTFIT
) -> Member:
    """Somebody of a kind in a crowd; not yet opened."""
    given, places = member
    begin, end, created_at = time_in_use(world, draw)
    if given.created_at == 0.0:
        given = given.opened(created_at)
    else:
        begin = given.created_at
    made = Member(
        given,
        manner_of(world, draw, kind),
        places,
        interest_of(world, draw, kind.sources, given.country),
        habit_of(world, draw, kind, given.country, (begin, end)),
    )
    outfit.wear(made)
    return made


def office(world: World, draw: Draw, size: int) -> None:
    """A firm: one card, one address or two, one mail domain, a usual build; declared or not."""
    networks, country = world.networks, world.networks.country(draw)
    door = networks.host(draw, country, "business")
    doors = networks.neighbours(door, draw, 2 if draw.chance(0.3) else 1)
    org_id = draw.opaque("org_") if draw.chance(0.55) else None
    given = SignUp(
        kind="office",
        country=country,
        created_at=0.0,
        tier="enterprise" if org_id and draw.chance(0.6) else "pay_as_you_go",
        payment_id=draw.opaque("pm_"),
        org_id=org_id,
        email_domain=own_domain(draw),
        address=door,
    )
    wear = Outfit(manner_of(world, draw, DEVELOPER))
    if draw.chance(0.5):
        wear.interest = interest_of(world, draw, CHATTING, country, breadth=0.2)
    remote, follows = draw.ratio(0.05, 0.4), draw.ratio(0.5, 0.95)
    for _ in range(size):
        home = at_home(world, draw, country)
        places = Places(doors, 1.0, home.homes, remote)
        kind = draw.pick((PERSON, PERSON, DEVELOPER))
        outfit = wear if draw.chance(follows) else NO_OUTFIT
        world.roster.add(draw, enlist(world, draw, kind, (given, places), outfit))


def enterprise(world: World, draw: Draw, size: int) -> None:
    """A large firm: hundreds of seats on one card behind one gateway, opened over months, one client."""
    networks, country = world.networks, world.networks.country(draw)
    door = networks.host(draw, country, "business")
    given = SignUp(
        kind="enterprise",
        country=country,
        created_at=0.0,
        tier="enterprise",
        payment_id=draw.opaque("pm_"),
        org_id=draw.opaque("org_") if draw.chance(0.7) else None,
        email_domain=own_domain(draw),
        address=door,
    )
    wear = Outfit(manner_of(world, draw, DEVELOPER), keeps=("build", "systems", "templates", "surface"))
    remote = draw.ratio(0.02, 0.3)
    for _ in range(size):
        places = Places([door], 1.0, at_home(world, draw, country).homes, remote)
        kind = draw.pick((PERSON, PERSON, DEVELOPER))
        outfit = wear if draw.chance(0.85) else NO_OUTFIT
        world.roster.add(draw, enlist(world, draw, kind, (given, places), outfit))


def campus(world: World, draw: Draw, size: int) -> None:
    """A university: a few public addresses, its mail domain; everybody's own account and card."""
    networks, country = world.networks, world.networks.country(draw)
    doors = networks.neighbours(networks.host(draw, country, "education"), draw, draw.count(1, 6))
    domain, away = own_domain(draw), draw.ratio(0.2, 0.6)
    for _ in range(size):
        kind = draw.pick((PERSON, PERSON, PERSON, DEVELOPER))
        given = SignUp(
            kind="campus",
            country=country,
            created_at=0.0,
            tier=draw.weighted(kind.tiers),
            email_domain=domain if draw.chance(0.7) else None,
            address=draw.pick(doors) if draw.chance(0.4) else None,
        )
        places = Places(doors, 1.0, at_home(world, draw, country).homes, away)
        world.roster.add(draw, enlist(world, draw, kind, (given, places)))


def school_class(world: World, draw: Draw, size: int) -> None:
    """A class: signs up in its first lesson, some on shared machines; one assignment, the same hours."""
    networks, country, span = world.networks, world.networks.country(draw), world.span
    doors = networks.neighbours(networks.host(draw, country, "education"), draw, draw.count(1, 3))
    hour = (draw.pick((8, 9, 9, 10, 11, 13)) - networks.zone(country)) % 24
    days = sorted(draw.rng.sample(range(5), draw.count(1, 3)))
    first_day = (
        span.start - span.start % DAY + draw.rng.uniform(-20, (span.end - span.start) / DAY) // 1 * DAY
    )
    lesson = first_day + hour * HOUR
    rows = world.pool.rows_of(draw.pick(("exercise", "maths", "writing"))).tolist()
    assignment = TaskList(world.rng(draw.name), draw.rng.sample(rows, draw.count(3, 8)))
    interest = replace(
        interest_of(world, draw, CHATTING, country),
        tasks=world.roster.task_list(assignment),
        list_ratio=draw.ratio(0.5, 0.95),
        is_dry=True,
    )
    templates = world.roster.template_set({"": [draw.hexadecimal()]}) if draw.chance(0.5) else 0
    referral = draw.opaque("ref_", 8) if draw.chance(0.5) else None
    school = [draw.opaque("dev_") for _ in range(max(1, size // 2))] if draw.chance(0.4) else [None]
    curve = world.roster.curve(lesson_week(days, hour))
    busy = draw.between(1.0, 3)  # conversations of a pupil in a lesson
    for _ in range(size):
        given = SignUp(
            kind="class",
            country=country,
            created_at=lesson + draw.rng.uniform(-600, 1200),
            tier="free",
            device=draw.pick(school),
            address=draw.pick(doors),
            referral=referral,
        )
        pupil = enlist(world, draw, PERSON, (given, Places(doors)), Outfit(interest=interest))
        per_day = draw.about(busy, 0.5) * len(days) / 7
        pupil.habit = replace(pupil.habit, per_day=per_day, curve=curve, shift=0, rest=0.05, weekend=1.0)
        pupil.habit.turns = draw.between(1, 2.5)
        if templates:
            pupil.manner.templates = templates
        world.roster.add(draw, pupil)


def lesson_week(days: list[int], hour: float) -> list[float]:
    """A week's curve: lessons on some days (0 is Monday), a little of it in the evening and elsewhere."""
    week = [0.02] * 168
    for day in days:
        for step, part in ((0, 1.0), (1, 0.4), (7, 0.1), (8, 0.1)):
            week[(day * 24 + int(hour) + step) % 168] += part
    return week


def hackathon(world: World, draw: Draw, size: int) -> None:
    """Sign-ups within an hour, one venue, one referral code, credits; a day and a night of work."""
    networks, country, span = world.networks, world.networks.country(draw), world.span
    doors = networks.neighbours(networks.host(draw, country, "business"), draw, draw.count(1, 4))
    begin = draw.rng.uniform(span.start - 0.5 * DAY, max(span.start + HOUR, span.end - 0.5 * DAY))
    end = begin + draw.between(20, 40) * HOUR
    referral = draw.opaque("ref_", 8)
    starter = Outfit(manner_of(world, draw, DEVELOPER), keeps=("systems", "templates"))
    for _ in range(size):
        given = SignUp(
            kind="hackathon",
            country=country,
            created_at=begin + draw.rng.betavariate(1.5, 3) * 3600 - 600,
            tier="credit",
            address=draw.pick(doors),
            referral=referral,
        )
        places = Places(doors, 1.0, at_home(world, draw, country).homes, 0.15)
        outfit = starter if draw.chance(0.4) else NO_OUTFIT
        hacker = enlist(world, draw, DEVELOPER, (given, places), outfit)
        hacker.habit = awake(draw, hacker.habit, end)
        world.roster.add(draw, hacker)


def awake(draw: Draw, habit: Habit, end: float) -> Habit:
    """A day and a night of work; a few stay with it afterwards."""
    stays = draw.chance(0.15)
    return replace(
        habit,
        per_day=draw.about(8, 0.8) if not stays else habit.per_day * 1.5,
        curve=0 if not stays else habit.curve,
        rest=0.0,
        weekend=1.0,
        end=habit.end if stays else end,
    )


def family(world: World, draw: Draw, size: int) -> None:
    """One card, one home."""
    networks, country = world.networks, world.networks.country(draw)
    home = networks.host(draw, country, "residential")
    given = SignUp("family", country, 0.0, payment_id=draw.opaque("pm_"), address=home)
    for _ in range(size):
        places = Places([home], 1.0, at_home(world, draw, country).aways, 0.2)
        world.roster.add(draw, enlist(world, draw, PERSON, (given, places)))


def contractors(world: World, draw: Draw, size: int) -> None:
    """A firm's card in the hands of freelancers in several countries: billing fits nobody's network."""
    networks, billing = world.networks, world.networks.country(draw)
    domain = own_domain(draw) if draw.chance(0.5) else None
    card = draw.opaque("pm_")
    for _ in range(size):
        country = networks.country(draw)
        home = at_home(world, draw, country)
        places = Places(vpn_exits(world, draw), 2.0) if draw.chance(0.2) else home
        given = SignUp(
            "contractors", billing, 0.0, payment_id=card, email_domain=domain, address=home.homes[0]
        )
        kind = draw.pick((DEVELOPER, DEVELOPER, PERSON))
        made = enlist(world, draw, kind, (given, places))
        made.habit.shift = round(networks.zone(country))
        world.roster.add(draw, made)


def agency(world: World, draw: Draw, size: int) -> None:
    """A translation agency abroad: one card, one VPN, documents all day in its own templates."""
    networks, country = world.networks, world.networks.country(draw)
    provider = networks.provider(draw)
    exits: list[Address] = [networks.exit(draw, provider) for _ in range(draw.count(1, 3))]
    given = SignUp(
        kind="agency",
        country=networks.country(draw),
        created_at=0.0,
        payment_id=draw.opaque("pm_"),
        email_domain=own_domain(draw),
        address=draw.pick(exits),
    )
    sources = {"document": 0.85, "writing": 0.15, "sensitive": 0.02}
    kind = replace(PERSON, sources=sources, per_day=12.0, console_ratio=0.0)
    manner = Manner(client_build(draw), systems=own_systems(draw, 2))
    hashes = [draw.hexadecimal() for _ in range(draw.count(1, 4))]
    manner.templates = world.roster.template_set({"document": hashes})
    outfit = Outfit(manner, keeps=("build", "systems", "templates"))
    zone = round(networks.zone(country))
    for _ in range(size):
        made = enlist(world, draw, kind, (given, Places(exits)), outfit)
        made.habit.shift, made.habit.weekend = zone, draw.ratio(0.05, 0.3)
        world.roster.add(draw, made)


def vpn_users(world: World, draw: Draw, size: int) -> None:
    """Subscribers of one VPN provider who share its exits and nothing else."""
    networks = world.networks
    provider = networks.provider(draw)
    exits = [networks.exit(draw, provider) for _ in range(draw.count(2, 8))]
    for _ in range(size):
        country, kind = networks.country(draw), draw.pick((PERSON, PERSON, DEVELOPER))
        door = draw.pick(exits) if draw.chance(0.4) else None
        given = SignUp("vpn_users", country, 0.0, tier=draw.weighted(kind.tiers), address=door)
        places = Places(exits, 1.5, at_home(world, draw, country).homes, draw.ratio(0.02, 0.5))
        world.roster.add(draw, enlist(world, draw, kind, (given, places)))


def proxy_users(world: World, draw: Draw, size: int) -> None:
    """Strangers behind one residential proxy service: for privacy, for prices abroad, for their trade."""
    networks = world.networks
    exits = [networks.proxy(draw) for _ in range(max(2, round(size * draw.ratio(0.2, 0.9))))]
    for _ in range(size):
        country, kind = networks.country(draw), draw.pick((PERSON, DEVELOPER))
        given = SignUp("proxy_users", country, 0.0, tier=draw.weighted(kind.tiers))
        mine = [draw.pick(exits) for _ in range(draw.count(1, 4))]
        places = Places(mine, 1.0, at_home(world, draw, country).homes, draw.ratio(0.02, 0.5))
        world.roster.add(draw, enlist(world, draw, kind, (given, places)))


def corporate_vpn(world: World, draw: Draw, size: int) -> None:
    """A firm whose staff in many countries leaves through one gateway in one; own cards or the firm's."""
    networks, country = world.networks, world.networks.country(draw)
    gates = networks.neighbours(networks.hosted(draw), draw, draw.count(1, 3))
    card = draw.opaque("pm_") if draw.chance(0.5) else None
    given = SignUp("corporate_vpn", country, 0.0, payment_id=card, address=draw.pick(gates))
    for _ in range(size):
        kind = draw.pick((DEVELOPER, replace(DEVELOPER, sources=CHATTING, context=0)))
        made = enlist(world, draw, kind, (given, Places(gates)))
        made.habit.shift = round(networks.zone(networks.country(draw)))
        world.roster.add(draw, made)
