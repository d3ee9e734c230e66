"""Where requests come from: homes, phones, firms, schools, hosting, VPN exits, relays, proxies.

VPN, hosting and relay addresses lie in real ranges (`data/networks.json`, X4BNet).  Who holds which
range is not in the lists, so AS number and country are given to ranges at random, once per seed.
The AS numbers of access networks are real (`data/access.json`); their address blocks are invented
per seed: no home address in the traffic belongs to anybody we know of.

The network type is what an address database says, and such databases err: `MISTAKEN` of VPN, relay
and proxy addresses pass for something else.

Glossary: *exit* an address that many share.
"""

import ipaddress
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from stream_guard.simulator.clients import DATA
from stream_guard.simulator.draws import Draw, Weighted

MISTAKEN: Final = 0.06
_ACCESS: Final = ("residential", "mobile", "business", "education")


class Address(NamedTuple):
    """One address and what a database says of it."""

    ip: str
    asn: int
    country: str
    network_type: str


@dataclass(frozen=True, slots=True)
class Range:
    """A real range with an owner drawn for it."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    asn: int
    country: str

    def address(self, draw: Draw, network_type: str) -> Address:
        """One of its addresses, not the first ones and not the last."""
        size = self.network.num_addresses
        offset = draw.rng.randrange(size // 16, max(size - size // 16, 1)) if size > 16 else draw.below(size)
        if self.network.version == 6:
            offset = min(offset, draw.rng.getrandbits(64))
        return Address(str(self.network[offset]), self.asn, self.country, network_type)


@dataclass(slots=True)
class Networks:
    """All networks of one traffic."""

    draw: Draw
    access: dict[str, Any]
    hosts: dict[int, list[Range]]  # hosting ranges by AS
    exits: list[list[Range]]  # VPN providers: the ranges of each
    relays: list[Range]
    countries: Weighted[str]
    _blocks: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    _heads: dict[int, str] = field(default_factory=dict)
    _spots: dict[tuple[Range, int], Address] = field(default_factory=dict)  # as many as lists have, thrice

    def country(self, draw: Draw) -> str:
        """Where an honest account lives."""
        return draw.weighted(self.countries)

    def zone(self, country: str) -> float:
        """Hours that its clocks are ahead of UTC."""
        return float(self.access[country]["zone"])

    def language(self, country: str) -> str:
        """What people there write, if not English."""
        return str(self.access[country]["language"])

    def host(self, draw: Draw, country: str, kind: str) -> Address:
        """An address of one subscriber of an access network of a kind."""
        known = self.access[country]
        asn = draw.popular(known[kind] or known["residential"])
        blocks = self._blocks.get((country, asn)) or self._blocks_of(country, asn)
        block = draw.pick(blocks)
        if kind == "residential" and draw.chance(0.12):
            return Address(
                f"2a{self._v6(asn)}:{draw.hexadecimal(4)}:{draw.hexadecimal(4)}::{draw.hexadecimal(4)}",
                asn,
                country,
                kind,
            )
        return Address(f"{block}.{draw.below(256)}.{1 + draw.below(254)}", asn, country, kind)

    def neighbours(self, address: Address, draw: Draw, count: int) -> list[Address]:
        """Addresses of the same /24, as a campus or a firm has."""
        head = address.ip.rsplit(".", 1)[0] if "." in address.ip else None
        if head is None:
            return [address]
        _, asn, country, kind = address
        return [Address(f"{head}.{1 + host}", asn, country, kind) for host in draw.distinct(254, count)]

    def hosted(self, draw: Draw) -> Address:
        """An address at a hosting firm."""
        asn = draw.popular(list(self.hosts), 0.7)
        return draw.pick(self.hosts[asn]).address(draw, "hosting")

    def provider(self, draw: Draw) -> list[Range]:
        """A VPN provider, the large ones more often."""
        return draw.popular(self.exits, 0.8)

    def exit(self, draw: Draw, provider: list[Range]) -> Address:
        """One of the provider's exits: few addresses per range, the first ranges most used."""
        chosen = draw.popular(provider, 0.9)
        return self._spot(chosen, draw.below(3))

    def _spot(self, chosen: Range, index: int) -> Address:
        known = self._spots.get((chosen, index))
        if known is None:
            spot = Draw(f"{self.draw.name}/exit/{chosen.network}/{index}", self.draw.split)
            kind = "vpn" if not spot.chance(MISTAKEN) else spot.pick(["hosting", "business"])
            known = self._spots[chosen, index] = chosen.address(spot, kind)
        return known

    def relay(self, draw: Draw, country: str) -> Address:
        """Apple's relay: keeps the country, hides the subscriber."""
        spot = draw.pick(self.relays).address(draw, "relay")
        return Address(spot.ip, spot.asn, country, spot.network_type)

    def proxy(self, draw: Draw, country: str | None = None) -> Address:
        """A residential proxy: somebody's home, in a country if asked for, seldom known as what it is."""
        country = country or self.country(draw)
        home = self.host(draw, country, "residential" if draw.chance(0.8) else "mobile")
        kind = "proxy" if draw.chance(0.25) else home.network_type
        return Address(home.ip, home.asn, home.country, kind)

    def _blocks_of(self, country: str, asn: int) -> list[str]:
        owner = self.draw.child(f"blocks/{asn}")
        firsts = [n for n in range(24, 217) if n not in {100, 127, 169, 172, 192, 198, 203}]
        made = [f"{owner.pick(firsts)}.{owner.below(256)}" for _ in range(12)]
        self._blocks[country, asn] = made
        return made

    def _v6(self, asn: int) -> str:
        if asn not in self._heads:
            self._heads[asn] = self.draw.child(f"v6/{asn}").hexadecimal(2)
        return self._heads[asn]


def load_networks(draw: Draw, folder: Path = DATA) -> Networks:
    """Read the ranges and give them owners."""
    lists = json.loads((folder / "networks.json").read_text(encoding="utf-8"))
    access = json.loads((folder / "access.json").read_text(encoding="utf-8"))
    for country in access.values():
        for kind in _ACCESS:
            country.setdefault(kind, [])
    countries = Weighted({code: float(country["share"]) for code, country in access.items()})
    owners = draw.rng.sample(lists["datacenter_asn"], 120)
    hosts: dict[int, list[Range]] = {asn: [] for asn in owners}
    for text in lists["hosting"] + lists["hosting6"]:
        asn = draw.popular(owners, 0.6)
        hosts[asn].append(_range(text, asn, draw.weighted(countries)))
    exits: list[list[Range]] = [[] for _ in range(20)]
    for text in lists["vpn"] + lists["vpn6"]:
        asn = draw.pick(lists["vpn_asn"] + owners[:20])
        draw.popular(exits, 0.8).append(_range(text, asn, draw.weighted(countries)))
    relays = [_range(text, 36183, "US") for text in lists["relay"]]  # Akamai carries part of the relay
    hosts = {asn: ranges for asn, ranges in hosts.items() if ranges}
    return Networks(draw, access, hosts, [ranges for ranges in exits if ranges], relays, countries)


def _range(text: str, asn: int, country: str) -> Range:
    return Range(ipaddress.ip_network(text, strict=False), asn, country)
