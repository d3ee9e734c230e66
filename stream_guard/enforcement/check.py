"""What the request path is told about one request, and how it says so to the client.

A *check* is the answer to "may this account's request pass, now?".  It is small, it is cheap, and it
carries nothing that the detector knows: no score, no reason, no campaign.  The client sees a
reference id, by which support finds the decision (``stream-guard decisions show``).

Glossary: *exempt* the gateway's own list says not to ask; *shadow* a decision that is recorded and
counted, not enforced; *fail open / fail closed* what is answered when nobody could be asked.
"""

from typing import Final, Literal

import msgspec

Action = Literal["allow", "throttle", "challenge", "block"]
Source = Literal["local", "redis", "fail_open", "fail_closed", "exempt"]

OK: Final = 200
FORBIDDEN: Final = 403
TOO_MANY: Final = 429
UNAVAILABLE: Final = 503


class Check(msgspec.Struct, frozen=True, gc=False):
    """One answer.

    ``allowed`` is all that a gateway must obey; ``status`` is 200 then, else 403 (block), 429
    (throttle, challenge) or 503 (fail closed).  A decision in shadow has ``allowed`` True and its
    ``action`` set.  Durations are seconds from now; None: there is none, or until revoked.
    """

    action: Action = "allow"
    allowed: bool = True
    status: int = OK
    retry_after_s: float | None = None  # when it is worth trying again
    limit_per_min: int | None = None  # throttle: requests in any 60 s
    remaining: int | None = None  # throttle: requests that would pass at once, now
    reset_s: float | None = None  # throttle: when `remaining` is full again; else: when the decision ends
    reference: str = ""  # decision id; empty: no decision
    shadow: bool = False
    source: Source = "local"


PASSED: Final = Check()
EXEMPT: Final = Check(source="exempt")
FAILED_OPEN: Final = Check(source="fail_open")
FAILED_CLOSED: Final = Check(allowed=False, status=UNAVAILABLE, retry_after_s=1.0, source="fail_closed")
