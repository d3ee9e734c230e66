"""What of an event others might share: indicators, written ``kind:value``.

Each event is cut into three *facets* (who pays, where from, what with).  A facet that the account
has shown before can not hold a new indicator and costs one set lookup; only a new one is taken
apart.  So an account that changes nothing costs about 1 us per event.  Facets are kept as hashes: the
hash differs from process to process, but two of one account's facets collide once in 2^60, and what
a row holds never depends on it otherwise.

Bounds: `MAX_PER_KIND` values of a kind per account, `AccountsSettings.max_indicators` in all, first
come; what does not fit is counted, not kept.  Values above `MAX_CHARS` characters are cut and end in
a digest, so that different ones stay different.
"""

from collections.abc import Iterator
from hashlib import blake2b
from ipaddress import AddressValueError, IPv6Address
from typing import Any

from stream_guard.clock import HOUR_MS, to_ms
from stream_guard.records import REFERENCE, RequestEvent, kind_of

MAX_CHARS = 64
MAX_PER_KIND = 6
MAX_FACETS = 64
DERIVED = frozenset({
    REFERENCE, "payment", "api_key", "end_user", "signup", "network", "client",
    "system_prompt", "template", "shape", "tools",
})  # fmt: skip
"""Kinds that are made here: an event's own ``indicators`` of such a name are written ``x_<name>``."""


class Facets:
    """Facets seen lately, by their hash: a memo, never packed; losing it costs time, not truth."""

    __slots__ = ("is_placed", "newest", "seen")

    def __init__(self) -> None:
        self.newest = 0
        self.is_placed = False  # whether the row's network is that of the newest event
        self.seen: set[int] = set()

    def is_new(self, facet: int) -> bool:
        """Whether ``facet`` has not been seen; it has been from now on."""
        if facet in self.seen:
            return False
        if len(self.seen) >= MAX_FACETS:
            self.seen.clear()
        self.seen.add(facet)
        return True

    def snapshot(self) -> bytes:
        """Nothing: see the class."""
        return b""

    @classmethod
    def restore(cls, _state: bytes) -> "Facets":
        """An empty memo."""
        return cls()


def network_of(address: str) -> str | None:
    """The /24 of an IPv4 address, the /48 of an IPv6 one; None if it is neither.

    >>> network_of("203.0.113.7"), network_of("2001:db8:1:2::7"), network_of("nowhere")
    ('203.0.113', '2001:0db8:0001', None)
    """
    if ":" in address:
        try:
            return IPv6Address(address).exploded[:14]
        except AddressValueError:
            return None
    parts = address.split(".")
    if len(parts) != 4 or not all(part.isdecimal() and len(part) <= 3 for part in parts):
        return None
    return address[: address.rindex(".")]


def is_unchanged(event: RequestEvent, facets: Facets) -> bool:
    """Whether the event shows just what the account's newest one showed; it is the newest from now on."""
    more, tools = event.indicators, event.tools
    newest = hash((  # all facets in one tuple, since every event pays for it
        event.payment_id, event.api_key_id, event.end_user_id, event.account_created_at, event.asn,
        tuple(more.items()) if more else None, event.org_id, event.tier,
        event.client_ip, event.tls_fingerprint, event.user_agent,
        event.system_prompt_hash, event.prompt_template_hash, event.operation, event.surface,
        event.max_tokens, event.temperature, event.stream, tuple(tools) if tools else None,
    ))  # fmt: skip
    if newest == facets.newest:
        return True
    facets.newest = newest
    facets.is_placed = False
    return False


def shown_by(event: RequestEvent, facets: Facets) -> list[str]:
    """Indicators of the facets of ``event`` that are new; an indicator may come again."""
    shown: list[str] = []
    if facets.is_new(hash(_who_facet(event))):
        shown += _who(event)
    if facets.is_new(hash(_where_facet(event))):
        shown += _where(event)
    if facets.is_new(hash(_what_facet(event))):
        shown += _what(event)
    return shown


# A facet holds everything that its indicators are made of: else what a row holds would depend on how
# long the memo lived.  `tests/unit/accounts` restarts after every event to hold that.


def _who_facet(event: RequestEvent) -> tuple[Any, ...]:
    more = event.indicators
    return (
        event.payment_id, event.api_key_id, event.end_user_id, event.account_created_at, event.asn,
        tuple(more.items()) if more else None,
    )  # fmt: skip


def _where_facet(event: RequestEvent) -> tuple[Any, ...]:
    return (event.client_ip, event.asn, event.tls_fingerprint, event.user_agent, "where")


def _what_facet(event: RequestEvent) -> tuple[Any, ...]:
    tools = event.tools
    return (
        event.system_prompt_hash, event.prompt_template_hash, event.operation, event.surface,
        event.max_tokens, event.temperature, event.stream, event.user_agent, tuple(tools) if tools else None,
    )  # fmt: skip


def _who(event: RequestEvent) -> Iterator[str]:
    for kind, value in (
        ("payment", event.payment_id),
        ("api_key", event.api_key_id),
        ("end_user", event.end_user_id),
    ):
        if value:
            yield _write(kind, value)
    for name, value in (event.indicators or {}).items():
        if name and value:
            yield _write(f"x_{name}" if name in DERIVED else name, value)
    if event.account_created_at and event.asn is not None:
        yield f"signup:{event.asn}|{to_ms(event.account_created_at) // HOUR_MS}"


def _where(event: RequestEvent) -> Iterator[str]:
    network = network_of(event.client_ip) if event.client_ip else None
    if network:
        yield f"network:{network}"
    if event.user_agent or event.tls_fingerprint:
        yield _write("client", f"{event.asn}|{event.tls_fingerprint}|{event.user_agent}")


def _what(event: RequestEvent) -> Iterator[str]:
    if event.system_prompt_hash:
        yield _write("system_prompt", event.system_prompt_hash)
    if event.prompt_template_hash:
        yield _write("template", event.prompt_template_hash)
    tools = ",".join(sorted(event.tools)) if event.tools else ""
    if tools:
        yield _write("tools", tools)
    if event.max_tokens is not None or event.temperature is not None:
        yield _write(
            "shape",
            f"{event.operation}|{event.surface}|{event.max_tokens}|{event.temperature}|{event.stream}|{tools}|{event.user_agent}",
        )


def _write(kind: str, value: str) -> str:
    """``kind:value`` of printable characters: ids come from outside, and stages make keys of them."""
    if len(value) > MAX_CHARS:
        digest = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        value = f"{value[: MAX_CHARS - 17]}~{digest}"
    kind = kind.replace(":", "_")
    if kind.isprintable() and value.isprintable():
        return f"{kind}:{value}"
    return f"{_printable(kind)}:{_printable(value)}"


def _printable(text: str) -> str:
    """Each unprintable character as its code point, so that different texts stay different."""
    return "".join(c if c.isprintable() and c != "%" else f"%{ord(c):x};" for c in text)


def has_room(known: list[str], indicator: str, max_indicators: int) -> bool:
    """Whether an account that shows ``known`` may take one more."""
    if len(known) < MAX_PER_KIND:
        return True
    prefix = kind_of(indicator) + ":"
    return len(known) < max_indicators and sum(other.startswith(prefix) for other in known) < MAX_PER_KIND
