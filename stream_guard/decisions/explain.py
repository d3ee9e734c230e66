"""A decision in words: one line for a list, and the full account for a person.

Pure text from the decision; the campaign and the policy add what only they know.  The last part
says what would have changed it: which evidence it would not stand without, and what an operator
can say.

Glossary: *nats* natural logarithm of odds; a weight of 7 nats makes something some 1,000 times
likelier.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from stream_guard.decisions.policy import Policy, Rule
from stream_guard.decisions.rules import log_evidence
from stream_guard.records import REASONS, CampaignState, Decision, DecisionEvidence, Evidence

VERBS = {
    "allow": "may go on",
    "throttle": "is slowed down to {limit} requests per minute",
    "challenge": "must prove that it is in honest hands",
    "block": "is blocked",
}


def one_line(decision: Decision) -> str:
    """Who, what, why and how long, on one line.

    The account comes first, so that lines can be cut and sorted.
    """
    parts = [
        f"{decision.account_id} {_verb(decision)}: {', '.join(decision.reason_codes[:3]) or 'no reason'}"
    ]
    if decision.campaign_id:
        parts.append(f"campaign {decision.campaign_id}")
    if decision.evidence:
        parts.append(_seen(decision.evidence[0]))
    if decision.action != "allow":
        parts.append("until revoked" if decision.expires_at is None else f"until {at(decision.expires_at)}")
    if decision.shadow:
        parts.append("shadow")
    return "; ".join(parts)


def explain(decision: Decision, campaign: CampaignState | None = None, policy: Policy | None = None) -> str:
    """The full account, in paragraphs."""
    parts = [what_holds(decision), _why(decision), _evidence(decision)]
    if campaign is not None:
        parts.append(_campaign(campaign))
    parts += [_change(decision, policy), _origin(decision)]
    return "\n\n".join(filter(None, parts))


def at(seconds: float) -> str:
    """A time as people read it, UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}Z"


def _verb(decision: Decision) -> str:
    return VERBS[decision.action].format(limit=decision.limit_per_min)


def _seen(line: DecisionEvidence) -> str:
    return f"{line.name} {figure(line.value)} (honest: {figure(line.expected)})"


def figure(value: float) -> str:
    """A number with as many digits as people read."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def what_holds(decision: Decision) -> str:
    """Who may do what, since when and how long: one sentence."""
    text = f"Account {decision.account_id} {_verb(decision)}, since {at(decision.decided_at)}"
    if decision.action != "allow":
        text += ", until revoked" if decision.expires_at is None else f", until {at(decision.expires_at)}"
    text += "."
    if decision.shadow:
        text += " In shadow: recorded and counted, not enforced."
    return text


def _why(decision: Decision) -> str:
    lines = [
        f"  {code}: {REASONS.get(code, 'No longer in the list of reasons.')}"
        for code in decision.reason_codes
    ]
    return "\n".join(["Why", *lines])


def _evidence(decision: Decision) -> str:
    if not decision.evidence:
        return ""
    rows = [("what was seen", "value", "honest traffic", "weight (nats)")]
    rows += [(e.name, figure(e.value), figure(e.expected), f"{e.weight:+.1f}") for e in decision.evidence]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    ]
    return "\n".join(["Evidence", *(line.rstrip() for line in lines)])


def _campaign(campaign: CampaignState) -> str:
    return (
        f"Campaign {campaign.campaign_id} ({campaign.kind}, {campaign.status})\n"
        f"  founded {at(campaign.founded_at)}, {len(campaign.members)} members, "
        f"{campaign.harvested:,} answered exchanges"
    )


def _change(decision: Decision, policy: Policy | None) -> str:
    """What would have changed it."""
    lines = list(without_evidence(decision, policy))
    if decision.action == "allow":
        if not set(decision.reason_codes).isdisjoint(("exempt", "revoked")):
            lines.append(f"Taking the word back: stream-guard allow remove {decision.account_id}")
    else:
        lines.append(f"Saying that it is wrong: stream-guard decisions revoke {decision.account_id}")
        lines.append(f"Leaving the account alone for good: stream-guard allow add {decision.account_id}")
        if decision.expires_at is not None:
            lines.append("Time: it ends by itself if nothing renews it.")
    return "\n".join(["What would have changed it", *(f"  {line}" for line in lines)]) if lines else ""


def without_evidence(decision: Decision, policy: Policy | None) -> Sequence[str]:
    """The evidence it would not stand without, as far as decision and policy tell."""
    heaviest = sorted((e for e in decision.evidence if e.weight > 0), key=lambda e: -e.weight)
    if not heaviest or decision.action == "allow":
        return []
    lines = []
    total = sum(e.weight for e in heaviest)
    first = heaviest[0]
    lines.append(
        f"Honest figures in place of {first.name}: {figure(first.expected)} instead of "
        f"{figure(first.value)} would have left {total - first.weight:.1f} of {total:.1f} nats."
    )
    rule = _rule(decision, policy)
    if rule is not None:
        lines.append(_threshold(rule, decision, heaviest))
    return lines


def _rule(decision: Decision, policy: Policy | None) -> Rule | None:
    if policy is None or policy.version != decision.policy_version or not decision.reason_codes:
        return None
    found = [r for r in policy.rules if r.reason == decision.reason_codes[0] and r.action == decision.action]
    return found[0] if len(found) == 1 else None


def _threshold(rule: Rule, decision: Decision, heaviest: Sequence[DecisionEvidence]) -> str:
    asks = []
    if rule.when.min_score:
        asks.append(f"a score of {rule.when.min_score:g} (it was {decision.score:g})")
    if rule.when.min_log_evidence:
        together = log_evidence(tuple(Evidence(e.name, e.value, e.expected, e.weight) for e in heaviest))
        asks.append(f"{rule.when.min_log_evidence:g} nats (there were up to {together:.1f})")
    what = " and ".join(asks) or "nothing but what its conditions name"
    return f"The rule {rule.name} asks for {what}."


def _origin(decision: Decision) -> str:
    return (
        f"Decision {decision.decision_id}, caused by {decision.trigger or 'nothing known'}; "
        f"policy {decision.policy_version}, models {decision.model_version}, score {decision.score:g}."
    )
