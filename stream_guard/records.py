"""The records that travel down the stream, in the order they are made.

    RequestEvent ─▶ ACCOUNTS ─▶ Profile ─▶ GROUPS ─▶ Finding ─▶ CAMPAIGNS ─▶ Verdict ─▶ DECISIONS ─▶ Decision

An operator's ``Control`` joins at CAMPAIGNS and DECISIONS.  All records are frozen.  New fields are
added at the end, with defaults; types never change.  What travels between stages is packed as an
array and ordered (lanes sort the records of a tick, so that no interleaving of partitions shows).

Glossary: ``*_at`` float Unix seconds of event time; ``at`` int Unix milliseconds of event time;
``log_e`` natural logarithm of an e-value; shares end in ``_ratio`` and lie in [0, 1].
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Identifier = Annotated[str, Meta(min_length=1, max_length=512)]
Count = Annotated[int, Meta(ge=0, le=1 << 53)]
Label = Annotated[str, Meta(max_length=128)]
Text = Annotated[str, Meta(max_length=1024)]

Action = Literal["allow", "throttle", "challenge", "block"]
LADDER: tuple[Action, ...] = ("allow", "throttle", "challenge", "block")


class RequestEvent(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One API request as the gateway saw it (docs/events.md; units as there).

    ``forbid_unknown_fields`` lets the fast decoder fail on what it does not know; the lenient
    path then counts the unknown fields and ignores them (`wire/`).  A prompt never gets here: the
    wire layer reduces it to ``prompt_sketch`` and drops it.
    """

    event_id: Identifier
    account_id: Identifier
    occurred_at: Annotated[float, Meta(gt=0, lt=32_503_680_000)]  # before the year 3000
    model: Annotated[str, Meta(min_length=1, max_length=256)]
    operation: Label | None = None
    surface: Label | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    cached_tokens: Count | None = None
    max_tokens: Count | None = None
    temperature: Annotated[float, Meta(ge=0, le=100)] | None = None
    latency_ms: Annotated[float, Meta(ge=0, le=1e10)] | None = None
    status: Annotated[int, Meta(ge=0, le=999)] | None = None
    client_ip: Annotated[str, Meta(max_length=64)] | None = None
    asn: Annotated[int, Meta(ge=0, le=4_294_967_295)] | None = None
    ip_country: Annotated[str, Meta(max_length=8)] | None = None
    billing_country: Annotated[str, Meta(max_length=8)] | None = None
    network_type: Label | None = None
    user_agent: Text | None = None
    tls_fingerprint: Label | None = None
    api_key_id: Identifier | None = None
    org_id: Identifier | None = None
    end_user_id: Identifier | None = None
    payment_id: Identifier | None = None
    account_created_at: Annotated[float, Meta(ge=0, lt=32_503_680_000)] | None = None
    tier: Label | None = None
    indicators: Annotated[dict[Label, Text], Meta(max_length=16)] | None = None
    tools: Annotated[list[Label], Meta(max_length=256)] | None = None
    tool_calls: Count | None = None
    images: Count | None = None
    turn: Count | None = None
    reasoning: bool | None = None
    stream: bool | None = None
    conversation_id: Identifier | None = None
    system_prompt_hash: Label | None = None
    prompt_template_hash: Label | None = None
    prompt_sketch: Annotated[str, Meta(max_length=512)] | None = None  # base64 of 64 int8
    prompt_sketch_version: Count | None = None
    prompt_chars: Count | None = None
    prompt_language: Annotated[str, Meta(max_length=35)] | None = None
    prompt_labels: Annotated[list[Label], Meta(max_length=32)] | None = None


class Conduct(Struct, frozen=True, array_like=True, order=True, gc=False):
    """How an account behaves: its own numbers, no one else's.  All cumulative or exponentially weighted.

    Natural logarithms throughout; ``*_mean`` and ``*_var`` are of the recent past (about the last
    20 to 50 requests), counts are of the whole life.
    """

    first_at: int  # ms, first event
    last_at: int  # ms, newest event
    created_at: int = 0  # ms, sign-up; 0: unknown
    answered: int = 0  # requests with status < 400
    refused: int = 0  # 403 and 429
    failed: int = 0  # other errors
    active_hours: int = 0  # distinct clock hours with a request
    log_gap_mean: float = 0.0  # ln(1 + seconds since the last request)
    log_gap_var: float = 0.0
    log_input_mean: float = 0.0  # ln(1 + input tokens)
    log_input_var: float = 0.0
    log_output_mean: float = 0.0  # ln(1 + output tokens)
    log_output_var: float = 0.0
    limit_ratio_mean: float = 0.0  # output tokens / max_tokens
    log_latency_mean: float = 0.0  # ln(1 + ms)
    tools_mean: float = 0.0  # tools offered per request
    reasoning_ratio: float = 0.0
    turn_mean: float = 0.0
    mismatch_ratio: float = 0.0  # network country is not the billing country
    hidden_ratio: float = 0.0  # network is hosting, vpn, proxy, relay or tor
    networks: int = 0  # distinct /24 or /48, counted to a bound
    clients: int = 0  # distinct user agent and TLS fingerprint, counted to a bound
    templates: int = 0  # distinct prompt templates, counted to a bound
    hours: tuple[int, ...] = ()  # 24 counts by UTC hour of day
    active_slots: int = 0  # bitmap of the last 24 h, one bit per half hour, bit 0 the newest
    labels: tuple[tuple[str, int], ...] = ()  # prompt label, requests that bore it
    models: tuple[tuple[str, int], ...] = ()  # model, requests


class Profile(Struct, frozen=True, array_like=True, order=True, gc=False):
    """An account shows an indicator: a hello, then its cumulative summary; the newest replaces the last.

    The stream's key is the indicator, ``kind:value``.  Under the reserved kind ``reference`` each
    account appears once: from it GROUPS learns what honest accounts show.
    """

    account_id: str
    requests: int  # how many requests it covers: the version
    unit: str  # the customer it belongs to: organisation, card, or itself
    conduct: Conduct | None = None  # None: a hello
    indicators: tuple[str, ...] = ()  # all that the account shows, sorted
    sketch: bytes = b""  # 64 x int16: mean prompt sketch x 256; empty: no prompts seen
    sketch_spread: float = 0.0  # mean squared norm of one prompt's sketch about that mean
    sketched: int = 0  # prompts in the sketch
    score: float = 0.0  # the account's own anomaly score
    segment: str = ""  # model family x surface x tier


class Evidence(Struct, frozen=True, array_like=True, order=True, gc=False):
    """A measured statement with its weight."""

    name: str  # of the test or signal, e.g. "load_evenness"
    value: float  # what was seen
    expected: float  # what honest traffic shows
    weight: float  # log_e where it is an e-value, else in the same unit: nats
    cause: str = (
        ""  # card, network, client, template, content, rhythm, load, sign_up, ties, refusals, geography, own
    )
    family: str = ""  # what, when, who, links
    is_cold: bool = False  # rests on a shipped prior, not on what was learnt here


class Member(Struct, frozen=True, array_like=True, order=True, gc=False):
    """One account of a finding, and how well it fits the group's conduct."""

    account_id: str
    fit: float  # nats: log odds of its own conduct, campaign against honest
    profile: Profile
    shares: tuple[float, ...] = ()  # of other honest accounts that show each of the indicators


class Finding(Struct, frozen=True, array_like=True, order=True, gc=False):
    """A group's evidence crossed a line, changed since, or fell back (then ``evidence`` is empty)."""

    indicator: str  # the group's name
    size: int  # members seen, exact to a bound
    units: int  # unrelated customers among them
    share: float  # share of all active accounts that show the indicator
    log_e: float  # all causes together
    line: float  # the line that log_e crossed
    evidence: tuple[Evidence, ...] = ()
    members: tuple[Member, ...] = ()  # new or changed since the last finding, bounded
    candidates: int = 0  # groups judged in this partition
    causes: tuple[tuple[str, float], ...] = ()  # each cause that could speak, and its log_e
    control: "Control | None" = None  # set: no finding of a group but an operator's word on `indicator`
    accounts: int = 0  # active accounts, as far as the partition knows


class Verdict(Struct, frozen=True, array_like=True, order=True, gc=False):
    """What is held of an account, by one source; the newest of a source replaces its last."""

    account_id: str
    source: str  # "account", "campaign", "operator"
    kind: str  # see `Verdict kinds` in decisions/; "" withdraws what this source held
    score: float = 0.0  # [0, 1]
    campaign_id: str = ""
    evidence: tuple[Evidence, ...] = ()
    reasons: tuple[str, ...] = ()  # reason codes, strongest first
    tier: str = ""
    org_id: str = ""
    network: str = ""  # newest client network, for exemptions
    is_cold: bool = False
    trigger: str = ""  # event_id, or the tick
    control: "Control | None" = None  # source "operator": his word


class Control(Struct, frozen=True, kw_only=True, order=True, gc=False, omit_defaults=True):
    """An operator's word, from `guard.control.v1`."""

    verb: Literal["revoke", "exempt", "unexempt", "label", "release", "chargeback", "shadow"]
    subject: str  # account id; for exempt also "org:<id>" or "network:<cidr>"; for release the model;
    # for shadow "all" or "rule:<name>"
    spoken_at: float  # Unix seconds
    author: str
    value: str = ""  # label: "right" or "wrong"; shadow: "on" or "off"
    expires_at: float | None = None
    note: str = ""


class DecisionEvidence(Struct, frozen=True, gc=False):
    """One line of a decision's evidence (docs/schemas/decision.json)."""

    name: str
    value: float
    expected: float
    weight: float


class Decision(Struct, frozen=True, gc=False):
    """What holds for an account now (docs/schemas/decision.json; keys in this order)."""

    decision_id: str
    account_id: str
    action: Action
    limit_per_min: int | None
    reason_codes: tuple[str, ...]
    campaign_id: str | None
    score: float
    evidence: tuple[DecisionEvidence, ...]
    decided_at: float
    expires_at: float | None
    policy_version: str
    model_version: str
    shadow: bool
    trigger: str


class CampaignState(Struct, frozen=True, gc=False, kw_only=True):
    """A campaign as `guard.campaigns.v1` and `campaigns list` show it; the newest holds."""

    campaign_id: str
    kind: str  # distillation, resale, region_evasion, unknown
    status: Literal["active", "ended", "merged"]
    founded_at: float
    changed_at: float
    members: tuple[str, ...]
    indicators: tuple[tuple[str, int], ...]  # indicator, members that show it
    evidence: tuple[Evidence, ...]
    harvested: int  # answered exchanges of its members so far
    merged_into: str | None = None
    timeline: tuple[tuple[float, str], ...] = ()  # when, what happened
    links: tuple[tuple[int, ...], ...] = ()  # of the first indicators: places in `members` of who shows it


class DeadLetter(Struct, frozen=True, gc=False, kw_only=True):
    """A message that could not be used, and why."""

    stream: str
    partition: int
    offset: int
    reason: str  # closed set
    detail: str
    value: str  # first 2 KiB of the message, prompts removed, undecodable bytes replaced


pack_json = msgspec.json.Encoder().encode


def to_builtins(record: Struct) -> Any:
    """A record as plain dicts and lists, for printing and templates."""
    return msgspec.to_builtins(record)


INDICATOR_KINDS: dict[str, str] = {
    "payment": "card",  # payment instrument
    "network": "network",  # client address: IPv4 /24, IPv6 /48
    "client": "client",  # ASN, TLS fingerprint and user agent together
    "signup": "sign_up",  # ASN and clock hour of the sign-up together
    "system_prompt": "template",  # hash of the system prompt
    "template": "template",  # hash of the prompt template
    "tools": "client",  # the set of tools offered
    "shape": "client",  # operation, surface, max_tokens, temperature, stream, tools, user agent together
    "end_user": "card",  # the caller's own end user
    "api_key": "card",  # key lineage
    "device": "client",
    "email_domain": "sign_up",
    "referral": "sign_up",
    "signup_ip": "sign_up",
    "phone_prefix": "sign_up",
}
"""Kind of an indicator -> the cause it speaks of.  An indicator is written ``kind:value``; other names of the
event's ``indicators`` map are kinds of their own, of the cause "other"."""

INDICATOR_DIMENSIONS: dict[str, str] = {
    "payment": "payment",
    "api_key": "payment",
    "end_user": "end_user",  # named by the caller: everybody's first is "1"
    "device": "device",
    "network": "network",
    "signup_ip": "network",
    "client": "software",
    "shape": "software",
    "tools": "software",
    "system_prompt": "software",
    "template": "software",
    "signup": "sign_up",
    "email_domain": "sign_up",
    "referral": "sign_up",
    "phone_prefix": "sign_up",
}
"""Kind of an indicator -> its dimension: kinds of one dimension include each other, so they have one vote.
Other kinds are of the dimension "other"."""

REFERENCE = "reference"
"""Reserved kind: ``reference:<bucket>`` receives each account's profiles once."""


def kind_of(indicator: str) -> str:
    """The kind of an indicator: what stands before its first colon."""
    return indicator.partition(":")[0]


REASONS: dict[str, str] = {
    "distillation": "The campaign collects what a student model is trained on.",
    "resale": "The campaign resells access: many people's clients behind pooled accounts.",
    "region_evasion": "The campaign reaches the service from where it is not offered.",
    "campaign_member": "Shares rare things with a convicted campaign and behaves as it does.",
    "campaign_successor": "A new account on a convicted campaign's infrastructure.",
    "shared_payment": "Pays with what few but the campaign's accounts pay with.",
    "shared_network": "Comes from networks that few but the campaign's accounts come from.",
    "shared_client": "Uses client software or a request shape that few but the campaign's accounts use.",
    "shared_template": "Sends prompts or a system prompt that few but the campaign's accounts send.",
    "shared_prompts": "Sends several different prompts that few but the campaign's accounts send.",
    "shared_sign_up": "Signed up together with the campaign's accounts.",
    "shared_other": "Shows another rare indicator of the campaign.",
    "same_content": "Supposedly unrelated accounts draw their prompts from one distribution.",
    "chain_of_thought_harvest": "Too large a share of requests asks for reasoning, grading or rewriting.",
    "tied_accounts": "The accounts share further rare things, of more kinds than one crowd has reason to.",
    "even_load": "The accounts work too equally hard for people.",
    "no_night": "The accounts never sleep.",
    "no_sessions": "Requests drip evenly instead of coming in sessions.",
    "regular_gaps": "The time between requests varies too little.",
    "sign_up_burst": "The accounts were opened together, when few honest ones were.",
    "network_churn": "The accounts use too many networks each.",
    "client_churn": "The accounts are used from too many clients each.",
    "region_mismatch": "Network country and billing country do not fit.",
    "hidden_network": "Hosting, VPN, proxy or relay networks beyond what is usual.",
    "refusal_handover": "What is refused on one account comes back on another.",
    "own_burst": "The account's volume is out of all proportion to its own past.",
    "own_drift": "The account's conduct has changed for good.",
    "population_outlier": "Hardly any account of its segment behaves like this.",
    "chargeback": "A payment was charged back.",
    "operator": "An operator said so.",
    "cold_start": "Rests on shipped priors: too little was learnt here yet.",
    "returned": "The account came back soon after an earlier decision had ended.",
    "block_cap_reached": "As many accounts as the policy allows were blocked this hour: decided in shadow.",
    "expired": "The decision has come to its end, and nobody has renewed it.",
    "withdrawn": "What was held of the account no longer holds.",
    "revoked": "An operator took the decision back.",
    "exempt": "The account, its organisation or its network is exempt.",
}
"""Reason code -> what it says, for whoever reads a decision.  Closed: a new code is a new line here."""

REASON_CODES: tuple[str, ...] = tuple(REASONS)
