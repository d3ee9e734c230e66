"""What an operator's word comes to until DECISIONS has heard it.

DECISIONS hears a word when its tick closes, some seconds after it was spoken.  Redis is told at once
(`sinks/words.py`), of words on one account: what would make it free (revoke, exempt, label it
wrong), and a hard fact that would block it.  An *interim* says so; it ends as soon as DECISIONS has
decided on the account at or after the word, or by itself after `HOLD_MS`.

An interim comes from operators' words and the policy alone, by the same rules as a decision.  What
only DECISIONS can know (organisation, network, tier, what else stands) must not matter: where it
might, there is no interim, and the decision is waited for.  So an interim never holds whom an
operator or the policy left alone.

Bound: a row per account, organisation and network that operators said to leave alone and that still
is, and what was held in the last minute.
"""

from typing import Any, NamedTuple

from stream_guard.clock import to_ms
from stream_guard.decisions import budget, exemptions, switches
from stream_guard.decisions.announce import decision_id
from stream_guard.decisions.control import fault_in_control, verdict_of
from stream_guard.decisions.durations import FOREVER
from stream_guard.decisions.merge import Outcome, outcomes, strongest_of
from stream_guard.decisions.networks import is_wide
from stream_guard.decisions.policy import Policy
from stream_guard.decisions.rows import AccountRow, Claim, Word
from stream_guard.decisions.stage import HARD_FACTS
from stream_guard.records import Action, Control

HOLD_MS = 60_000  # a decision follows after some 3 s; after 15-30 s while a worker catches up
SWEEP_EVERY = 1_000  # words between two looks at whose exemption is over


class Interim(NamedTuple):
    """What holds of an account, from ``at`` until a decision or ``until`` (ms of event time)."""

    account_id: str
    at: int
    action: Action | None  # allow: free, whatever stands; None: an earlier interim is over
    limit_per_min: int | None
    until: int
    reference: str  # as a decision's id


class InterimDesk:
    """Hears words in the order of the log; keeps what earlier ones say of later ones."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._rows = _Rows()
        self._accounts: dict[str, AccountRow] = {}
        self._wide: dict[str, Word] = {}  # exemptions of organisations and networks
        self._switches: dict[str, Word] = {}
        self._held: dict[str, int] = {}  # accounts that an interim holds, and until when
        self._tiers = {tier for rule in policy.rules for tier in (*rule.when.tiers, *rule.when.not_tiers)}
        self._heard, self._earliest = 0, FOREVER  # words since they were swept, and when the first was spoken

    def hear(self, control: Control) -> list[Interim]:
        """What the word comes to at once; nothing: wait for the decision."""
        at = to_ms(control.spoken_at)
        if fault_in_control(control) or control.verb == "release":
            return []
        self._sweep(at)
        if control.verb == switches.SHADOW or is_wide(control.subject):
            return self._wide_word(control, at)
        row = self._accounts.setdefault(control.subject, AccountRow())
        exemptions.take_on_account(row, control, at, self._policy)
        exempt_until = exemptions.exempt_until(self._rows, control.subject, row, self._policy, at)
        if control.verb in HARD_FACTS:
            return [] if exempt_until else self._fact(control, at)
        if control.verb == "label" and control.value != "wrong":
            return []
        self._held.pop(control.subject, None)
        if exempt_until:
            return [_interim(control.subject, at, "allow", None, exempt_until)]
        return [_interim(control.subject, at, None, None, FOREVER)]

    def _wide_word(self, control: Control, at: int) -> list[Interim]:
        """Whom it concerns only DECISIONS knows: so what is held by interims alone is held no more."""
        word = exemptions.word_of(control, FOREVER)
        words = self._switches if control.verb == switches.SHADOW else self._wide
        word.until = 0 if control.value == "off" else word.until
        words[control.subject] = exemptions.newest(words.get(control.subject), word)
        if word.until <= at:
            return []
        held, self._held = self._held, {}
        return [_interim(account, at, None, None, FOREVER) for account, until in held.items() if until > at]

    def _fact(self, control: Control, at: int) -> list[Interim]:
        """What the policy makes of a hard fact, if that does not depend on what only DECISIONS knows."""
        found = [self._outcome(control, at, tier) for tier in ("", *sorted(self._tiers))]
        first = found[0]
        if first is None or first.is_shadow or any(_does(each) != _does(first) for each in found):
            return []
        in_shadow = {subject for subject, word in self._switches.items() if word.until > at}
        if self._may_be_exempt(at) or switches.covers(in_shadow, first.rule.name):
            return []
        limits = self._policy.limits
        if first.action == "block" and not budget.spend(self._rows, at, limits.blocks_per_hour):
            return []
        interim = _interim(control.subject, at, first.action, first.limit_per_min, first.until)
        self._held[control.subject] = interim.until
        return [interim]

    def _outcome(self, control: Control, at: int, tier: str) -> Outcome | None:
        claim = Claim(verdict_of(control), at)
        return strongest_of(outcomes(AccountRow(claims=[claim], tier=tier), self._policy, 0))

    def _may_be_exempt(self, at: int) -> bool:
        """Whether somebody's organisation or network is: whose, only DECISIONS knows."""
        by_policy = any(
            is_wide(each.subject) and (each.expires_at is None or to_ms(each.expires_at) > at)
            for each in self._policy.exempt
        )
        return by_policy or any(word.until > at for word in self._wide.values())

    def _sweep(self, at: int) -> None:
        """Forget words that say nothing any more, by the slowest of the clocks that spoke of late.

        One clock that is years ahead must not end what others were promised.
        """
        self._heard, self._earliest = self._heard + 1, min(self._earliest, at)
        if self._heard < SWEEP_EVERY:
            return
        at, self._heard, self._earliest = self._earliest, 0, FOREVER
        self._accounts = {
            account_id: row
            for account_id, row in self._accounts.items()
            if any(word is not None and word.until > at for word in (row.exemption, row.pardon))
        }
        self._wide = {subject: word for subject, word in self._wide.items() if word.until > at}
        self._held = {account_id: until for account_id, until in self._held.items() if until > at}


def _interim(
    account_id: str, at: int, action: Action | None, limit_per_min: int | None, until: int
) -> Interim:
    reference = decision_id(account_id, 0, "interim", at)
    return Interim(account_id, at, action, limit_per_min, min(until, at + HOLD_MS), reference)


def _does(outcome: Outcome | None) -> tuple[Any, ...] | None:
    """What a gateway would do about it."""
    return None if outcome is None else (outcome.action, outcome.limit_per_min, outcome.is_shadow)


class _Rows(dict[str, Any]):
    """`topology.Rows` of this desk alone: when accounts were blocked in the last hour."""

    def put(self, key: str, row: Any) -> None:
        """Keep a row."""
        self[key] = row

    def delete(self, key: str) -> None:
        """Forget a row."""
        self.pop(key, None)
