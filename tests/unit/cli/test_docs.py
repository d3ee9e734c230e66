"""docs/cli.md is what the commands say of themselves; every command shows how it is used."""

from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from stream_guard.cli.app import app
from stream_guard.cli.docs import render

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"


def leaves(command: Any, path: str) -> list[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if not children:
        return [(path, command)]
    return [leaf for name, child in children.items() for leaf in leaves(child, f"{path} {name}")]


COMMANDS = leaves(get_command(app), "stream-guard")


def test_the_page_is_up_to_date() -> None:
    message = "run: python -m stream_guard.cli.docs > docs/cli.md"
    assert PAGE.read_text(encoding="utf-8") == render(), message


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_every_command_shows_an_example_and_explains_its_options(path: str, command: Any) -> None:
    assert "For example:" in command.help
    assert f"    {path}" in command.help or f"| {path}" in command.help
    assert all(parameter.help for parameter in command.params if not parameter.hidden), path


@pytest.mark.parametrize(
    "path", [path for path, _ in COMMANDS if path.endswith((" list", " show", " doctor"))]
)
def test_every_listing_has_json(path: str) -> None:
    command = dict(COMMANDS)[path]
    assert any("--json" in parameter.opts for parameter in command.params)
