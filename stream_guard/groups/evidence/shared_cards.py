"""shared_cards: card after card pays for accounts in several places, and no organisation explains it.

Idea.  Cards cost an attacker more than accounts: he puts several accounts on each.  In an honest crowd
everybody brings his own; here and there is a family, a pair of contractors, a laboratory.
Null.  The cards of a crowd's accounts without an organisation carry several places (`units.place_of`: a
family at one address is one) independently, each with probability at most `HONEST` (prior, to be replaced by
simulator fit in issue 4: honest teams that share a card mostly share their software too, so the share among
all customers would be too kind a null).
Reference.  None: `HONEST` is what is granted.
Formula.  m of n cards carry two places or more; the e-value is the mean over p in `SHARES` of
p^m (1 - p)^(n - m) / h^m (1 - h)^(n - m), h = HONEST: a likelihood ratio, and below its value for every
smaller honest share.  Its cause is that of `instruments`: both speak of one hand that
deals, and are averaged.
In a group that a card formed, that card is one of several at most.  Cost: 3 us.
Fails.  An agency that runs many customers' pairs of accounts under one tool, without naming organisations;
accounts on one card from one exit, or one card for each account, pass.
Source.  Shared payment is in every public account of such campaigns; the bet is a plain binomial one.
"""

from math import log

from stream_guard.groups.evidence.cohort import Cohort, Reading, Test, log_mean_exp

HONEST = 0.25
SHARES = (0.5, 0.7, 0.9)
MIN_CARDS = 3


def read(cohort: Cohort) -> Reading | None:
    """Bet on the share of cards with several places."""
    number = len(cohort.cards)
    if number < MIN_CARDS:
        return None
    several = sum(places > 1 for places in cohort.cards)
    bets = [
        several * log(share / HONEST) + (number - several) * log((1 - share) / (1 - HONEST))
        for share in SHARES
    ]
    return Reading(log_mean_exp(bets), several / number, HONEST)


TEST = Test("shared_cards", "instruments", "who", cap=4.0, read=read)
