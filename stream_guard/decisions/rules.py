"""Which rule speaks for a verdict: the first whose conditions all hold.

Hysteresis: the rule that spoke for the same claim last keeps speaking until the verdict has fallen
``margin_ratio`` below the rule's thresholds, so that a score on the line does not flap.
"""

from stream_guard.decisions.policy import Policy, Rule, When
from stream_guard.decisions.rows import Claim
from stream_guard.records import Evidence, Verdict


def rule_for(policy: Policy, claim: Claim, tier: str) -> Rule | None:
    """The rule that speaks for ``claim``; None: nobody does."""
    for rule in policy.rules:
        slack = policy.hysteresis.margin_ratio if rule.name == claim.rule else 0.0
        if matches(rule.when, claim.verdict, tier, slack):
            return rule
    return None


def matches(when: When, verdict: Verdict, tier: str, slack: float = 0.0) -> bool:
    """Whether all conditions hold; thresholds are lowered by the share ``slack``."""
    return _names_match(when, verdict, tier) and _thresholds_match(when, verdict, 1.0 - slack)


def is_cold(verdict: Verdict) -> bool:
    """Whether it rests on shipped priors alone."""
    evidence = verdict.evidence
    return verdict.is_cold or (bool(evidence) and all(line.is_cold for line in evidence))


def log_evidence(evidence: tuple[Evidence, ...]) -> float:
    """What the evidence says together, in nats: of each cause the strongest line, causes added.

    >>> log_evidence((Evidence("a", 1, 0, 3.0, "card"), Evidence("b", 1, 0, 2.0, "card")))
    3.0
    """
    return sum(_by_cause(evidence).values())


def _by_cause(evidence: tuple[Evidence, ...]) -> dict[str, float]:
    causes: dict[str, float] = {}
    for line in evidence:
        cause = line.cause or line.name
        causes[cause] = max(causes.get(cause, 0.0), line.weight)
    return {cause: weight for cause, weight in causes.items() if weight > 0}


def _names_match(when: When, verdict: Verdict, tier: str) -> bool:
    tier = verdict.tier or tier
    return (
        (when.source is None or verdict.source == when.source)
        and (not when.kinds or verdict.kind in when.kinds)
        and (not when.campaign_kinds or _is_of_campaign_kind(verdict, when.campaign_kinds))
        and (not when.reasons or not set(when.reasons).isdisjoint(verdict.reasons))
        and (not when.tiers or tier in when.tiers)
        and tier not in when.not_tiers
        and (when.cold is None or is_cold(verdict) == when.cold)
    )


def _is_of_campaign_kind(verdict: Verdict, kinds: tuple[str, ...]) -> bool:
    """A campaign's verdict names the campaign's kind among its reasons."""
    return verdict.source == "campaign" and not set(kinds).isdisjoint((verdict.kind, *verdict.reasons))


def _thresholds_match(when: When, verdict: Verdict, factor: float) -> bool:
    if verdict.score < when.min_score * factor:
        return False
    if not when.min_log_evidence and not when.min_causes:
        return True
    causes = _by_cause(verdict.evidence)
    return sum(causes.values()) >= when.min_log_evidence * factor and len(causes) >= when.min_causes
