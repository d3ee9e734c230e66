"""What accounts are known by: cards, devices, e-mail domains, client builds, tools, tiers.

Every identifier is drawn by `Draw.opaque` with the same prefix and length for everyone, and client
builds come from one catalogue: nothing here knows who is honest.  TLS fingerprints have the form of
JA4 and are the same in every traffic, as those of real libraries are.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

from stream_guard.simulator.draws import Draw

PUBLIC_DOMAINS: Final = (
    "gmail.com",
    "outlook.com",
    "icloud.com",
    "yahoo.com",
    "proton.me",
    "qq.com",
    "gmx.net",
    "yandex.ru",
    "163.com",
)
# Client families with versions, the commonest first.
SDKS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("OpenAI/Python {}", ("1.109.1", "2.6.1", "2.2.0", "1.99.9", "1.82.0", "1.66.3", "1.54.4", "1.40.6")),
    ("OpenAI/JS {}", ("6.7.0", "5.23.2", "4.104.0", "4.77.0", "4.56.0")),
    ("python-requests/{}", ("2.32.5", "2.32.3", "2.31.0", "2.28.2")),
    ("python-httpx/{}", ("0.28.1", "0.27.2", "0.25.0")),
    ("axios/{}", ("1.12.2", "1.7.9", "1.6.8", "0.27.2")),
    ("langchain-core/{}", ("0.3.79", "0.3.40", "0.2.43")),
    ("litellm/{}", ("1.77.5", "1.65.0", "1.52.3")),
    ("Go-http-client/{}", ("2.0", "1.1")),
    ("okhttp/{}", ("4.12.0", "5.1.0", "4.9.3")),
    ("curl/{}", ("8.5.0", "7.88.1", "8.14.1")),
)
BROWSERS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/{}.0.0.0 Safari/537.36",
        ("147", "146", "145"),
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/{} Safari/605.1.15",
        ("26.3", "26.2", "18.6"),
    ),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0", ("149", "148", "140")),
)
_TLS_VARIANTS: Final = 8  # runtimes and TLS libraries under one family
TOOL_SETS: Final = (
    ("bash", "read_file", "write_file", "grep", "run_tests"),  # two well-known coding agents
    ("terminal", "edit", "search", "browser", "todo"),
    ("web_search",),
    ("web_search", "calculator"),
    ("sql_query",),
    ("get_weather", "get_calendar", "send_email"),
    ("retrieve_documents",),
    ("wikipedia", "wolfram", "search", "calculator"),
    ("create_ticket", "lookup_order", "refund"),
    ("python",),
)


@dataclass(frozen=True, slots=True)
class Build:
    """One build of a client: what it says of itself and how its TLS looks."""

    user_agent: str
    tls_fingerprint: str


def client_build(draw: Draw, families: tuple[tuple[str, tuple[str, ...]], ...] = SDKS) -> Build:
    """A build as honest users have them: a few very common, many rare."""
    family, versions = draw.popular(families, 0.9)
    variant = draw.popular(range(_TLS_VARIANTS), 0.8)
    return _build(family, draw.popular(versions, 0.7), variant)


@cache
def _build(family: str, version: str, variant: int) -> Build:
    return Build(family.format(version), _ja4(family, variant))


def own_build(draw: Draw, name: str) -> Build:
    """A product's own client: one version at a time, one runtime."""
    return Build(f"{name}/{draw.rng.randrange(1, 4)}.{draw.rng.randrange(30)}.0", _ja4(name, 0))


@cache
def _ja4(family: str, variant: int) -> str:
    draw = Draw(f"ja4/{family}/{variant}")
    ciphers, extensions = draw.rng.randrange(12, 32), draw.rng.randrange(8, 19)
    return f"t13d{ciphers:02}{extensions:02}h2_{draw.hexadecimal(12)}_{draw.hexadecimal(12)}"


def public_domain(draw: Draw) -> str:
    """A mail provider's domain."""
    return draw.popular(PUBLIC_DOMAINS, 1.4)


def own_domain(draw: Draw) -> str:
    """A domain that somebody registered."""
    return draw.opaque("", 8) + draw.popular((".com", ".io", ".net", ".dev"), 1.2)


def phone_prefix(draw: Draw, country: str) -> str:
    """Country and the head of a number."""
    return f"{country}-{100 + draw.below(900)}"


def tool_set(draw: Draw) -> tuple[str, ...]:
    """A known set, or one of somebody's own."""
    if draw.chance(0.6):
        return draw.popular(TOOL_SETS, 0.6)
    return tuple(f"tool_{draw.hexadecimal(4)}" for _ in range(1 + draw.below(6)))
