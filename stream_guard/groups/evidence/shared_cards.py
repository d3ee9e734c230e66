"""shared_cards: card after card pays for several of the accounts, and no organisation explains it.

Idea.  Cards cost an attacker more than accounts: he puts several accounts on each.  In an honest crowd
everybody brings his own; here and there is a family, a pair of contractors, a laboratory.
Null.  The cards of a crowd's accounts without an organisation carry several of them independently, each
with probability at most `HONEST` (prior, to be replaced by simulator fit in issue 4: honest teams that share
a card mostly share their software too, so the share among all customers would be too kind a null).
Formula.  m of n cards carry two accounts or more; the e-value is the mean over p in `SHARES` of
p^m (1 - p)^(n - m) / h^m (1 - h)^(n - m), h = HONEST: a likelihood ratio, and below its value for every
smaller honest share.
Silent in groups that a card formed.  Cost: 3 us.
Fails.  An agency that runs many customers' pairs of accounts under one tool, without naming organisations.
Source.  Shared payment is in every public account of such campaigns; the bet is a plain binomial one.
"""

from math import log

from stream_guard.groups.evidence.cohort import Cohort, Reading, Test, log_mean_exp

HONEST = 0.25
SHARES = (0.5, 0.7, 0.9)
MIN_CARDS = 3


def read(cohort: Cohort) -> Reading | None:
    """Bet on the share of cards with several accounts."""
    number = len(cohort.cards)
    if number < MIN_CARDS:
        return None
    several = sum(accounts > 1 for accounts in cohort.cards)
    bets = [
        several * log(share / HONEST) + (number - several) * log((1 - share) / (1 - HONEST))
        for share in SHARES
    ]
    return Reading(log_mean_exp(bets), several / number, HONEST)


TEST = Test("shared_cards", "ties", "links", cap=4.0, read=read)
