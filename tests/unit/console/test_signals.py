"""Every line of evidence that the program writes is explained in a few words."""

import ast
from pathlib import Path

from stream_guard.campaigns.odds import REASON_OF_CAUSE
from stream_guard.console.signals import SAYS, says
from stream_guard.groups import evidence

STAGES = Path(evidence.__file__).parents[2]
NOT_TESTS = {"__init__", "bonds", "cohort", "ranks"}  # what tests are made of


def named(folder: str) -> set[str]:
    """Names that a stage gives to evidence where it makes it."""
    found = set()
    for path in (STAGES / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Evidence":
                values = [*node.args[:1], *(each.value for each in node.keywords if each.arg == "name")]
                found |= {value.value for value in values if isinstance(value, ast.Constant)}
    return {name for name in found if isinstance(name, str)}


def test_every_test_of_groups_is_explained() -> None:
    tests = {path.stem for path in Path(evidence.__file__).parent.glob("*.py")} - NOT_TESTS
    assert tests
    assert tests <= SAYS.keys()


def test_every_line_about_one_account_is_explained() -> None:
    lines = {
        *REASON_OF_CAUSE.values(),
        *named("campaigns"),
        *named("decisions"),
        *named("accounts"),
        "own_burst",
    }
    assert {"conduct_fit", "chargeback", "population_outlier"} <= lines
    assert lines <= SAYS.keys()


def test_a_line_that_nobody_explains_is_shown_without() -> None:
    assert says("of another version") == ""
