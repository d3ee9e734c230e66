"""How well one field alone tells campaign accounts from honest ones.

Each account becomes, for one field, a bag of words: the value where few values exist, the decade of a
number, whether the field is there, and of an identifier its form (length, prefix, kinds of characters,
first and last character).  A naive Bayes classifier learns from one seed and judges another; what is
reported is the area under its curve: 0.5 tells nothing, 1.0 tells all.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

IDENTIFIERS = frozenset(
    {
        "event_id", "account_id", "conversation_id", "client_ip", "api_key_id", "org_id", "end_user_id",
        "payment_id", "tls_fingerprint", "system_prompt_hash", "prompt_template_hash", "prompt_sketch",
        "indicators.device", "indicators.email_domain", "indicators.signup_ip", "indicators.referral",
        "indicators.phone_prefix",
    }
)  # fmt: skip
MOST = 60  # words of an account that count: more than that is volume, which is a field of its own
Bags = dict[str, dict[str, Counter[str]]]  # field -> account -> words


def words_of(field: str, value: Any) -> Iterable[str]:
    """What is seen of one value."""
    if field in IDENTIFIERS:
        text = str(value)
        form = re.sub(r"[a-z]+", "a", re.sub(r"[0-9]+", "0", text.lower()))
        yield from (f"long {len(text)}", f"form {form[:12]}", f"first {text[:1]}", f"last {text[-1:]}")
        yield f"middle {text[len(text) // 2]}"
    elif isinstance(value, (bool, str)):
        yield str(value)
    elif isinstance(value, int | float):
        yield f"about {round(4 * math.log2(1 + abs(value))) / 4:.2f}"
    elif isinstance(value, list):
        yield from map(str, value or ["none"])


def bags(lines: Iterable[bytes]) -> Bags:
    """Words by field and account; ``order``: in which order an event's keys stand."""
    seen: Bags = defaultdict(lambda: defaultdict(Counter))
    fields: set[str] = set()
    for line in lines:
        event = msgspec.json.decode(line)
        account = event["account_id"]
        flat = {key: value for key, value in event.items() if key not in ("indicators", "occurred_at")}
        flat |= {f"indicators.{key}": value for key, value in event["indicators"].items()}
        flat["account_created_at"] = event["occurred_at"] - event["account_created_at"]
        fields |= set(flat)
        for field in fields:
            bag = seen[field][account]
            if bag.total() < MOST * 5:
                bag.update(words_of(field, flat[field]) if field in flat else ("absent",))
        shown = [key for key in event if key in ("event_id", "account_id", "model", "status", "turn")]
        seen["order"][account][" ".join(shown)] += 1
    return seen


def areas(learnt: Bags, judged: Bags, abusive: Mapping[str, bool]) -> dict[str, float]:
    """Field -> area under the curve, campaign accounts above honest ones."""
    return {field: _area(learnt[field], judged[field], abusive) for field in judged if field in learnt}


def _area(
    learnt: dict[str, Counter[str]], judged: dict[str, Counter[str]], abusive: Mapping[str, bool]
) -> float:
    counts = {True: Counter[str](), False: Counter[str]()}
    for account, bag in learnt.items():
        total = bag.total()
        for word, count in bag.items():  # each account counts once
            counts[abusive[account]][word] += count / total  # type: ignore[assignment]
    size = {side: sum(words.values()) for side, words in counts.items()}
    weight = {
        word: math.log((counts[True][word] + 0.5) / (size[True] + 1))
        - math.log((counts[False][word] + 0.5) / (size[False] + 1))
        for word in {*counts[True], *counts[False]}
    }
    scores = sorted(
        (round(sum(weight.get(word, 0.0) * n for word, n in bag.items()) / bag.total(), 9), abusive[account])
        for account, bag in judged.items()
    )
    return rank_sum(scores)


def rank_sum(scores: list[tuple[float, bool]]) -> float:
    """The share of pairs in the right order; ties count half."""
    by_score: dict[float, Counter[bool]] = defaultdict(Counter)
    for score, is_abusive in scores:
        by_score[score][is_abusive] += 1
    below = right = 0.0
    for score in sorted(by_score):
        tied = by_score[score]
        right += tied[True] * (below + tied[False] / 2)
        below += tied[False]
    positive = sum(is_abusive for _, is_abusive in scores)
    return right / max(positive * below, 1.0)
