"""What each kind of indicator is worth, and which causes must be silent in a group that it formed.

Fellegi and Sunter (1969): a shared value speaks for one hand with log(m / u), where m is how likely two
accounts of one campaign share it and u how likely two strangers do.  m is a prior per kind, set by
judgement (prior, to be replaced by simulator fit in issue 4); u is learnt online as the share of active
accounts that show the value.  So the fingerprint of the commonest SDK weighs nothing and a card that five
strangers share weighs much.

What formed a group may not testify against it: that all accounts on one proxy sit on a hidden network is
no news.  ``silences`` names the causes that a kind brings about by itself.

Glossary: *cause* the smallest thing tests can share (`records.INDICATOR_KINDS` names that of each kind).
"""

from dataclasses import dataclass
from math import log

from stream_guard.records import INDICATOR_KINDS, kind_of


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of indicator."""

    m: float  # share of campaign pairs that have the value in common
    cause: str
    silences: frozenset[str]


def _kind(name: str, m: float, *silences: str) -> Kind:
    cause = INDICATOR_KINDS.get(name, "other")
    return Kind(m, cause, frozenset({cause, *silences}))


KINDS: dict[str, Kind] = {
    "payment": _kind("payment", 0.3),
    "network": _kind("network", 0.3, "geography"),
    "client": _kind("client", 0.5, "network", "geography"),  # holds the ASN: the network speaks with it
    "signup": _kind("signup", 0.2, "network", "geography"),  # likewise
    "system_prompt": _kind("system_prompt", 0.5, "content"),
    "template": _kind("template", 0.5, "content"),
    "tools": _kind("tools", 0.5),
    "shape": _kind("shape", 0.5),
    "end_user": _kind("end_user", 0.2),
    "api_key": _kind("api_key", 0.2),
    "device": _kind("device", 0.2),
    "email_domain": _kind("email_domain", 0.2),
    "referral": _kind("referral", 0.2),
    "signup_ip": _kind("signup_ip", 0.2, "network", "geography"),
    "phone_prefix": _kind("phone_prefix", 0.2),
}
OTHER = Kind(0.2, "other", frozenset({"other"}))


def kind_for(indicator: str) -> Kind:
    """The kind of an indicator; names that the table does not hold are all alike."""
    return KINDS.get(kind_of(indicator), OTHER)


def weight(indicator: str, share: float) -> float:
    """log(m / u) in nats: above 0, the shared value speaks for one hand.

    >>> weight("payment:x", 0.0003) > 6, weight("client:popular", 0.52) < 0
    (True, True)
    """
    return log(kind_for(indicator).m / min(max(share, 1e-9), 1.0))
