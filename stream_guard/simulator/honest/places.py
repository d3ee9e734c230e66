"""Where honest customers sit: at home, on the phone, at a firm, behind a VPN, proxy or relay, on servers.

Everybody is given a home; who sits elsewhere may come from it at times.
"""

from collections.abc import Callable
from typing import Final

from stream_guard.simulator.draws import Draw, Weighted
from stream_guard.simulator.engine.member import Places
from stream_guard.simulator.engine.world import World
from stream_guard.simulator.networks import Address


def at_home(world: World, draw: Draw, country: str) -> Places:
    """A home whose address changes now and then, and a phone."""
    networks = world.networks
    homes = [networks.host(draw, country, "residential") for _ in range(draw.count(1, 3))]
    phone = networks.host(draw, country, "mobile")
    phones = networks.neighbours(phone, draw, 4)
    return Places(homes, 2.5, phones, draw.ratio(0.0, 0.3))


def vpn_exits(world: World, draw: Draw) -> list[Address]:
    """The favourite exits of a subscriber of a VPN."""
    provider = world.networks.provider(draw)
    return [world.networks.exit(draw, provider) for _ in range(draw.count(1, 5))]


def servers(world: World, draw: Draw) -> Places:
    """One to three addresses at a hosting firm."""
    return Places([world.networks.hosted(draw) for _ in range(draw.count(1, 3))], 1.5)


def usual_places(world: World, draw: Draw, country: str) -> Places:
    """Home and phone for most; some behind a VPN, proxy or relay, some at a firm, a few on the road."""
    home = at_home(world, draw, country)
    where = draw.weighted(PLACES)
    return home if where == "home" else _ELSEWHERE[where](world, draw, country, home)


def _vpn(world: World, draw: Draw, _country: str, _home: Places) -> Places:
    return Places(vpn_exits(world, draw), 2.0)


def _vpn_at_times(world: World, draw: Draw, _country: str, home: Places) -> Places:
    return Places(home.homes, home.steep, vpn_exits(world, draw), draw.ratio(0.1, 0.6))


def _proxy(world: World, draw: Draw, _country: str, _home: Places) -> Places:
    return Places([world.networks.proxy(draw) for _ in range(draw.count(1, 3))], 1.0)


def _relay(world: World, draw: Draw, country: str, home: Places) -> Places:
    relays = [world.networks.relay(draw, country) for _ in range(4)]
    return Places(home.homes, home.steep, relays, draw.ratio(0.3, 0.9))


def _abroad(world: World, draw: Draw, _country: str, home: Places) -> Places:
    aways = at_home(world, draw, world.networks.country(draw)).homes
    return Places(home.homes, home.steep, aways, draw.ratio(0.2, 0.7))


def _firm(world: World, draw: Draw, country: str, home: Places) -> Places:
    firm = [world.networks.host(draw, country, "business")]
    return Places(firm, home.steep, home.homes, draw.ratio(0, 0.5))


def _server(world: World, draw: Draw, _country: str, _home: Places) -> Places:
    return Places([world.networks.hosted(draw)])


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
_ELSEWHERE: Final[dict[str, Callable[[World, Draw, str, Places], Places]]] = {
    "proxy": _proxy,
    "vpn": _vpn,
    "vpn_at_times": _vpn_at_times,
    "relay": _relay,
    "abroad": _abroad,
    "firm": _firm,
    "server": _server,
}
