"""The policy: ordered rules as data, and the limits within which they act.

A policy is a TOML file (docs/policy.md).  Each verdict that stands against an account is shown to
the rules from the top; the first whose conditions all hold speaks for it.  Of all that speak, the
strongest holds (`merge.py`).  Whatever can not be used raises ConfigurationError that names file,
path, value and what was expected.

Glossary: *ladder* allow < throttle < challenge < block; *nats* natural logarithm of odds;
*log evidence* what a verdict's evidence says together, each cause speaking once; *pardon* the time
after a revocation during which the account is left alone.
"""

from datetime import datetime
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from stream_guard.decisions.durations import EXPECTED, FOREVER, to_duration_ms
from stream_guard.decisions.networks import fault_in_subject
from stream_guard.errors import ConfigurationError
from stream_guard.records import REASON_CODES, Action
from stream_guard.settings import convert, read_toml

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Nats = Annotated[float, Meta(ge=0)]
Ratio = Annotated[float, Meta(ge=0, le=1)]
Limit = Annotated[int, Meta(ge=1, le=1_000_000)]
Source = Literal["account", "campaign", "operator"]
SHIPPED = "default_policy.toml"


class When(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The conditions of a rule: all that are given must hold; an empty list asks for nothing."""

    source: Source | None = None
    kinds: tuple[str, ...] = ()  # of the verdict: any of these
    campaign_kinds: tuple[str, ...] = ()  # of the campaign: any of these
    reasons: tuple[str, ...] = ()  # reason codes that the verdict bears: any of these
    tiers: tuple[str, ...] = ()  # of the account: any of these
    not_tiers: tuple[str, ...] = ()  # of the account: none of these
    min_score: Ratio = 0.0
    min_log_evidence: Nats = 0.0  # nats
    min_causes: Annotated[int, Meta(ge=0, le=32)] = 0  # distinct causes that speak against it
    cold: bool | None = None


class Rule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of the policy."""

    name: Name
    action: Action
    reason: str
    duration: str
    when: When = When()
    limit_per_min: Limit | None = None  # for throttle; None: the policy's own
    shadow: bool = False

    @property
    def duration_ms(self) -> int:
        """How long a verdict is believed after it was last said."""
        return to_duration_ms(self.duration) or 0


class Limits(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What no rule may exceed."""

    blocks_per_hour: Annotated[int, Meta(ge=0, le=100_000)] = 500  # all partitions together
    cold_at_most: Action = "throttle"  # on evidence that rests on shipped priors
    alone_at_most: Action = "throttle"  # on what an account's own models say of it
    throttle_per_min: Limit = 6  # where a rule names no limit


class Hysteresis(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How reluctantly a decision is lowered."""

    min_hold: str = "15m"  # a decision is not lowered sooner, save by an operator
    margin_ratio: Ratio = 0.1  # a rule that holds an account lets go this far below its thresholds

    @property
    def min_hold_ms(self) -> int:
        """`min_hold` in milliseconds."""
        return to_duration_ms(self.min_hold) or 0


class Escalation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes of those who come back."""

    memory: str = "30d"  # a decision within this time after the last one ended is a return
    factor: Annotated[float, Meta(ge=1, le=100)] = 2.0  # each return multiplies the duration
    max_duration: str = "90d"
    raise_after: Annotated[int, Meta(ge=1, le=100)] = 2  # from this return on: one step up the ladder

    @property
    def memory_ms(self) -> int:
        """`memory` in milliseconds."""
        return to_duration_ms(self.memory) or 0

    @property
    def max_duration_ms(self) -> int:
        """`max_duration` in milliseconds."""
        return to_duration_ms(self.max_duration) or 0


class Exempt(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom the policy itself leaves alone."""

    subject: str  # an account, "org:<id>" or "network:<cidr>"
    author: str
    expires_at: float | None = None  # Unix seconds; None: as long as the policy stands
    note: str = ""


class Policy(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    name: Name
    rules: tuple[Rule, ...]
    mode: Literal["enforce", "shadow"] = "enforce"  # shadow: all is decided, nothing is enforced
    pardon: str = "1d"
    limits: Limits = Limits()
    hysteresis: Hysteresis = Hysteresis()
    escalation: Escalation = Escalation()
    exempt: tuple[Exempt, ...] = ()

    @property
    def pardon_ms(self) -> int:
        """`pardon` in milliseconds."""
        return to_duration_ms(self.pardon) or 0

    @property
    def version(self) -> str:
        """Name and a short digest of the content; comments and layout do not count."""
        digest = blake2b(msgspec.json.encode(self), digest_size=4).hexdigest()
        return f"{self.name}-{digest}"


def load_policy(path: Path | None = None) -> Policy:
    """The policy in ``path``, or the shipped one."""
    if path is not None:
        return parse_policy(read_toml(path), str(path))
    shipped = Path(str(files("stream_guard.decisions").joinpath(SHIPPED)))
    return parse_policy(read_toml(shipped), SHIPPED)


def parse_policy(tree: dict[str, Any], origin: str) -> Policy:
    """``tree`` as a policy; ConfigurationError says where in ``origin`` it is wrong."""
    if isinstance(exempt := tree.get("exempt"), list):
        tree = {**tree, "exempt": [_seconds(entry) for entry in exempt]}
    policy = convert(tree, Policy, origin)
    _check_durations(policy, origin)
    names: set[str] = set()
    for index, rule in enumerate(policy.rules):
        _check_rule(rule, f"$.rules[{index}]", origin)
        if rule.name in names:
            raise _fault(origin, f"$.rules[{index}].name", rule.name, "a name that no other rule has")
        names.add(rule.name)
    for index, exempted in enumerate(policy.exempt):
        expected = fault_in_subject(exempted.subject)
        if expected:
            raise _fault(origin, f"$.exempt[{index}].subject", exempted.subject, expected)
    return policy


def _seconds(entry: Any) -> Any:
    """An exemption whose expiry, a date in TOML, is turned into Unix seconds."""
    expires_at = entry.get("expires_at") if isinstance(entry, dict) else None
    if isinstance(expires_at, datetime) and expires_at.tzinfo is not None:
        return {**entry, "expires_at": expires_at.timestamp()}
    return entry


def _check_durations(policy: Policy, origin: str) -> None:
    durations = {
        "$.pardon": policy.pardon,
        "$.hysteresis.min_hold": policy.hysteresis.min_hold,
        "$.escalation.memory": policy.escalation.memory,
        "$.escalation.max_duration": policy.escalation.max_duration,
    }
    durations.update({f"$.rules[{i}].duration": rule.duration for i, rule in enumerate(policy.rules)})
    for path, text in durations.items():
        if to_duration_ms(text) is None:
            raise _fault(origin, path, text, EXPECTED)
    if policy.hysteresis.min_hold_ms == FOREVER:
        raise _fault(origin, "$.hysteresis.min_hold", policy.hysteresis.min_hold, "a duration that ends")


def _check_rule(rule: Rule, path: str, origin: str) -> None:
    known = ", ".join(REASON_CODES)
    for where, codes in (("reason", (rule.reason,)), ("when.reasons", rule.when.reasons)):
        for code in codes:
            if code not in REASON_CODES:
                raise _fault(origin, f"{path}.{where}", code, f"one of {known}")
    if rule.limit_per_min is not None and rule.action != "throttle":
        expected = f"no limit where the action is {rule.action}: only a throttle has one"
        raise _fault(origin, f"{path}.limit_per_min", rule.limit_per_min, expected)


def _fault(origin: str, path: str, value: Any, expected: str) -> ConfigurationError:
    return ConfigurationError(f"{origin}: at {path}: expected {expected}; got {value!r}")
