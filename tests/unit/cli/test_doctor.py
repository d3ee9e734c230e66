"""The doctor says what is wrong and how to mend it, and never falls ill itself."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.running import REFUSED, impatient, run

hurry = pytest.fixture(impatient)
pytestmark = [REFUSED, pytest.mark.usefixtures("hurry")]


def test_what_is_not_there_is_named_with_a_remedy() -> None:
    result = run("doctor", "--json")
    assert result.exit_code == 1
    found = {each["what"]: each for each in map(json.loads, result.stdout.splitlines())}
    assert found["kafka"]["state"] == found["redis"]["state"] == "wrong"
    assert found["metrics"]["state"] == "note"
    assert found["policy"]["state"] == "good"
    assert "river" in found["packages"]["found"]
    assert all(each["mend"] for each in found.values() if each["state"] == "wrong")
    assert "secret" not in result.output


def test_a_policy_that_can_not_be_used_is_found(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('policy = "nowhere.toml"\n[redis]\nenabled = false\n')
    result = run("doctor", "-c", config)
    assert result.exit_code == 1
    assert "WRONG  policy" in result.stdout
    assert "nowhere.toml" in result.stdout
    assert "switched off" in result.stdout
