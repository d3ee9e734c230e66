"""From suspected groups to a campaign: who is convicted together, and of what kind it is.

A farm shows itself as many overlapping candidates, an honest crowd as a few.  So a suspected group is judged
together with those that share accounts with it: per cause, the e-values of the K groups of the union are
averaged (a group in which the cause is silent or says nothing counts 1), and causes multiply as in GROUPS.
Averaging keeps it an e-value whichever groups speak, and what a forming cause silences in one group can be
heard in another.  The union convicts if it reaches the highest line of its groups, with enough causes from
enough families; so may a group alone.

The *core* are the 4 to 25 accounts whose own conduct fits best; membership odds do the rest (`odds.py`).

Kinds: prompts alike or of the sort that a student is trained on, or a balanced load: distillation; networks
that do not fit the bills: region evasion; many clients behind each account: resale.
"""

from dataclasses import dataclass
from math import exp, log, log1p

from stream_guard.campaigns.rows import FITS, AccountRow, SuspectRow
from stream_guard.records import Evidence
from stream_guard.settings import CampaignsSettings

VOTE = log(10)
TESTS_OF_CAUSE = {"content": 2, "rhythm": 3, "network": 2}
"""How many tests GROUPS averages per cause; the ones with nothing to say are not in a finding."""
MIN_CORE, MAX_CORE = 4, 25
OVERLAP = 3  # accounts that two groups must share to be judged together
MAX_UNION = 64
MAX_EVIDENCE = 6


@dataclass(frozen=True, slots=True)
class Case:
    """What a union of groups says."""

    log_e: float
    causes: frozenset[str]
    families: frozenset[str]

    def convicts(self, line: float, settings: CampaignsSettings) -> bool:
        """Whether it reaches the line with enough causes from enough families."""
        return (
            self.log_e >= line
            and len(self.causes) >= settings.min_causes
            and len(self.families) >= settings.min_families
        )


def case_of(groups: list[SuspectRow]) -> Case:
    """Merge the evidence of ``groups``."""
    by_cause: dict[str, float] = {}
    families: dict[str, set[str]] = {}
    for group in groups:
        for cause, e_value in _causes(group.evidence).items():
            by_cause[cause] = by_cause.get(cause, 0.0) + e_value - 1
    for group in groups:
        for said in group.evidence:
            families.setdefault(said.cause, set()).add(said.family)
    logs = {cause: log1p(max(excess / len(groups), -0.99)) for cause, excess in by_cause.items()}
    causes = frozenset(cause for cause, log_e in logs.items() if log_e >= VOTE)
    total = sum(log1p(exp(log_e)) - log(2) for _, log_e in sorted(logs.items()))
    return Case(total, causes, frozenset(name for cause in causes for name in families[cause]))


def _causes(evidence: tuple[Evidence, ...]) -> dict[str, float]:
    """At least the e-value of each cause of one group: what is not said counts nothing."""
    e_values: dict[str, float] = {}
    for said in evidence:
        share = exp(min(said.weight, 50.0)) / TESTS_OF_CAUSE.get(said.cause, 1)
        e_values[said.cause] = e_values.get(said.cause, 0.0) + share
    return e_values


def is_convicted(group: SuspectRow, union: list[SuspectRow], settings: CampaignsSettings) -> bool:
    """Whether the group alone or the whole union is convicted."""
    alone = case_of([group])
    own = Case(group.log_e, alone.causes, alone.families)
    if own.convicts(group.line, settings):
        return True
    return len(union) > 1 and case_of(union).convicts(max(one.line for one in union), settings)


def core_of(accounts: list[AccountRow]) -> list[AccountRow]:
    """The accounts whose conduct fits best; none if they are fewer than `MIN_CORE`."""
    ranked = [
        (sum(account.fits.values()) / len(account.fits), len(account.fits), account)
        for account in accounts
        if account.fits and not account.is_cleared
    ]
    ranked = [one for one in ranked if one[0] >= FITS]
    ranked.sort(key=lambda one: (-one[1], -one[0], one[2].account_id))
    return [account for _, _, account in ranked[:MAX_CORE]] if len(ranked) >= MIN_CORE else []


def kind_of_campaign(evidence: tuple[Evidence, ...]) -> str:
    """What the campaign is after, by the causes that speak loudest."""
    loud = {said.cause for said in evidence if said.weight >= VOTE}
    labelled = any(said.name == "prompt_labels" and said.weight >= VOTE for said in evidence)
    if labelled or ("content" in loud and loud & {"load", "rhythm"}):
        return "distillation"
    if "geography" in loud:
        return "region_evasion"
    if "client" in loud:
        return "resale"
    return "distillation" if {"load", "rhythm"} <= loud else "unknown"
