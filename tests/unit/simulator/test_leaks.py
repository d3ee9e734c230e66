"""No field's form, presence or order tells who is honest; what tells alone is conduct, and written down."""

import re
from functools import cache
from pathlib import Path

import pytest

from stream_guard.simulator.order import Level, Order
from stream_guard.simulator.scenario import build
from tests.support.presence import Account, area_by_role, certain, shown
from tests.support.single_fields import IDENTIFIERS, areas, bags

PAGE = Path(__file__).parents[3] / "docs" / "traffic.md"
ATTACKS = "+".join(
    f"{name}:{share}@{level}"
    for name, share in {
        "deepseek": 0.06, "moonshot": 0.04, "minimax": 0.004, "qwen": 0.001, "reseller": 0.02,
    }.items()
    for level in ("naive", "careful", "informed")
)  # fmt: skip
WHOSE_VALUE_IS_CONDUCT = {  # what is absent or of a kind because of what the account is and does
    "api_key_id", "org_id", "end_user_id", "payment_id", "client_ip", "tls_fingerprint",
    "system_prompt_hash", "prompt_template_hash", "prompt_sketch", "indicators.email_domain",
    "indicators.signup_ip", "indicators.referral", "indicators.phone_prefix",
}  # fmt: skip
CONDUCT = frozenset({  # fields that are there because of what is asked, and how
    "tools", "tool_calls", "images", "reasoning", "reasoning_tokens", "output_tokens", "end_user_id",
    "prompt_labels", "prompt_language", "prompt_template_hash", "system_prompt_hash", "prompt_sketch",
    "prompt_sketch_version", "temperature", "max_tokens", "stream", "model", "operation",
    # and whose texts differ because of where one sits and with what one asks
    "client_ip", "network_type", "ip_country", "billing_country", "user_agent", "tier", "surface",
})  # fmt: skip
ALONE = 0.7  # from here on a field tells by itself


@cache
def drawn() -> tuple[list[list[bytes]], dict[str, bool]]:
    """Lines to learn from, of two seeds, and lines to judge, of two others; who is abusive."""
    both: list[list[bytes]] = []
    abusive: dict[str, bool] = {}
    for seeds in ((1, 2), (3, 4)):
        lines: list[bytes] = []
        for seed in seeds:
            traffic = build(f"{ATTACKS}+background:900", Order(seed=seed, days=1.5, sketch_ratio=0.3))
            lines += traffic.events()
            abusive |= {row.account_id: row.label == "campaign" for row in traffic.truth()}
        both.append(lines)
    return both, abusive


@cache
def told() -> dict[str, float]:
    """Field -> how well it tells."""
    (learnt, judged), abusive = drawn()
    return areas(bags(learnt), bags(judged), abusive)


@cache
def by_form() -> tuple[dict[str, Account], dict[str, Account]]:
    """What the form of fields shows of each account, to learn from and to judge."""
    learnt, judged = drawn()[0]
    return shown(learnt), shown(judged)


def test_the_form_of_an_identifier_tells_nothing() -> None:
    opaque = IDENTIFIERS - WHOSE_VALUE_IS_CONDUCT
    assert {field: area for field, area in told().items() if field in opaque and abs(area - 0.5) > 0.12} == {}


def test_the_order_of_keys_tells_nothing() -> None:
    assert told()["order"] == pytest.approx(0.5, abs=0.01)


def test_whatever_tells_alone_is_written_down_with_its_reason() -> None:
    page = PAGE.read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([a-z_.]+)` \|", page, re.MULTILINE))
    assert {field for field, area in told().items() if area > ALONE} <= listed


def test_form_tells_nothing_among_accounts_of_one_tier_and_surface() -> None:
    areas = area_by_role(*by_form(), drawn()[1], CONDUCT)
    assert len(areas) > 4
    assert {role: area for role, area in areas.items() if role is not None and area > 0.66} == {}


def test_nothing_that_is_there_or_not_convicts_by_itself() -> None:
    for accounts in by_form():
        assert certain(accounts, drawn()[1], least=12) == {}


def test_levels_are_drawn_apart() -> None:
    levels: tuple[Level, ...] = ("naive", "careful", "informed")
    cards = []
    for level in levels:
        traffic = build("deepseek:0.2", Order(seed=1, level=level))
        spent = traffic.costs["deepseek-1"]
        cards.append(spent.cards / spent.accounts)
    assert cards == sorted(cards)
