"""The network of an account, as exemptions match it.

Profiles name networks by their first three parts (`accounts/indicators.py`): the /24 of an IPv4 address, the
/48 of an IPv6 one.  An exemption has to hold all of it: one for a few addresses of a /24 does not match here,
since which of them the account used is no longer known.
"""

from ipaddress import ip_network


def cidr_of(value: str) -> str:
    """The network that an indicator's value names; empty if it names none.

    >>> cidr_of("203.0.113"), cidr_of("2001:0db8:0001"), cidr_of("nowhere")
    ('203.0.113.0/24', '2001:db8:1::/48', '')
    """
    text = f"{value}::/48" if ":" in value else f"{value}.0/24"
    try:
        return str(ip_network(text))
    except ValueError:
        return ""
