"""A policy that can not be used says where, what and what was expected; those we ship can be used."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from stream_guard.decisions.policy import load_policy, parse_policy
from stream_guard.errors import ConfigurationError
from stream_guard.settings import read_toml
from tests.unit.decisions.desk import RULES, Desk, policy, verdict, word

ROOT = Path(__file__).parents[3]
DEPLOYED = sorted(ROOT.glob("deploy/policies/*.toml"))
SHIPPED = ROOT / "stream_guard/decisions/default_policy.toml"


def rule(**changes: Any) -> list[dict[str, Any]]:
    return [RULES[0], {**RULES[3], **changes}]


@pytest.mark.parametrize("path", [None, *DEPLOYED], ids=lambda path: path.stem if path else "shipped")
def test_shipped_policies_load_and_act(path: Path | None) -> None:
    loaded = load_policy(path)
    (decision,) = Desk(loaded).tick(verdict(score=0.95, reasons=("campaign_successor",)))
    assert decision.policy_version == loaded.version
    assert decision.shadow == (loaded.mode == "shadow")
    assert [d.action for d in Desk(loaded).tick(word("chargeback"))] in (["block"], ["challenge"])


def test_the_three_policies_differ_as_their_names_say() -> None:
    by_name = {path.stem: load_policy(path) for path in DEPLOYED}
    assert by_name.keys() == {"cautious", "standard", "strict"}
    assert by_name["cautious"].mode == "shadow"
    assert by_name["strict"].limits.blocks_per_hour > by_name["standard"].limits.blocks_per_hour


def test_the_standard_policy_is_the_shipped_one() -> None:
    assert load_policy(ROOT / "deploy/policies/standard.toml").version == load_policy().version


def test_the_version_follows_the_content_and_not_its_layout() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert policy().version == policy().version
    assert policy().version != policy(pardon="2d").version
    assert text.count("#") > 10
    assert parse_policy(read_toml(SHIPPED), "x").version == load_policy().version


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"rules": rule(duration="a week")}, [r"\$\.rules\[1\]\.duration", "'a week'", "7d"]),
        ({"rules": rule(action="ban")}, [r"\$\.rules\[1\]\.action", "'ban'"]),
        ({"rules": rule(reason="because")}, [r"\$\.rules\[1\]\.reason", "'because'", "own_burst"]),
        ({"rules": rule(when={"reasons": ["nope"]})}, [r"\$\.rules\[1\]\.when\.reasons", "'nope'"]),
        ({"rules": rule(when={"min_skore": 1})}, [r"\$\.rules\[1\]\.when", "min_skore"]),
        ({"rules": rule(action="block")}, [r"\$\.rules\[1\]\.limit_per_min", "30", "throttle"]),
        ({"rules": rule(name="fact")}, [r"\$\.rules\[1\]\.name", "'fact'"]),
        ({"limits": {"blocks_per_hour": -1}}, [r"\$\.limits\.blocks_per_hour", "-1"]),
        ({"hysteresis": {"min_hold": "until revoked"}}, [r"\$\.hysteresis\.min_hold", "ends"]),
        ({"exempt": [{"subject": "network:x", "author": "a"}]}, [r"\$\.exempt\[0\]\.subject", "'network:x'"]),
        ({"mode": "off"}, [r"\$\.mode", "'off'"]),
    ],
)
def test_a_fault_names_file_path_value_and_what_was_expected(
    changes: dict[str, Any], names: list[str]
) -> None:
    tree = {"name": "test", "rules": RULES, **changes}
    for part in ("my.toml", *names):
        with pytest.raises(ConfigurationError, match=part):
            parse_policy(tree, "my.toml")


def test_a_missing_policy_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml"):
        load_policy(tmp_path / "none.toml")


def test_an_exemption_may_end_on_a_date(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        'name = "p"\nrules = []\n'
        '[[exempt]]\nsubject = "a1"\nauthor = "ann"\nexpires_at = 2026-12-01T00:00:00Z\n',
        encoding="utf-8",
    )
    assert load_policy(path).exempt[0].expires_at == 1_796_083_200.0


def test_conditions_are_all_asked_for() -> None:
    when = {
        "source": "campaign", "kinds": ["member"], "reasons": ["shared_payment"],
        "campaign_kinds": ["resale"], "tiers": ["free"], "not_tiers": ["enterprise"],
        "min_score": 0.5, "min_log_evidence": 8.0, "min_causes": 1, "cold": False,
    }  # fmt: skip
    by = policy(rules=[{"name": "x", "when": when, "action": "block", "duration": "1d", "reason": "resale"}])
    fits: dict[str, Any] = {"tier": "free", "reasons": ("shared_payment", "resale")}
    assert len(Desk(by).tick(verdict(**fits))) == 1
    for change in ({"tier": "enterprise"}, {"reasons": ("resale",)}, {"reasons": ("shared_payment",)},
                   {"score": 0.4}, {"evidence": ()}, {"is_cold": True}, {"kind": "other"},
                   {"source": "account"}):  # fmt: skip
        assert Desk(by).tick(verdict(**{**fits, **change})) == []


def test_the_examples_of_the_manual_are_a_policy() -> None:
    blocks = re.findall(
        r"```toml\n(.*?)```", (ROOT / "docs/policy.md").read_text(encoding="utf-8"), re.DOTALL
    )
    examples = [tomllib.loads(block) for block in blocks]
    assert len(examples) == 4
    joined: dict[str, Any] = {"name": "manual"}
    for example in examples:
        joined |= example
    joined["rules"][0].pop("limit_per_min")  # shown beside a block to show its place
    assert parse_policy(joined, "docs/policy.md").limits == load_policy().limits
