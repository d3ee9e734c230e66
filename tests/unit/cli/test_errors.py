"""Expected errors are one line on standard error and an exit code that says whose fault it is."""

from pathlib import Path

import pytest

from tests.unit.cli.running import REFUSED, impatient, run

hurry = pytest.fixture(impatient)


def test_no_command_shows_what_there_is() -> None:
    assert "replay" in run().output


@pytest.mark.parametrize(
    "command", [["fly"], ["replay"], ["replay", "--fly"], ["decisions", "list", "-a", "ban"]]
)
def test_wrong_usage_is_2(command: list[str]) -> None:
    assert run(*command).exit_code == 2


def test_a_wrong_setting_names_file_path_value_and_what_was_expected(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[stream]\npartitions = 0\n")
    result = run("check-config", "-c", config)
    assert result.exit_code == 2
    for part in (str(config), "$.stream.partitions", "0", ">= 1"):
        assert part in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("[stream]\npartition = 4\n", "$.stream: unknown name `partition`; did you mean `partitions`?"),
        ("[weather]\n", "$: unknown name `weather`; expected one of accounts, budget, campaigns,"),
    ],
)
def test_an_unknown_setting_says_which_was_meant_or_which_there_are(
    tmp_path: Path, settings: str, said: str
) -> None:
    config = tmp_path / "c.toml"
    config.write_text(settings)
    result = run("check-config", "-c", config)
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


def test_an_unknown_name_within_a_list_of_a_policy_says_which_was_meant(tmp_path: Path) -> None:
    policy = tmp_path / "p.toml"
    rule = 'name = "r"\naction = "block"\nreason = "campaign_member"\n[rules.when]\nmin_scores = 0.5\n'
    policy.write_text('name = "p"\n[[rules]]\n' + rule)
    result = run("check-config", policy)
    assert "unknown name `min_scores`; did you mean `min_score`?" in result.stderr


def test_the_truth_about_others_is_refused(tmp_path: Path) -> None:
    events, truth = tmp_path / "e.jsonl", tmp_path / "t.jsonl"
    events.write_text('{"event_id":"e","account_id":"a","occurred_at":1790000000.0,"model":"m"}\n')
    truth.write_text('{"account_id":"b","label":"benign","campaign":null,"kind":"person"}\n')
    result = run("evaluate", "--events", events, "--truth", truth)
    assert (result.exit_code, str(truth) in result.stderr) == (2, True), result.output


def test_a_wrong_policy_is_2(tmp_path: Path) -> None:
    policy = tmp_path / "p.toml"
    policy.write_text('name = "p"\n[[rules]]\nname = "x"\n')
    result = run("check-config", policy)
    assert (result.exit_code, str(policy) in result.stderr, "$.rules[0]" in result.stderr) == (2, True, True)


@pytest.mark.parametrize(
    "command",
    [
        ["decisions", "show", "a1"],
        ["decisions", "list"],
        ["decisions", "revoke", "a1", "--author", "ann"],
        ["decisions", "chargeback", "a1", "--author", "ann"],
        ["allow", "add", "a1", "--author", "ann"],
        ["allow", "list"],
        ["campaigns", "list"],
        ["rebuild"],
    ],
)
@REFUSED
@pytest.mark.usefixtures("hurry")
def test_what_can_not_be_reached_is_named_and_is_1(command: list[str]) -> None:
    result = run(*command)
    assert result.exit_code == 1, result.output
    assert "127.0.0.1:1" in result.stderr
    assert "secret" not in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("command", "names"),
    [
        (["allow", "add", "network:nowhere"], "192.0.2.0/24"),
        (["allow", "add", "a1", "--for", "long"], "'long'"),
        (["decisions", "revoke", "org:x"], "account id"),
        (["decisions", "chargeback", "org:x"], "account id"),
    ],
)
def test_a_word_that_makes_no_sense_is_2_and_is_not_sent(command: list[str], names: str) -> None:
    result = run(*command, "--author", "ann")
    assert (result.exit_code, names in result.stderr) == (2, True)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = run("replay", tmp_path / "none.jsonl", "-d", tmp_path / "d.jsonl")
    assert (result.exit_code, "none.jsonl" in result.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_told() -> None:
    assert run("--version").output.startswith("stream-guard 0.")
