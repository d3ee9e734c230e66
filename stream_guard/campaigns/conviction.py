"""From suspected groups to a campaign: who is convicted together, and of what kind it is.

A farm shows itself as many overlapping candidates, an honest crowd as a few.  So a suspected group is judged
together with those that share accounts with it: per cause, the e-values of the groups in which the cause may
speak are averaged, each weighed by its units, and causes multiply as in GROUPS.  Neither the weights nor the
silence depend on what was seen, so the average is an e-value again; and what the forming cause silences in
one group is heard in another.  The union convicts if it reaches the highest line of its groups, with enough
causes from enough families; so may a group alone.

The *core* are the 4 to 256 accounts whose own conduct fits best; membership odds do the rest (`odds.py`).

Kinds: prompts alike or of the sort that a student is trained on, or a balanced load: distillation; networks
that do not fit the bills: region evasion; many clients behind each account: resale.
"""

from dataclasses import dataclass
from math import exp, log

from stream_guard.campaigns.rows import FITS, AccountRow, SuspectRow
from stream_guard.records import Evidence
from stream_guard.settings import CampaignsSettings
from stream_guard.staking import staked

VOTE = log(10)
MOST = 50.0  # nats that are believed of one cause, for and against: the exponential of more is no number
MIN_CORE, MAX_CORE = 4, 256
FEW_UNITS = 16  # unrelated customers, below which one more cause is asked for
ONE_CROWD = frozenset({"content", "sign_up"})  # what classes, hackathons and one tool's users show: one cause
# What firms, campuses and classes in step show besides: places, tools, machines, an even load.
CROWDED = ONE_CROWD | {"ties", "load"}
FEW = 4  # overlapping suspected groups that an honest crowd may well show,
MOST_RELIEF = 2.0  # and nats by which more of them lower the line at most
OVERLAP = 3  # accounts that two groups must share to be judged together
MAX_UNION = 64
MAX_EVIDENCE = 6


@dataclass(frozen=True, slots=True)
class Case:
    """What a union of groups says."""

    log_e: float
    causes: frozenset[str]
    families: frozenset[str]
    units: int = 0  # unrelated customers in the largest group

    def convicts(self, line: float, settings: CampaignsSettings) -> bool:
        """Whether it reaches the line with enough causes and families; few customers need one more cause."""
        enough = settings.min_causes + (self.units < FEW_UNITS)
        votes = len(self.causes - ONE_CROWD) + bool(self.causes & ONE_CROWD)
        is_more = bool(self.causes - CROWDED)
        return (
            self.log_e >= line and is_more and votes >= enough and len(self.families) >= settings.min_families
        )


def case_of(groups: list[SuspectRow]) -> Case:
    """Merge the evidence of ``groups``."""
    said = [(cause, log_e, group.units) for group in groups for cause, log_e in group.causes]
    families: dict[str, set[str]] = {}
    for evidence in (evidence for group in groups for evidence in group.evidence):
        families.setdefault(evidence.cause, set()).add(evidence.family)
    logs: dict[str, float] = {}
    for cause in sorted({cause for cause, _, _ in said}):
        heard = [(max(-MOST, min(log_e, MOST)), units) for name, log_e, units in said if name == cause]
        logs[cause] = log(
            sum(exp(log_e) * units for log_e, units in heard) / sum(units for _, units in heard)
        )
    causes = frozenset(cause for cause, log_e in logs.items() if log_e >= VOTE)
    total = sum(staked(cause, log_e) for cause, log_e in sorted(logs.items()))
    spoken = frozenset(name for cause in causes for name in families.get(cause, ()))
    return Case(total, causes, spoken, max((group.units for group in groups), default=0))


def is_convicted(group: SuspectRow, union: list[SuspectRow], settings: CampaignsSettings) -> bool:
    """Whether the group alone or the whole union is convicted."""
    alone = case_of([group])
    own = Case(group.log_e, alone.causes, alone.families, alone.units)
    if own.convicts(group.line, settings):
        return True
    if len(union) < 2:
        return False
    relief = min(MOST_RELIEF, max(0.0, log(len(union) / FEW) / 2))
    return case_of(union).convicts(max(one.line for one in union) - relief, settings)


def suspects_of(accounts: list[AccountRow], union: set[str]) -> list[AccountRow]:
    """Who of a convicted union is taken to belong until the odds say otherwise; none if they are too few.

    Whoever stands in several of its groups, or whose conduct fits.
    """
    suspects = [
        account
        for account in accounts
        if not account.is_cleared
        and (len(account.fits.keys() & union) > 1 or max(account.fits.values(), default=0.0) >= FITS)
    ]
    return suspects if len(suspects) >= MIN_CORE else []


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
