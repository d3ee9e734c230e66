"""sign_up_burst: the accounts were opened together, at a time when honest customers did not come in numbers.

Idea.  Accounts are bought or made by the batch.
Null.  Sign-up times are independent draws from those of honest accounts.
Reference.  Counts of honest sign-ups per six hours (`reference.SignUpsRow`), so a launch day is no burst.
Formula.  Witness by witness in the order of names: p = (1 + share of those before that signed up in the
same six hours) mixed half and half with q, the honest share of these six hours (with 50 pseudo-accounts, of
which each slot holds 5 %); the e-value is prod p / q, a likelihood ratio with a predictable alternative.
Cost: 2 us for 30 witnesses.
Fails.  A class, a hackathon and an office sign up together too, hence the low cap; accounts aged for weeks
pass, and cost the attacker weeks.
Source.  Synchronised sign-ups in SynchroTrap (Cao et al. 2014); predictable plug-in bets: Ramdas et al. 2023.
"""

from math import log

from stream_guard.groups.evidence.cohort import MIN_WITNESSES, Cohort, Reading, Test
from stream_guard.groups.reference import SLOT_MS

PSEUDO_ACCOUNTS = 50
PSEUDO_SHARE = 0.05


def read(cohort: Cohort) -> Reading | None:
    """Bet on each sign-up by those before it."""
    conducts = (w.profile.conduct for w in cohort.witnesses)
    slots = [conduct.created_at // SLOT_MS for conduct in conducts if conduct and conduct.created_at > 0]
    if len(slots) < MIN_WITNESSES:
        return None
    honest = cohort.reference.sign_ups()
    before: dict[int, int] = {}
    log_e = 0.0
    for place, slot in enumerate(slots):
        usual = (honest.slots.get(slot, 0) + PSEUDO_ACCOUNTS * PSEUDO_SHARE) / (
            honest.total + PSEUDO_ACCOUNTS
        )
        if place:
            log_e += log((1 + before.get(slot, 0) / place / usual) / 2)
        before[slot] = before.get(slot, 0) + 1
    slot = max(sorted(before), key=lambda slot: before[slot])
    usual = (honest.slots.get(slot, 0) + PSEUDO_ACCOUNTS * PSEUDO_SHARE) / (honest.total + PSEUDO_ACCOUNTS)
    return Reading(log_e, before[slot] / len(slots), usual, honest.total < PSEUDO_ACCOUNTS)


TEST = Test("sign_up_burst", "sign_up", "who", cap=5.0, read=read)
