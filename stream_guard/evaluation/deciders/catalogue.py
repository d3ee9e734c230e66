"""Deciders by name, as the command line and parallel processes call them.

``guard``, ``guard:budget=10``, ``rate``, ``rate:200``, ``card``, ``address``, ``trees``.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from stream_guard.decisions.policy import Policy
from stream_guard.errors import ConfigurationError
from stream_guard.evaluation.deciders import Decider
from stream_guard.evaluation.deciders.guard import LiveGuard, ReplayedGuard
from stream_guard.evaluation.deciders.rate import RateRule
from stream_guard.evaluation.deciders.shared import shared_address, shared_card
from stream_guard.evaluation.deciders.trees import TreesRule
from stream_guard.settings import Settings

GUARD: Final = "guard"
BASELINES: Final[Mapping[str, tuple[Callable[[float], Decider], float]]] = {
    "rate": (RateRule, 50.0),
    "card": (shared_card, 5.0),
    "address": (shared_address, 10.0),
    "trees": (TreesRule, 0.4),
}
"""Name -> what makes it, and its one threshold (docs/evaluation.md says how that was chosen)."""


def decider_of(text: str, settings: Settings, policy: Policy | None, *, is_live: bool) -> Decider:
    """The decider that ``text`` names; ConfigurationError if there is none."""
    name, _, given = text.partition(":")
    if name == GUARD:
        guarded = _with_budget(settings, given, text)
        label = "stream-guard" + (f", {given}" if given else "")
        return (LiveGuard if is_live else ReplayedGuard)(guarded, policy, label)
    if name not in BASELINES:
        message = f"decider {text!r}: expected one of {', '.join([GUARD, *BASELINES])}"
        raise ConfigurationError(message)
    make, threshold = BASELINES[name]
    return make(_number(given, text) if given else threshold)


def _with_budget(settings: Settings, given: str, text: str) -> Settings:
    if not given:
        return settings
    key, _, value = given.partition("=")
    if key != "budget":
        message = f"decider {text!r}: expected guard:budget=<false blocks per 100,000 account-days>"
        raise ConfigurationError(message)
    budget = msgspec.structs.replace(settings.budget, false_blocks_per_100k_account_days=_number(value, text))
    return msgspec.structs.replace(settings, budget=budget)


def _number(value: str, text: str) -> float:
    try:
        number = float(value)
    except ValueError as error:
        message = f"decider {text!r}: expected a number after the name; got {value!r}"
        raise ConfigurationError(message) from error
    if not number > 0:
        message = f"decider {text!r}: expected a number above 0; got {value!r}"
        raise ConfigurationError(message)
    return number
