"""What all that stands against an account comes to: the strongest holds.

Pure: claims and policy in, `Outcome` out.  An outcome that is enforced is stronger than one in
shadow; then the ladder counts, then the tighter limit, then the longer term.  So the order in which
sources spoke does not matter.
"""

from collections.abc import Iterable
from typing import NamedTuple

from stream_guard.decisions.durations import FOREVER, up_to_minute
from stream_guard.decisions.policy import Policy, Rule
from stream_guard.decisions.rows import MAX_REASONS, AccountRow, Claim, strongest
from stream_guard.decisions.rules import is_cold, rule_for
from stream_guard.records import LADDER, Action, Evidence

RANK: dict[str, int] = {action: rank for rank, action in enumerate(LADDER)}


class Outcome(NamedTuple):
    """What one claim comes to under the policy."""

    action: Action
    limit_per_min: int | None
    is_shadow: bool
    until: int  # ms, on a whole minute
    rule: Rule
    claim: Claim
    notes: tuple[str, ...] = ()  # reason codes of what bent the rule

    @property
    def strength(self) -> tuple[bool, int, int, int, float, str]:
        """Orders outcomes: the highest holds."""
        tightness = -(self.limit_per_min or 0)
        score, source = self.claim.verdict.score, self.claim.verdict.source
        return not self.is_shadow, RANK[self.action], tightness, self.until, score, source


def outcomes(row: AccountRow, policy: Policy, returns: int) -> list[Outcome]:
    """What each claim comes to, informative ones (allow) included, in the claims' order.

    Claims that no rule speaks for are left out.  Notes on each claim which rule spoke.
    """
    found: list[Outcome] = []
    for claim in row.claims:
        rule = rule_for(policy, claim, row.tier)
        claim.rule = rule.name if rule else ""
        if rule is not None:
            found.append(_apply(rule, claim, policy, returns))
    return found


def strongest_of(found: Iterable[Outcome]) -> Outcome | None:
    """The outcome that holds; None: nothing is to be done."""
    return max((each for each in found if each.action != "allow"), key=lambda o: o.strength, default=None)


def reasons_of(chosen: Outcome, found: Iterable[Outcome]) -> tuple[str, ...]:
    """Reason codes, strongest first: the rule's, what bent it, then what each verdict gave."""
    others = sorted((o for o in found if o is not chosen), key=lambda o: o.strength, reverse=True)
    codes = [chosen.rule.reason, *chosen.claim.verdict.reasons, *chosen.notes]
    for other in others:
        codes += other.claim.verdict.reasons
    return tuple(dict.fromkeys(codes))[:MAX_REASONS]


def evidence_of(found: Iterable[Outcome]) -> tuple[Evidence, ...]:
    """All that was seen, the heaviest first."""
    return strongest(tuple(line for each in found for line in each.claim.verdict.evidence))


def _apply(rule: Rule, claim: Claim, policy: Policy, returns: int) -> Outcome:
    action, notes = _raised(rule.action, policy, returns)
    action, more = _capped(action, claim, policy)
    limit = rule.limit_per_min or policy.limits.throttle_per_min if action == "throttle" else None
    return Outcome(
        action=action,
        limit_per_min=limit,
        is_shadow=rule.shadow or policy.mode == "shadow",
        until=_until(rule, claim, policy, returns),
        rule=rule,
        claim=claim,
        notes=notes + more,
    )


def _raised(action: Action, policy: Policy, returns: int) -> tuple[Action, tuple[str, ...]]:
    """Who comes back often enough is met one step further up."""
    if not returns or action == "allow":
        return action, ()
    if returns >= policy.escalation.raise_after:
        action = LADDER[min(RANK[action] + 1, len(LADDER) - 1)]
    return action, ("returned",)


def _capped(action: Action, claim: Claim, policy: Policy) -> tuple[Action, tuple[str, ...]]:
    """Cold evidence, and an account alone, earn only so much."""
    notes: tuple[str, ...] = ()
    if is_cold(claim.verdict):
        action, notes = min(action, policy.limits.cold_at_most, key=RANK.__getitem__), ("cold_start",)
    if claim.verdict.source == "account":
        action = min(action, policy.limits.alone_at_most, key=RANK.__getitem__)
    return action, notes


def _until(rule: Rule, claim: Claim, policy: Policy, returns: int) -> int:
    duration = rule.duration_ms
    if duration >= FOREVER:
        return FOREVER
    escalation = policy.escalation
    longest = max(duration, escalation.max_duration_ms)
    if returns:
        duration = min(int(duration * escalation.factor ** min(returns, 64)), longest)
    return up_to_minute(claim.said_at + duration)
