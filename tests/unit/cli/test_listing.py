"""Listings show what files hold; --json is one object per line, in the contract's order."""

import json
from pathlib import Path

import pytest

from stream_guard.records import CampaignState, Control, Evidence, pack_json
from stream_guard.sinks.control import exemptions_at
from tests.support.decisions import decision
from tests.unit.cli.running import run

AT = 1_700_000_000.0


@pytest.fixture
def decisions(tmp_path: Path) -> Path:
    path = tmp_path / "decisions.jsonl"
    made = [
        decision("a1", "throttle", AT, AT + 60),
        decision("a1", "block", AT + 1, AT + 90, campaign_id="c1"),
        decision("a2", "throttle", AT + 2, AT + 3),
        decision("a3", "block", AT + 3, AT + 90),
        decision("a3", "allow", AT + 10, None),
    ]
    path.write_bytes(b"".join(pack_json(each) + b"\n" for each in made))
    return path


@pytest.fixture
def campaigns(tmp_path: Path) -> Path:
    path = tmp_path / "campaigns.jsonl"
    states = [
        CampaignState(
            campaign_id=name, kind="resale",
            status="active" if name == "c1" else "ended", founded_at=AT, changed_at=AT + size,
            members=tuple(f"a{n}" for n in range(size)), indicators=(("payment:x", size),),
            evidence=(Evidence("even_load", 1.0, 3.0, 8.0),), harvested=1234, timeline=((AT, "founded"),),
        )
        for name, size in (("c1", 3), ("c1", 25), ("c2", 1))
    ]  # fmt: skip
    path.write_bytes(b"".join(pack_json(each) + b"\n" for each in states))
    return path


def test_only_what_is_in_force_is_listed(decisions: Path) -> None:
    output = run("decisions", "list", "-f", decisions).stdout
    assert output.count("\n") == 2
    assert "a1" in output
    assert "2023-11-14 22:13:21Z" in output


def test_a_table_in_a_pipe_is_never_cut(tmp_path: Path) -> None:
    path, account = tmp_path / "d.jsonl", "a[bold]" + "x" * 300
    path.write_bytes(pack_json(decision(account, "block", AT, AT + 60)) + b"\n")
    header, row = run("decisions", "list", "-f", path).stdout.splitlines()
    assert header.split() == [
        "account", "action", "per", "min", "since", "until", "campaign", "shadow", "reasons"
    ]  # fmt: skip
    assert account in row
    assert row.rstrip().endswith("campaign_member")


def test_all_newest_decisions_can_be_listed_as_json(decisions: Path) -> None:
    lines = run("decisions", "list", "--all", "--json", "-f", decisions).stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert [(each["account_id"], each["action"]) for each in found] == [
        ("a3", "allow"), ("a2", "throttle"), ("a1", "block"),
    ]  # fmt: skip
    assert list(found[0])[:3] == ["decision_id", "account_id", "action"]


@pytest.mark.parametrize(
    ("choice", "accounts"),
    [
        (["-a", "block"], ["a1"]),
        (["--campaign", "c1"], ["a1"]),
        (["-a", "allow", "--all"], ["a3"]),
        (["--all", "-n", "1"], ["a3"]),
    ],
)
def test_listings_can_be_narrowed(decisions: Path, choice: list[str], accounts: list[str]) -> None:
    lines = run("decisions", "list", "--json", "-f", decisions, *choice).stdout.splitlines()
    assert [json.loads(line)["account_id"] for line in lines] == accounts


def test_a_list_that_is_cut_says_so(decisions: Path) -> None:
    assert (
        "the newest 1; there are more" in run("decisions", "list", "--all", "-n", "1", "-f", decisions).stderr
    )
    assert run("decisions", "list", "--all", "-n", "3", "-f", decisions).stderr == ""


def test_one_decision_is_shown_and_explained(decisions: Path, campaigns: Path) -> None:
    assert run("decisions", "show", "a1", "-f", decisions).stdout.startswith("a1 is blocked: campaign_member")
    assert json.loads(run("decisions", "show", "a1", "--json", "-f", decisions).stdout)["action"] == "block"
    explained = run("decisions", "explain", "a1", "-f", decisions, "--campaigns", campaigns).stdout
    assert "Campaign c1 (resale, active)" in explained
    assert "What would have changed it" in explained


def test_an_account_without_a_decision_is_1(decisions: Path) -> None:
    result = run("decisions", "show", "a9", "-f", decisions)
    assert (result.exit_code, "may go on" in result.stderr) == (1, True)


def test_a_file_of_something_else_is_2(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\n')
    for command in (["decisions", "list"], ["campaigns", "list"]):
        result = run(*command, "-f", path)
        assert (result.exit_code, str(path) in result.stderr) == (2, True)


def test_campaigns_are_listed_by_their_newest_state(campaigns: Path) -> None:
    listed = run("campaigns", "list", "-f", campaigns).stdout
    assert ("c1" in listed, "25" in listed, "c2" in listed) == (True, True, False)
    lines = run("campaigns", "list", "--all", "--json", "-f", campaigns).stdout.splitlines()
    assert [json.loads(line)["campaign_id"] for line in lines] == ["c1", "c2"]


def test_a_campaign_is_shown_in_words(campaigns: Path) -> None:
    shown = run("campaigns", "show", "c1", "-f", campaigns).stdout
    for part in ("resale, active", "1,234 answered", "payment:x (25)", "even_load", "and 5 more", "founded"):
        assert part in shown
    assert run("campaigns", "show", "c9", "-f", campaigns).exit_code == 1


def test_the_newest_word_on_a_subject_counts() -> None:
    def word(verb: str, subject: str, at: float, until: float | None = None) -> Control:
        return Control(verb=verb, subject=subject, spoken_at=at, author="ann", expires_at=until)  # type: ignore[arg-type]

    said = [
        word("exempt", "kept", 1), word("exempt", "taken back", 1), word("unexempt", "taken back", 2),
        word("exempt", "over", 1, 5), word("exempt", "still", 1, 50), word("revoke", "kept", 3),
        word("unexempt", "again", 1), word("exempt", "again", 2),
    ]  # fmt: skip
    assert [each.subject for each in exemptions_at(said, 10)] == ["again", "kept", "still"]
