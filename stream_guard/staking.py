"""How much of its evidence each cause stakes when causes are multiplied.

A cause with e-value e stakes a part s of it: 1 - s + s e is an e-value again, so that a cause that sees
nothing costs ln 1 / (1 - s) nats and not everything, and one that speaks loses ln 1 / s.  The parts are
fixed beforehand: larger where farms mostly speak.  GROUPS multiplies so within a group, CAMPAIGNS within a
union of groups.

Source.  Mixtures over subsets of e-values: Vovk and Wang, "E-values: calibration, combination and
applications" (2021), section 4.
"""

from math import exp, log

STAKES = {"ties": 0.7, "instruments": 0.7, "sign_up": 0.5, "content": 0.5}
STAKE = 0.3
"""Of any other cause."""


def staked(cause: str, log_e: float) -> float:
    """ln(1 - s + s e) from ln e, in nats.

    >>> round(staked("ties", 12.0), 1), round(staked("load", -40.0), 1)
    (11.6, -0.4)
    """
    stake = STAKES.get(cause, STAKE)
    if log_e > 0:
        return log_e + log(stake + (1 - stake) * exp(-log_e))
    return log(1 - stake + stake * exp(log_e))
