"""A reseller: honest customers' prompts through pooled seats on stolen cards.

A shop sells access at a fraction of the price.  Its customers are ordinary people; each conversation
leaves through the shop's servers on whichever seat is alive.  Seats are opened in lots with stolen
cards from many countries, die within days (the card's owner complains) and are replaced.  What the
prompts say is ordinary; how the accounts are opened and used is not.

Glossary: *seat* an account of the shop.
"""

from dataclasses import replace

from stream_guard.simulator.actors import Seat, converse
from stream_guard.simulator.arrivals import DAY, HOUR, Span
from stream_guard.simulator.distillation import exits_of, lots
from stream_guard.simulator.draws import Draw
from stream_guard.simulator.identities import client_build, own_domain
from stream_guard.simulator.networks import one_of
from stream_guard.simulator.people import CHATTING, CODING, PERSON, Kind, habit_of, manner_of
from stream_guard.simulator.world import Account, Actor, SignUp, World


def resale(world: World, draw: Draw, size: int, name: str) -> list[Actor]:
    """One shop with ``size`` seats in all."""
    seats = open_seats(world, draw, size, name)
    servers = [world.networks.hosted(draw) for _ in range(draw.count(1, 4))]
    builds = [client_build(draw) for _ in range(draw.count(1, 2))]
    country = world.networks.country(draw)
    actors = []
    for index in range(round(size * draw.between(1.2, 2.4))):
        customer = draw.child(f"customer/{index}")
        sources = CODING if customer.chance(0.4) else CHATTING
        kind: Kind = replace(PERSON, sources=sources, per_day=7.0, console_ratio=0.0)
        manner = manner_of(world, customer, kind, country, one_of(servers))
        manner.build, manner.surface = customer.pick(builds), "api"
        habit = habit_of(world, customer, kind, country, world.span)
        actors.append(converse(world, customer, sitting(customer, seats), manner, habit))
    return actors


def open_seats(world: World, draw: Draw, size: int, name: str) -> list[tuple[Span, Account]]:
    """Seats with the time that each is alive; enough of them at every time."""
    networks, span = world.networks, world.span
    devices = [draw.opaque("dev_") for _ in range(max(2, round(size / draw.between(2, 6))))]
    domains = [None, None, own_domain(draw), own_domain(draw)]
    sign_up_exits = exits_of(networks, draw, max(3, size // 3))
    life = draw.between(0.8, 2.0) * DAY
    seats = []
    for lot in lots(draw, size):
        begin = draw.rng.uniform(span.start - life, span.end - 0.2 * DAY)
        for _ in range(lot):
            opened = begin - draw.log_between(0.3, 30) * HOUR
            given = SignUp(
                kind="resale",
                country=networks.country(draw),  # of the card's owner
                campaign=name,
                created_at=opened,
                tier=draw.popular(("pay_as_you_go", "credit"), 2.0),
                device=draw.pick(devices),
                email_domain=draw.pick(domains),
                address=draw.pick(sign_up_exits),
            )
            alive = Span(max(begin, opened + 60), begin + draw.about(life, 0.5))
            seats.append((alive, world.sign_up(draw, given)))
    return seats


def sitting(draw: Draw, seats: list[tuple[Span, Account]]) -> Seat:
    """A customer's conversation takes any seat that is alive."""

    def seat(at: float) -> Account | None:
        alive = [account for span, account in seats if span.start <= at < span.end]
        return draw.pick(alive) if alive else None

    return seat
