"""What all traffic of one seed shares, and the people in it.

An `Account` is what the provider knows and what the truth file says.  A `Manner` is how a client
speaks: what it keeps constant from request to request.  A `Session` is one conversation.
`requests.py` puts the three together into an event of the contract, as a plain dict; an actor (a
generator, `actors.py`) decides when.

Bound: accounts and manners stay for the whole run, sessions while they last.

Glossary: *system* a system prompt: its hash and tokens; *seat* an account that several share.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Literal

from stream_guard.simulator.arrivals import DAY, Span
from stream_guard.simulator.clients import Client, Clients, load_clients
from stream_guard.simulator.draws import Draw, Split, Weighted
from stream_guard.simulator.identities import Build, phone_prefix, public_domain
from stream_guard.simulator.networks import Address, Networks, Place, load_networks
from stream_guard.simulator.prompts import Interest, Prompts
from stream_guard.simulator.provider import Model, Provider

Event = dict[str, Any]
Actor = Generator[Event, None, None]
Context = Literal["chat", "code", "service"]
System = tuple[str, int]


@dataclass(slots=True)
class Account:
    """An account, and the truth about it."""

    account_id: str
    kind: str
    campaign: str | None
    created_at: float
    constants: Event
    minute: int = 0
    in_minute: int = 0
    in_day: int = 0

    def asked(self, at: float) -> tuple[int, int]:
        """How many requests this minute and this day (UTC) have seen, this one included."""
        minute = int(at // 60)
        self.in_minute = self.in_minute + 1 if minute == self.minute else 1
        self.in_day = self.in_day + 1 if minute // 1440 == self.minute // 1440 else 1
        self.minute = minute
        return self.in_minute, self.in_day


@dataclass(frozen=True, slots=True)
class SignUp:
    """What an account gives when it is opened; None: its own."""

    kind: str
    country: str
    campaign: str | None = None
    created_at: float | None = None
    tier: str = "pay_as_you_go"
    payment_id: str | None = None
    org_id: str | None = None
    device: str | None = None
    email_domain: str | None = None
    address: Address | None = None
    referral: str | None = None


@dataclass(slots=True)
class Manner:
    """How a client speaks."""

    interest: Interest
    place: Place
    build: Build
    models: Weighted[Model]
    systems: list[System] = field(default_factory=list)  # one per conversation, the first most often
    templates: dict[str, list[str]] = field(default_factory=dict)  # by way of use; "" for all
    tools: tuple[str, ...] = ()
    tools_ratio: float = 1.0
    operation: str = "chat"
    surface: str = "api"
    temperature: float | None = None
    max_tokens: int | None = None
    stream: bool | None = None
    reasoning_ratio: float = 0.0
    images_ratio: float = 0.0
    end_users: int = 0
    keys: list[str] = field(default_factory=list)
    context: Context = "chat"
    service: Client | None = None  # whose lengths a service has


@dataclass(slots=True)
class Session:
    """One conversation."""

    conversation_id: str
    address: Address
    model: Model
    system: System | None
    key: str | None
    end_user: str | None
    turn: int = 0
    history: int = 0  # tokens so far
    last_at: float = 0.0
    source: str | None = None  # the way of use it began with


class World:
    """Networks, clients, prompts and the provider of one seed; makes accounts and events."""

    def __init__(self, draw: Draw, span: Span, sketch_ratio: float) -> None:
        self.draw = draw
        self.span = span
        self.sketch_ratio = sketch_ratio
        self.networks: Networks = load_networks(draw.child("networks"))
        self.clients: Clients = load_clients()
        self.prompts = Prompts()
        self.provider = Provider(draw.child("provider"), span)
        self.accounts: list[Account] = []
        common = draw.child("templates")
        # Phrases that everybody copies ("let's think step by step", well-known judge prompts).
        self.common_templates = {
            use: [common.hexadecimal() for _ in range(5)] for use in ("steps", "grading", "document", "tool")
        }
        self.event_ids = draw.child("events")

    @property
    def split(self) -> Split:
        """Whose seeds these are."""
        return self.draw.split

    def sign_up(self, draw: Draw, given: SignUp) -> Account:
        """Open an account."""
        created_at = given.created_at if given.created_at is not None else self.past(draw)
        address = given.address or self.networks.host(draw, given.country, "residential")
        payment = None if given.tier == "free" else given.payment_id or draw.opaque("pm_")
        indicators = {
            "device": given.device or draw.opaque("dev_"),
            "email_domain": given.email_domain or public_domain(draw),
            "signup_ip": address.ip,
        }
        if given.tier == "free" or draw.chance(0.3):
            indicators["phone_prefix"] = phone_prefix(draw, given.country)
        if given.referral is not None:
            indicators["referral"] = given.referral
        constants: Event = {"account_id": draw.opaque("acc_")}
        known = {"org_id": given.org_id, "payment_id": payment, "billing_country": payment and given.country}
        constants |= {key: value for key, value in known.items() if value is not None}
        constants |= {
            "account_created_at": round(created_at, 3),
            "tier": given.tier,
            "indicators": indicators,
        }
        account = Account(constants["account_id"], given.kind, given.campaign, created_at, constants)
        self.accounts.append(account)
        return account

    def past(self, draw: Draw, youngest: float = 0.5 * DAY, oldest: float = 700 * DAY) -> float:
        """A time before the span, recent ones more likely."""
        age: float = youngest * (oldest / youngest) ** draw.rng.random()
        return self.span.start - age

    def open_session(self, draw: Draw, manner: Manner, at: float) -> Session:
        """Begin a conversation."""
        return Session(
            conversation_id=draw.opaque("conv_", 12),
            address=manner.place(draw),
            model=draw.weighted(manner.models),
            system=draw.popular(manner.systems, 1.2) if manner.systems else None,
            key=draw.popular(manner.keys, 1.0) if manner.keys else None,
            end_user=f"u_{draw.rng.randrange(manner.end_users):06}" if manner.end_users else None,
            last_at=at,
        )
