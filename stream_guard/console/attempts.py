"""How often somebody guessed the token: counted per address, so that one who guesses locks nobody else out.

An address is an IPv4 address or an IPv6 /64, since whoever has one address of a /64 has them all.  Behind a
proxy everybody has the proxy's, unless `console.proxies` names it.

Bound: `ADDRESSES` of at most `FAILURES` times; beyond that the one that failed longest ago is forgotten.
That lets nobody in: what keeps guesses out is the token's length.
"""

from collections import OrderedDict, deque
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

FAILURES: Final = 10  # wrong tokens per minute; then that address may not try for the rest of it
MINUTE_S: Final = 60.0
ADDRESSES: Final = 10_000
IPV6_BITS: Final = 64
NAME_CHARS: Final = 64
_NONE: Final[deque[float]] = deque()


class Attempts:
    """Wrong tokens of the last minute.  Called from the event loop's thread only."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._failed)

    def are_over(self, address: str, now: float) -> bool:
        """Whether too many came from there within a minute."""
        times = self._failed.get(origin(address), _NONE)
        return len(times) == FAILURES and now - times[0] < MINUTE_S

    def failed(self, address: str, now: float) -> None:
        """One more from there."""
        name = origin(address)
        times = self._failed.setdefault(name, deque(maxlen=FAILURES))
        times.append(now)
        self._failed.move_to_end(name)
        while len(self._failed) > ADDRESSES or now - next(iter(self._failed.values()))[-1] >= MINUTE_S:
            self._failed.popitem(last=False)


def origin(address: str) -> str:
    """Whose guesses count together.

    >>> origin("192.0.2.1"), origin("2001:db8::1"), origin("::ffff:192.0.2.1")
    ('192.0.2.1', '2001:db8::/64', '192.0.2.1')
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:NAME_CHARS]
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, IPV6_BITS), strict=False))
