"""Whom an operator's word is about: an account, an organisation or a network.

A *subject* is an account id, ``org:<id>`` or ``network:<cidr>``; the last two are *wide*: they
concern accounts of every partition.
"""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

ORG = "org:"
NETWORK = "network:"
MAX_SUBJECT = 512


def is_wide(subject: str) -> bool:
    """Whether a word on ``subject`` concerns accounts of every partition."""
    return subject.startswith((ORG, NETWORK))


@lru_cache(maxsize=4096)
def parse_network(text: str) -> IPv4Network | IPv6Network | None:
    """An address or a network; None if ``text`` is neither."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def contains(network: str, address: str) -> bool:
    """Whether ``address`` (or the network it stands for) lies in ``network``.

    >>> contains("192.0.2.0/24", "192.0.2.7"), contains("192.0.2.0/24", "2001:db8::1")
    (True, False)
    """
    outer, inner = parse_network(network), parse_network(address)
    if outer is None or inner is None:
        return False
    if isinstance(outer, IPv4Network):
        return isinstance(inner, IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and inner.subnet_of(outer)


def fault_in_subject(subject: str) -> str:
    """What was expected instead of ``subject``; empty if nothing is wrong with it."""
    if not subject or len(subject) > MAX_SUBJECT:
        return f"an account id, {ORG}<id> or {NETWORK}<cidr>, at most {MAX_SUBJECT} characters"
    if subject == ORG:
        return f"the id of an organisation after {ORG}"
    if subject.startswith(NETWORK) and parse_network(subject.removeprefix(NETWORK)) is None:
        return f"an address or a network such as 192.0.2.0/24 after {NETWORK}"
    return ""
