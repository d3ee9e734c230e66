"""The closed sets that metric labels come from; whatever is in none of them is counted as "other".

So the number of time series is known beforehand, whatever the traffic holds.  Never an account, a
campaign's id, a model or anything else that a client chooses.
"""

from collections.abc import Iterable, Mapping
from typing import Final, get_args

from stream_guard import __version__
from stream_guard.records import LADDER, REASON_CODES, Control
from stream_guard.wire.invalid import REASONS as DEAD_LETTER_REASONS
from stream_guard.wire.mend import CLIENTS_OWN, DAMAGE, SERVERS_OWN

OTHER: Final = "other"
Labels = Mapping[str, tuple[str, ...]]


def _closed(values: Iterable[str]) -> tuple[str, ...]:
    return (*dict.fromkeys(values), OTHER)


STAGES = _closed(("accounts", "control", "groups", "campaigns", "decisions"))

# What stages count besides what every lane counts (`Out.count`); a test compares this with the code.
COUNTS = _closed(
    (
        "repeated",
        "account_days",
        "indicators_dropped",
        "samples_learnt",
        "samples_refused",
        "reference_learnt",
        "reference_refused",
        "groups_judged",
        "findings",
        "findings_withdrawn",
        "verdicts",
        "verdicts_withdrawn",
        "campaigns_ended",
        "rows_forgotten",
        "exempted",
        "unmatched",
        "returned",
        "shadowed",
        "blocks_within_cap",
        "unknown_source",
        "words_refused",
        "labels_learnt",
        "words_on_strangers",
        "words_not_for_campaigns",
        *(f"words.{verb}" for verb in get_args(Control.__annotations__["verb"])),
        *(f"decided.{action}" for action in LADDER),
    )
)
CAMPAIGN_KINDS = _closed(("distillation", "resale", "region_evasion", "unknown"))
CAMPAIGN_STATUSES = _closed(("active", "ended", "merged"))
FORMATS = _closed(("native", "alias", "otel", "litellm"))
PROMPTS = _closed(("sketched", "dropped"))
ENDS = _closed(("expired", "withdrawn", "revoked", "exempt"))
STEPS: Final = ("3", "5", "10", "20", "50", "100", "500")  # accounts in a campaign
MENDED = _closed(sorted({*CLIENTS_OWN, *SERVERS_OWN, "prompt", DAMAGE}))
SPANS = _closed(("messages", "events", "others", "dead_letters", "failures"))

BY_STAGE: Final[Labels] = {"stage": STAGES}
BY_DEAD_LETTER: Final[Labels] = {"stage": STAGES, "reason": _closed(DEAD_LETTER_REASONS)}
BY_COUNT: Final[Labels] = {"stage": STAGES, "what": COUNTS}
BY_ACTION: Final[Labels] = {"action": _closed(LADDER), "shadow": ("false", "true")}
BY_REASON: Final[Labels] = {"reason": _closed(REASON_CODES), "shadow": ("false", "true")}
BY_END: Final[Labels] = {"how": ENDS}
BY_CAMPAIGN: Final[Labels] = {"kind": CAMPAIGN_KINDS, "status": CAMPAIGN_STATUSES}
BY_STEP: Final[Labels] = {"accounts": (*STEPS, OTHER)}
BY_FORMAT: Final[Labels] = {"format": FORMATS}
BY_PROMPT: Final[Labels] = {"what": PROMPTS}
BY_FIELD: Final[Labels] = {"field": MENDED}
BY_SPANS: Final[Labels] = {"what": SPANS}
BY_VERSION: Final[Labels] = {"version": (__version__,)}
