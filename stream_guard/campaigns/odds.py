"""Membership odds: does this account belong to that campaign?

A convicted campaign says what to look for; whether an account is one of its own is weighed for each account
alone.  For each suspected group of the campaign in which the account stands,

    log(p / q),   p = share of the campaign's accounts that show the indicator (this account left out),
                  q = share of all accounts that are honest and show it,

at most `MOST_VOTE` nats.  Values that include each other share one vote (`records.INDICATOR_DIMENSIONS`):
client, request shape, tools, system prompt and template are all "what software runs here", and a popular tool
explains them all at once; card and key are "who pays".  So an honest user of a common tool on a
proxy that the campaign uses too has two votes that say little, and one whose conduct is his own has nothing
that convicts.

An account is sentenced if at least `MIN_VOTES` causes speak, its own conduct fits (the more causes speak,
the less it must: `LEAST_FITS`), and votes, fit and what labels and chargebacks add reach the line
ln(100,000 n / N B): a likelihood ratio above e^L happens to an honest account with probability at most
e^-L; n accounts stand around the campaign and do not belong to it, of N that there are, and each campaign
is granted what the operator grants for one day, B false blocks per 100,000 accounts.  Where no vote is of
`OWN` all are soft, for honest customers share relays, mail providers and default settings as well: what put
them around the campaign is all that is known of them, so n is N for them, and more is asked (`SOFT_NATS`,
`SOFT_FITS`).  Where a group is nearly all the campaign's and its indicator not `PUBLIC`, one vote is enough,
and the line is as low as for others (`AMONG`).  Several different prompts in common make the vote of the
software louder (`prompts.py`), and with `PROMPT_VOTES` conduct that fits less is enough.

What the campaign's accounts deal out among themselves in small pieces (cards, keys, devices, addresses)
speaks as well where no piece's group is large or loud enough to be suspected (`traits.py`): a vote of its
dimension.

Without conduct (a newcomer of a few requests) an account can still be sentenced as a *successor*: two votes
one of which is who pays, or three one of which is of `OWN`; the campaign lends it `CREDIT` nats that halve
every `CREDIT_HALF_LIFE_MS` after its last sign of life.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, inf, log

from stream_guard.campaigns import prompts
from stream_guard.campaigns.ledger import Ledger
from stream_guard.campaigns.rows import CONDUCT_REQUESTS, AccountRow, CampaignRow, SuspectRow
from stream_guard.campaigns.traits import OWN, dealt_share, dimension_of, missing
from stream_guard.clock import DAY_MS
from stream_guard.records import INDICATOR_KINDS, Evidence, kind_of

REASON_OF_CAUSE: dict[str, str] = {
    "card": "shared_payment",
    "network": "shared_network",
    "client": "shared_client",
    "template": "shared_template",
    "prompts": "shared_prompts",
    "sign_up": "shared_sign_up",
    "other": "shared_other",
}
MIN_VOTES = 2
MIN_VOTE = 1.0  # nats
MOST_VOTE = 6.0
SOFT_NATS = 1.0  # nats above the line without relief that are needed where no vote is of `OWN`
PUBLIC = frozenset({"network", "sign_up"})  # where strangers turn up however many of the campaign are there
MIN_AMONG = 16  # accounts of the campaign that a group holds at least, for its make-up to tell
LEAST_AMONG = log(20)  # nats of its make-up: twenty of the campaign's for each honest one,
LEFT = 0.2  # of the campaign's accounts, others that show the indicator of a group that is nearly all its own
SECOND = 2.0  # nats of votes beside the loudest for the line to be as low as for others where all are soft
AMONG = 5.0  # nats of its make-up and the account's fit together, from which one vote is enough
LEAST_FITS = (0.5, 0.0, -1.0, -3.0)  # fit that is needed with so many votes,
SOFT_FITS = (3.0, 1.5, 0.5, 0.0)  # and where none of them is of `OWN`
SLACK = 4.0  # nats by which a standing sentence may fall before it is withdrawn
CREDIT = 2.0
CREDIT_HALF_LIFE_MS = 7 * DAY_MS
CHARGEBACK = 2.0
SUCCESSOR_VOTES = 3
PROMPT_VOTES = 3  # votes from which several different prompts stand for conduct that fits
MOST_RELIEF = 4.0
_Vote = tuple[float, str, float, float]  # nats, cause, p, q: the louder one counts


@dataclass(frozen=True, slots=True)
class Odds:
    """What speaks for membership of one account in one campaign, in nats."""

    campaign_id: str
    votes: dict[str, float]
    fit: float
    has_conduct: bool
    credit: float
    evidence: tuple[Evidence, ...]
    relief: float = 0.0  # nats by which the line is lower, since few accounts stand around the campaign
    lacks: float = 0.0  # nats against it: most of the campaign share cards or devices, and it does not
    among: float = 0.0  # nats that it is the campaign's, by what its groups are made up of
    prompts: float = 0.0  # nats of the votes that several different prompts of the campaign bring
    left: float = inf  # of the campaign's accounts in one of these groups, how many are not sentenced there
    accounts: float = 1.0  # all that there are,
    around: int = 0  # and honest ones that stand around the campaign

    def is_among_own(self, slack: float = 0.0) -> bool:
        """Whether it stands among accounts that are nearly all the campaign's, and works as they do."""
        own = sum(vote for name, vote in self.votes.items() if name in OWN) / 2 + self.lacks
        is_own = self.among >= LEAST_AMONG - slack / 2 and self.among + own + self.fit >= AMONG - slack
        return is_own and self.has_conduct and self.fit >= LEAST_FITS[0] * (1 - slack / SLACK)

    @property
    def granted(self) -> float:
        """The relief that counts: none where tools and relays are all that speaks, and put it there."""
        is_close = self._is_alone() or self._beside >= SECOND
        return self.relief if not self._is_soft or (is_close and self.is_among_own()) else 0.0

    @property
    def total(self) -> float:
        """All together, before what labels add."""
        return sum(self.votes.values()) + self.fit + self.credit + self.lacks

    def doubt(self, bonus: float, members: int) -> float:
        """Probability that the account is honest all the same, given that the campaign is one.

        Of all honest accounts that the line counts with, e^-total each would show such odds; against them
        stand its members.  At the line that is what the operator grants for one day, over the members.
        """
        counted = max(self.accounts * exp(-self.granted), self.around, 1.0)
        honest = counted * exp(-self.total - bonus)
        return honest / (honest + max(members, 1))

    def suffices(self, line: float, bonus: float, *, stands: bool) -> bool:
        """Whether the account is to be sentenced; a sentence that stands needs a little less.

        ``line``: `budget_line`, of which the relief that is `granted` is taken.
        """
        slack = SLACK if stands else 0.0
        above = self.total + bonus + slack - line + self.granted
        is_among_own, votes = self.is_among_own(slack), len(self.votes)
        if not votes or above < 0:
            return False
        if votes < MIN_VOTES:
            is_held = is_among_own and (not self._is_soft or self._is_alone(slack))
            return is_held and above >= self.prompts  # which who runs public questions shows as well
        if is_among_own:
            return True
        if self._is_soft and above < SOFT_NATS:
            return False
        if not self.has_conduct:
            return (votes >= SUCCESSOR_VOTES and not self._is_soft) or "payment" in self.votes
        is_looser = not self._is_soft or (self.prompts > 0 and votes >= PROMPT_VOTES)
        fits = LEAST_FITS if is_looser else SOFT_FITS
        return self.fit >= fits[min(votes, len(fits)) - 1] - slack / 2

    @property
    def _is_soft(self) -> bool:
        """Whether no vote is of what nobody shares with strangers by accident."""
        return not self.votes.keys() & OWN

    def _is_alone(self, slack: float = 0.0) -> bool:
        """Whether hardly anybody is left in one of these groups who is not sentenced."""
        return self.left <= LEFT * (1 + slack / SLACK)

    @property
    def _beside(self) -> float:
        """Nats of all votes but the loudest."""
        return sum(self.votes.values()) - max(self.votes.values(), default=0.0)


def budget_line(false_blocks: float) -> float:
    """The line that membership odds must reach.

    >>> round(budget_line(1.0), 1)
    11.5
    """
    return log(100_000 / false_blocks)


def weigh(
    ledger: Ledger,
    account: AccountRow,
    campaign: CampaignRow,
    groups: list[SuspectRow],
    honest: Mapping[str, float],
    now: int,
) -> Odds:
    """Odds of ``account`` in ``campaign``.

    ``groups``: the campaign's suspected groups in which it stands; ``honest``: each one's `honest_count`.
    """
    best = _loudest(ledger, account, campaign, groups, honest)
    several = _several(campaign, account) if "software" in best else None
    has_conduct = account.requests >= CONDUCT_REQUESTS
    fit = _fit(account, groups) if has_conduct else 0.0
    evidence = [_evidence(best[name]) for name in sorted(best)]
    if fit:
        evidence.append(Evidence("conduct_fit", fit, 0.0, fit, "own", "what", campaign.is_cold))
    votes = {name: vote[0] for name, vote in sorted(best.items())}
    if several is not None:
        evidence.append(_evidence(several))
        votes["software"] += several[0]
    among, left = _make_up(groups, honest, is_inside=account.campaign == campaign.campaign_id)
    accounts = max((group.size / group.share for group in groups if group.share > 0), default=1.0)
    return Odds(
        campaign_id=campaign.campaign_id,
        votes=votes,
        fit=fit,
        has_conduct=has_conduct,
        credit=_credit(account, campaign, now, has_conduct=has_conduct),
        evidence=tuple(evidence),
        relief=_relief(campaign, accounts),
        lacks=sum(missing(campaign, dimension) for dimension in sorted(OWN - votes.keys())),
        among=among,
        prompts=several[0] if several else 0.0,
        left=left,
        accounts=accounts,
        around=campaign.around,
    )


def _loudest(
    ledger: Ledger,
    account: AccountRow,
    campaign: CampaignRow,
    groups: list[SuspectRow],
    honest: Mapping[str, float],
) -> dict[str, _Vote]:
    """The loudest vote of each dimension: of groups, or of what the campaign deals out."""
    is_inside = account.campaign == campaign.campaign_id
    best: dict[str, _Vote] = {}
    for group in groups:
        name = dimension_of(group.indicator)
        vote = _vote(group, campaign, honest[group.indicator], is_inside=is_inside)
        if vote is not None and (name not in best or vote > best[name]):
            best[name] = vote
    _add_dealt(best, ledger, account, campaign)
    return best


def _credit(account: AccountRow, campaign: CampaignRow, now: int, *, has_conduct: bool) -> float:
    """What the campaign lends a newcomer, and what a chargeback adds."""
    age = max(0, now - campaign.changed_at)
    credit = 0.0 if has_conduct else CREDIT * 0.5 ** (age / CREDIT_HALF_LIFE_MS)
    return credit + CHARGEBACK * account.is_charged_back


def _make_up(
    groups: list[SuspectRow], honest: Mapping[str, float], *, is_inside: bool
) -> tuple[float, float]:
    """`Odds.among` and `Odds.left` of the groups that can tell; -> 0 and infinity if none can."""
    least = MIN_AMONG / 2 if is_inside else MIN_AMONG  # who belongs is not let go for one who has left
    telling = [
        group
        for group in groups
        if group.inside - is_inside >= least and dimension_of(group.indicator) not in PUBLIC
    ]
    among = max((log((group.inside - is_inside) / honest[group.indicator]) for group in telling), default=0.0)
    return among, min((group.size / group.inside - 1 for group in telling), default=inf)


def _fit(account: AccountRow, groups: list[SuspectRow]) -> float:
    """Its fit, averaged over the groups, each weighed by how much of it is the campaign's."""
    weighed = [
        (account.fits.get(group.indicator, 0.0), (group.inside + 0.5) / (group.size + 1)) for group in groups
    ]
    total = sum(weight for _, weight in weighed)
    return sum(fit * weight for fit, weight in weighed) / total if total > 0 else 0.0


def _relief(campaign: CampaignRow, accounts: float) -> float:
    """How much lower the line is: ln of all accounts over those around the campaign, to a bound."""
    if campaign.around <= 0 or accounts <= campaign.around:
        return 0.0
    return min(MOST_RELIEF, log(accounts / campaign.around))


def _add_dealt(best: dict[str, "_Vote"], ledger: Ledger, account: AccountRow, campaign: CampaignRow) -> None:
    """Votes of the small values that the campaign's accounts deal out, where they are louder than groups."""
    loud: dict[str, tuple[float, float, float]] = {}
    for dimension, (p, q) in campaign.traits.items():
        weight = min(MOST_VOTE, log(p / q))
        if weight >= MIN_VOTE and (dimension not in best or weight > best[dimension][0]):
            loud[dimension] = weight, p, q
    is_inside = account.campaign == campaign.campaign_id
    for name in account.indicators:
        if not loud:
            return
        dimension = dimension_of(name)
        if dimension in loud and dealt_share(ledger, name, campaign, is_inside=is_inside) is not None:
            weight, p, q = loud.pop(dimension)
            best[dimension] = weight, _cause_of(name), p, q


def _several(campaign: CampaignRow, account: AccountRow) -> _Vote | None:
    """What several different prompts of the campaign say; None where the account shows fewer."""
    p, q = campaign.several
    weight = min(MOST_VOTE, log(p / q)) if p > 0 else 0.0
    is_loud = weight >= MIN_VOTE and prompts.are_several(campaign, account)
    return (weight, "prompts", p, q) if is_loud else None


def _vote(group: SuspectRow, campaign: CampaignRow, honest: float, *, is_inside: bool) -> _Vote | None:
    """What one shared indicator says; None where no two others of the campaign show it."""
    others_inside = group.inside - is_inside
    if others_inside < 2 or group.share <= 0:
        return None
    accounts = max(group.size / group.share, 1.0)
    p = min(1.0, (others_inside + 0.5) / max(campaign.count - is_inside + 1, 1))
    q = min(1.0, honest / accounts)
    weight = min(MOST_VOTE, log(p / q))
    return None if weight < MIN_VOTE else (weight, _cause_of(group.indicator), p, q)


def _cause_of(indicator: str) -> str:
    return INDICATOR_KINDS.get(kind_of(indicator), "other")


def _evidence(vote: _Vote) -> Evidence:
    weight, cause, p, q = vote
    return Evidence(REASON_OF_CAUSE[cause], p, q, weight, cause, "who")
