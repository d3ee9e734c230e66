"""Traffic with a known truth through the whole line; what must come out is in each folder's scenario.toml.

A behaviour is added by adding a folder.  Expectations speak of accounts, never of scores.
"""

import json
from collections import defaultdict
from pathlib import Path

import msgspec
import pytest

from stream_guard.bootstrap import build_topology
from stream_guard.runtime.local import LocalRuntime
from stream_guard.runtime.outlet import Messages
from stream_guard.runtime.replay import Replay
from stream_guard.samples import TRAFFIC, TRUTH
from stream_guard.settings import Settings, convert, read_toml
from stream_guard.wire.files import EventFile

pytestmark = [pytest.mark.slow, pytest.mark.e2e]
FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("*/scenario.toml"))


class Stopped(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must become of a campaign."""

    least_stopped: int


class Honest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may become of everybody else."""

    most_touched: int


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file."""

    honest: Honest
    campaigns: dict[str, Stopped] = {}
    without: list[str] = []


class Head(msgspec.Struct):
    """Of an event, whose it is."""

    account_id: str


def truth() -> tuple[dict[str, str], set[str]]:
    """Account -> its campaign, or its kind if it is honest; and the names of the campaigns."""
    rows = [json.loads(line) for line in TRUTH.read_text().splitlines()]
    campaigns = {row["campaign"] for row in rows if row["campaign"]}
    return {row["account_id"]: row["campaign"] or row["kind"] for row in rows}, campaigns


def touched(without: list[str], kind_of: dict[str, str]) -> dict[str, set[str]]:
    """Kind -> accounts on which an enforced decision other than allow was taken."""
    found: defaultdict[str, set[str]] = defaultdict(set)

    def sink(stream: str, _partition: int, messages: Messages) -> None:
        assert stream != "dead_letters", messages[:3]
        if stream != "decisions":
            return
        for _, value in messages:
            decision = json.loads(value)
            if decision["action"] != "allow" and not decision["shadow"]:
                found[kind_of[decision["account_id"]]].add(decision["account_id"])

    replay = Replay(LocalRuntime(build_topology(Settings()), sink, followers=("control",)))
    owner = msgspec.json.Decoder(Head).decode
    for line in EventFile(str(TRAFFIC)):
        if kind_of[owner(line).account_id] not in without:
            replay.feed(line)
    replay.finish()
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_scenario(folder: Path) -> None:
    path = folder / "scenario.toml"
    scenario = convert(read_toml(path), Scenario, str(path))
    kind_of, campaigns = truth()
    found = touched(scenario.without, kind_of)
    honest = {kind: accounts for kind, accounts in found.items() if kind not in campaigns}
    assert sum(map(len, honest.values())) <= scenario.honest.most_touched, honest
    for name, wanted in scenario.campaigns.items():
        assert len(found[name]) >= wanted.least_stopped, f"{name}: {len(found[name])} accounts stopped"
