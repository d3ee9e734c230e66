"""Honest crowds: people who share something that harvesters share too.

Each function opens one crowd of a given size and returns its actors; a traffic holds many of each.
What they share, and why, stands in the docstrings; docs/traffic.md has the sources.

Glossary: *door* a public address behind which many sit; *outfit* what members of a crowd use alike.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from stream_guard.simulator.actors import at_seat, converse
from stream_guard.simulator.arrivals import DAY, HOUR, Pace, Span
from stream_guard.simulator.draws import Draw, Weighted
from stream_guard.simulator.identities import Build, client_build, own_domain
from stream_guard.simulator.networks import Address, Place, at_home, behind_vpn, fixed, mostly, one_of
from stream_guard.simulator.people import (
    CHATTING,
    DEVELOPER,
    PERSON,
    Kind,
    habit_of,
    manner_of,
    own_systems,
    time_in_use,
)
from stream_guard.simulator.prompts import interest
from stream_guard.simulator.world import Actor, Manner, SignUp, System, World

Crowd = Callable[[World, Draw, int], list[Actor]]


@dataclass(frozen=True, slots=True)
class Outfit:
    """What members of a crowd use alike; None: each his own."""

    build: Build | None = None
    systems: list[System] | None = None
    templates: dict[str, list[str]] | None = None
    topics: Weighted[int] | None = None
    rows: tuple[int, ...] = ()
    tools: tuple[str, ...] | None = None

    def wear(self, manner: Manner) -> None:
        """Change a manner to this outfit."""
        for name in ("build", "systems", "templates", "tools"):
            value = getattr(self, name)
            if value is not None:
                setattr(manner, name, value)
        topics = self.topics or manner.interest.topics
        manner.interest = replace(manner.interest, topics=topics, rows=self.rows or manner.interest.rows)


@dataclass(frozen=True, slots=True)
class Member:
    """One of a crowd."""

    given: SignUp
    kind: Kind
    country: str  # where he lives
    place: Place
    within: Span
    outfit: Outfit = Outfit()
    pace: Callable[[Pace], Pace] = lambda pace: pace  # how the crowd bends his day


def enlist(world: World, draw: Draw, member: Member) -> Actor:
    """Sign a member up and let him ask."""
    given = member.given
    if given.address is None:
        given = replace(given, address=member.place(draw))
    account = world.sign_up(draw, given)
    manner = manner_of(world, draw, member.kind, member.country, member.place)
    member.outfit.wear(manner)
    habit = habit_of(world, draw, member.kind, member.country, member.within)
    habit = replace(habit, pace=member.pace(habit.pace))
    return converse(world, draw.child(account.account_id), at_seat(account), manner, habit)


def office(world: World, draw: Draw, size: int) -> list[Actor]:
    """A firm: one card, one address or two, one mail domain, a usual build; declared or not."""
    networks, country = world.networks, world.networks.country(draw)
    door = networks.host(draw, country, "business")
    doors = one_of(networks.neighbours(door, draw, 2 if draw.chance(0.3) else 1))
    org_id = draw.opaque("org_") if draw.chance(0.55) else None
    tier = "enterprise" if org_id else "pay_as_you_go"
    given = SignUp("office", country, tier=tier, payment_id=draw.opaque("pm_"), org_id=org_id)
    given = replace(given, email_domain=own_domain(draw), address=door)
    outfit = Outfit(client_build(draw), own_systems(draw, draw.count(1, 3)))
    outfit = replace(outfit, topics=interest(draw, CHATTING, breadth=0.2).topics)
    remote, follows = draw.ratio(0.05, 0.4), draw.ratio(0.5, 0.95)
    kinds = [PERSON, PERSON, DEVELOPER]
    return [
        enlist(
            world,
            draw,
            Member(
                given,
                draw.pick(kinds),
                country,
                mostly(doors, at_home(networks, draw, country), remote),
                world.span,
                outfit if draw.chance(follows) else Outfit(),
            ),
        )
        for _ in range(size)
    ]


def campus(world: World, draw: Draw, size: int) -> list[Actor]:
    """A university: a few public addresses, its mail domain; everybody's own account and card."""
    networks, country = world.networks, world.networks.country(draw)
    doors = networks.neighbours(networks.host(draw, country, "education"), draw, draw.count(1, 6))
    domain, away = own_domain(draw), draw.ratio(0.2, 0.6)
    actors = []
    for _ in range(size):
        kind = draw.pick((PERSON, PERSON, PERSON, DEVELOPER))
        within, created_at = time_in_use(world, draw)
        given = SignUp(
            kind="campus",
            country=country,
            created_at=created_at,
            tier=draw.weighted(kind.tiers),
            email_domain=domain if draw.chance(0.7) else None,
            address=draw.pick(doors) if draw.chance(0.4) else None,
        )
        place = mostly(one_of(doors), at_home(networks, draw, country), away)
        actors.append(enlist(world, draw, Member(given, kind, country, place, within)))
    return actors


def lesson(world: World, draw: Draw, size: int) -> list[Actor]:
    """A class: signs up in its first lesson, some on shared machines; one assignment, the same hours."""
    networks, country = world.networks, world.networks.country(draw)
    doors = networks.neighbours(networks.host(draw, country, "education"), draw, draw.count(1, 3))
    lessons = lesson_times(world, draw, networks.zone(country))
    rows = world.prompts.rows(draw.pick(("exercise", "maths", "writing")))
    outfit = Outfit(
        rows=tuple(draw.rng.sample(rows, draw.count(3, 8))),
        templates={"": [draw.hexadecimal()]} if draw.chance(0.5) else {},
    )
    referral = draw.opaque("ref_", 8) if draw.chance(0.5) else None
    school = [draw.opaque("dev_") for _ in range(max(1, size // 2))] if draw.chance(0.4) else [None]
    busy = draw.between(0.5, 1.3)  # conversations per pupil and hour of a lesson
    actors = []
    for _ in range(size):
        created_at = lessons[0] + draw.rng.uniform(-600, 1200)
        given = SignUp("class", country, created_at=created_at, tier="free", referral=referral)
        given = replace(given, address=draw.pick(doors), device=draw.pick(school))
        within = world.span.cut(created_at + 60, world.span.end)
        own = draw.about(busy, 0.5)
        bend = _in_lessons(world.span, lessons, own)
        actors.append(
            enlist(world, draw, Member(given, PERSON, country, one_of(doors), within, outfit, bend))
        )
    return actors


def lesson_times(world: World, draw: Draw, zone: float) -> list[float]:
    """Beginnings of a weekly course's lessons within the span: at one hour, on some of the days."""
    span, hour = world.span, (draw.pick((8, 9, 10, 11, 13, 14)) - zone) % 24
    midnight = span.start - span.start % DAY
    days = [midnight + day * DAY + hour * HOUR for day in range(int(span.hours / 24) + 2)]
    possible = [at for at in days if span.start <= at < span.end - HOUR] or [span.start]
    first = draw.rng.randrange((len(possible) + 1) // 2)
    return [possible[first], *(at for at in possible[first + 1 :] if draw.chance(0.7))]


def _in_lessons(span: Span, lessons: list[float], busy: float) -> Callable[[Pace], Pace]:
    hours = {
        int((begin - span.start) // HOUR) + step: (1.0, 0.4)[step] for begin in lessons for step in (0, 1)
    }
    return lambda pace: [rate * 0.08 + busy * hours.get(hour, 0.0) for hour, rate in enumerate(pace)]


def hackathon(world: World, draw: Draw, size: int) -> list[Actor]:
    """Sign-ups within an hour, one venue, one referral code, credits; a day and a night of work."""
    networks, country, span = world.networks, world.networks.country(draw), world.span
    doors = networks.neighbours(networks.host(draw, country, "business"), draw, draw.count(1, 4))
    begin = draw.rng.uniform(span.start + 1200, max(span.start + 1201, span.end - 1.2 * DAY))
    end = begin + draw.between(20, 36) * HOUR
    referral, starter = draw.opaque("ref_", 8), Outfit(systems=own_systems(draw, 1))
    actors = []
    for _ in range(size):
        created_at = begin + draw.rng.betavariate(1.5, 3) * 3600 - 600
        given = SignUp("hackathon", country, created_at=created_at, tier="credit", referral=referral)
        given = replace(given, address=draw.pick(doors))
        place = mostly(one_of(doors), at_home(networks, draw, country), 0.15)
        outfit = starter if draw.chance(0.4) else Outfit()
        within = span.cut(created_at + 30, end)
        bend = _awake(draw.about(0.1, 0.7))
        actors.append(enlist(world, draw, Member(given, DEVELOPER, country, place, within, outfit, bend)))
    return actors


def _awake(busy: float) -> Callable[[Pace], Pace]:
    return lambda pace: [rate * 0.5 + busy for rate in pace]


def family(world: World, draw: Draw, size: int) -> list[Actor]:
    """One card, one home."""
    networks, country = world.networks, world.networks.country(draw)
    home = networks.host(draw, country, "residential")
    given = SignUp("family", country, payment_id=draw.opaque("pm_"), address=home)
    place = mostly(fixed(home), at_home(networks, draw, country), 0.2)
    member = Member(given, PERSON, country, place, world.span)
    return [enlist(world, draw, member) for _ in range(size)]


def contractors(world: World, draw: Draw, size: int) -> list[Actor]:
    """A firm's card in the hands of freelancers in several countries: billing fits nobody's network."""
    networks, billing = world.networks, world.networks.country(draw)
    given = SignUp("contractors", billing, payment_id=draw.opaque("pm_"))
    given = replace(given, email_domain=own_domain(draw) if draw.chance(0.5) else None)
    actors = []
    for _ in range(size):
        country = networks.country(draw)
        place = behind_vpn(networks, draw) if draw.chance(0.2) else at_home(networks, draw, country)
        signed_up = replace(given, address=networks.host(draw, country, "residential"))
        kind = draw.pick((DEVELOPER, DEVELOPER, PERSON))
        actors.append(enlist(world, draw, Member(signed_up, kind, country, place, world.span)))
    return actors


def agency(world: World, draw: Draw, size: int) -> list[Actor]:
    """A translation agency abroad: one card, one VPN, documents all day in its own templates."""
    networks, country = world.networks, world.networks.country(draw)
    provider = networks.provider(draw)
    exits = [networks.exit(draw, provider) for _ in range(draw.count(1, 3))]
    given = SignUp("agency", networks.country(draw), payment_id=draw.opaque("pm_"))
    given = replace(given, email_domain=own_domain(draw), address=draw.pick(exits))
    sources = {"document": 0.85, "writing": 0.15, "sensitive": 0.02}
    kind = replace(PERSON, sources=sources, per_day=12.0, console_ratio=0.0)
    templates = {"document": [draw.hexadecimal() for _ in range(draw.count(1, 4))]}
    outfit = Outfit(client_build(draw), own_systems(draw, 2), templates)
    member = Member(given, kind, country, one_of(exits), world.span, outfit)
    return [enlist(world, draw, member) for _ in range(size)]


def vpn_users(world: World, draw: Draw, size: int) -> list[Actor]:
    """Subscribers of one VPN provider who share its exits and nothing else."""
    networks = world.networks
    provider = networks.provider(draw)
    exits = [networks.exit(draw, provider) for _ in range(draw.count(2, 8))]
    actors = []
    for _ in range(size):
        country, kind = networks.country(draw), draw.pick((PERSON, PERSON, DEVELOPER))
        within, created_at = time_in_use(world, draw)
        door: Address | None = draw.pick(exits) if draw.chance(0.4) else None
        given = SignUp("vpn_users", country, None, created_at, draw.weighted(kind.tiers), address=door)
        place = mostly(one_of(exits, 0.5), at_home(networks, draw, country), draw.ratio(0.02, 0.5))
        actors.append(enlist(world, draw, Member(given, kind, country, place, within)))
    return actors
