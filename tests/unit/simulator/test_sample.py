"""Laws of a sample: valid, ordered, repeatable, true to its word, and silent about the truth."""

import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import zstandard

from stream_guard import samples
from stream_guard.errors import ConfigurationError
from stream_guard.records import RequestEvent
from stream_guard.simulator.sample import Order, Sample, open_output
from stream_guard.simulator.stream import LAG_S
from stream_guard.sketches.prompt import decode_sketch

Event = dict[str, Any]
SMALL = ["--seed", "3", "--split", "tune", "--accounts", "160", "--days", "1", "--sketch-ratio", "0.3"]
# The form of every identifier, whoever bears it.
FORMS = {
    "event_id": r"req_[0-9a-z]{12}",
    "account_id": r"acc_[0-9a-z]{16}",
    "conversation_id": r"conv_[0-9a-z]{12}",
    "payment_id": r"pm_[0-9a-z]{16}",
    "org_id": r"org_[0-9a-z]{16}",
    "api_key_id": r"key_[0-9a-z]{16}",
    "end_user_id": r"u_\d{6}",
    "system_prompt_hash": r"[0-9a-f]{16}",
    "prompt_template_hash": r"[0-9a-f]{16}",
    "tls_fingerprint": r"t13d\d{4}h2_[0-9a-f]{12}_[0-9a-f]{12}",
}


@pytest.fixture(scope="module")
def events() -> list[Event]:
    packed = samples.TRAFFIC.read_bytes()
    lines = zstandard.ZstdDecompressor().stream_reader(packed).read().splitlines()
    decode = msgspec.json.Decoder().decode
    return [decode(line) for line in lines]


@pytest.fixture(scope="module")
def truth() -> dict[str, Event]:
    rows = map(msgspec.json.decode, samples.TRUTH.read_bytes().splitlines())
    return {row["account_id"]: row for row in rows}


def by_kind(
    events: list[Event], truth: dict[str, Event], value: Callable[[Event], Any]
) -> dict[str, list[Any]]:
    """Values of events by the kind of their account, None left out."""
    found = defaultdict(list)
    for event in events:
        found[truth[event["account_id"]]["kind"]].append(value(event))
    return {kind: [value for value in values if value is not None] for kind, values in found.items()}


def largest(
    events: list[Event], truth: dict[str, Event], kind: str, value: Callable[[Event], Any]
) -> list[int]:
    """How many accounts of a kind show one value, the commonest first."""
    accounts = defaultdict(set)
    for event in events:
        if truth[event["account_id"]]["kind"] == kind and value(event) is not None:
            accounts[value(event)].add(event["account_id"])
    return sorted(map(len, accounts.values()), reverse=True)


def test_every_event_is_one_of_the_contract() -> None:
    packed = samples.TRAFFIC.read_bytes()
    decode = msgspec.json.Decoder(RequestEvent).decode  # strict: an unknown field fails
    for line in zstandard.ZstdDecompressor().stream_reader(packed).read().splitlines():
        decode(line)


def test_the_sample_has_the_promised_size(events: list[Event], truth: dict[str, Event]) -> None:
    assert 120_000 <= len(events) <= 150_000
    assert 3_000 <= len(truth) <= 4_000
    assert samples.TRAFFIC.stat().st_size < 10_000_000
    assert {event["account_id"] for event in events} == set(truth)
    shares = Counter(truth[event["account_id"]]["campaign"] for event in events)
    assert 0.03 < shares["distillation-1"] / len(events) < 0.09
    assert 0.01 < shares["resale-1"] / len(events) < shares["distillation-1"] / len(events)


def test_events_are_in_order_but_for_a_small_lag_and_none_comes_twice(events: list[Event]) -> None:
    newest, late = 0.0, 0
    for event in events:
        late += event["occurred_at"] < newest
        assert event["occurred_at"] > newest - LAG_S
        newest = max(newest, event["occurred_at"])
    assert 0 < late < 0.2 * len(events)
    assert len({event["event_id"] for event in events}) == len(events)


def test_nobody_asks_before_he_signed_up(events: list[Event]) -> None:
    assert all(event["account_created_at"] < event["occurred_at"] for event in events)


def test_lengths_fit(events: list[Event]) -> None:
    for event in events:
        assert event["cached_tokens"] <= event["input_tokens"]
        assert event["prompt_chars"] >= 1
        assert ("output_tokens" in event) == (event["status"] < 400)
        if "output_tokens" in event and "max_tokens" in event:
            assert event["output_tokens"] <= event["max_tokens"]


def test_sketches_are_sketches_and_come_with_about_the_asked_share(events: list[Event]) -> None:
    texts = [event["prompt_sketch"] for event in events if "prompt_sketch" in event]
    assert len(texts) / len(events) == pytest.approx(0.45, abs=0.01)
    for text in texts[::50]:
        decode_sketch(text)
    assert not any("prompt" in event for event in events)


def test_identifiers_have_one_form_for_all(events: list[Event]) -> None:
    patterns = {field: re.compile(form) for field, form in FORMS.items()}
    for event in events:
        for field, pattern in patterns.items():
            assert field not in event or pattern.fullmatch(event[field]), (field, event[field])
        assert re.fullmatch(r"dev_[0-9a-z]{16}", event["indicators"]["device"])


@pytest.mark.parametrize("campaign", ["distillation-1", "resale-1"])
def test_no_field_and_no_rare_form_belongs_to_a_campaign_alone(
    events: list[Event], truth: dict[str, Event], campaign: str
) -> None:
    def form(value: object) -> object:
        if isinstance(value, str):
            return re.sub(r"[0-9]+", "0", re.sub(r"[a-zA-Z]+", "a", value))
        return type(value).__name__

    closed = ("model", "operation", "surface", "tier", "network_type", "status", "temperature", "max_tokens")
    honest: set[object] = set()
    theirs: set[object] = set()
    for event in events:
        is_theirs = truth[event["account_id"]]["campaign"] == campaign
        if is_theirs or truth[event["account_id"]]["label"] == "benign":
            shown = theirs if is_theirs else honest
            shown.update((field, form(value)) for field, value in event.items() if field not in FORMS)
            shown.update((field, event.get(field)) for field in closed)
            shown.update(("indicator", name) for name in event["indicators"])
            shown.update(("label", label) for label in event.get("prompt_labels", ()))
            shown.add(("domain", event["indicators"]["email_domain"].rsplit(".", 1)[1]))
    allowed = {"client_ip", "user_agent", "prompt_sketch", "tls_fingerprint"}  # every value its own form
    assert {item for item in theirs - honest if not set(item) & allowed} == set()  # type: ignore[call-overload]  # items are pairs


def test_alone_a_campaigns_account_asks_as_much_as_anybody(
    events: list[Event], truth: dict[str, Event]
) -> None:
    days: Counter[tuple[str, int]] = Counter(
        (event["account_id"], int(event["occurred_at"] // 86_400)) for event in events
    )
    honest = [count for (account, _), count in days.items() if truth[account]["label"] == "benign"]
    theirs = [count for (account, _), count in days.items() if truth[account]["kind"] == "distillation"]
    low, high = np.quantile(honest, [0.25, 0.8])
    assert low < np.quantile(theirs, 0.25)
    assert np.quantile(theirs, 0.75) < high + 5
    assert max(theirs) < np.quantile(honest, 0.97)


def test_a_campaign_shares_much_and_never_everything(events: list[Event], truth: dict[str, Event]) -> None:
    size = sum(row["kind"] == "distillation" for row in truth.values())
    assert size >= 200
    shared: dict[str, Callable[[Event], Any]] = {
        "card": lambda event: event.get("payment_id"),
        "address": lambda event: event["client_ip"],
        "template": lambda event: event.get("prompt_template_hash"),
        "build": lambda event: (event["user_agent"], event["tls_fingerprint"]),
        "device": lambda event: event["indicators"]["device"],
    }
    for value in shared.values():
        assert 3 <= largest(events, truth, "distillation", value)[0] < 0.6 * size


def test_campaigns_are_diluted_and_honest_traffic_bears_labels_too(
    events: list[Event], truth: dict[str, Event]
) -> None:
    labels = by_kind(events, truth, lambda event: event.get("prompt_labels", []))
    rubric = {
        kind: sum("rubric_grading" in said for said in all_said) / len(all_said)
        for kind, all_said in labels.items()
    }
    reasoning = {
        kind: sum("chain_of_thought" in said for said in all_said) / len(all_said)
        for kind, all_said in labels.items()
    }
    assert rubric["evaluation_lab"] > 2 * rubric["distillation"] > 0
    assert 0.005 < reasoning["person"] < reasoning["distillation"] < 0.3


CROWDS: dict[str, tuple[Callable[[Event], Any], int]] = {
    "office": (lambda event: event.get("payment_id"), 8),
    "agency": (lambda event: event.get("payment_id"), 4),
    "contractors": (lambda event: event.get("payment_id"), 4),
    "family": (lambda event: event.get("payment_id"), 4),
    "evaluation_lab": (lambda event: event.get("payment_id"), 3),
    "campus": (lambda event: event["indicators"]["email_domain"], 3),
    "class": (lambda event: event["client_ip"], 5),
    "hackathon": (lambda event: event["indicators"].get("referral"), 3),
    "open_source_tool": (lambda event: event.get("system_prompt_hash"), 3),
    "review_bot": (lambda event: (event.get("prompt_template_hash"), event["user_agent"]), 3),
    "vpn_users": (lambda event: event["client_ip"], 3),
    "corporate_vpn": (lambda event: event["client_ip"], 3),
}


@pytest.mark.parametrize("kind", CROWDS)
def test_crowds_share_what_they_claim_and_come_in_several_sizes(
    events: list[Event], truth: dict[str, Event], kind: str
) -> None:
    value, at_least = CROWDS[kind]
    sizes = [size for size in largest(events, truth, kind, value) if size > 1]
    assert len(sizes) >= at_least
    assert len(set(sizes)) >= 2


def test_innocent_bystanders_share_addresses_and_builds_with_the_campaign(
    events: list[Event], truth: dict[str, Event]
) -> None:
    theirs = [event for event in events if truth[event["account_id"]]["kind"] == "distillation"]
    builds = {(event["user_agent"], event["tls_fingerprint"]) for event in theirs}
    nets = {event["client_ip"].rsplit(".", 1)[0] for event in theirs}
    honest = [event for event in events if truth[event["account_id"]]["label"] == "benign"]
    assert len({e["account_id"] for e in honest if (e["user_agent"], e["tls_fingerprint"]) in builds}) > 20
    assert len({e["account_id"] for e in honest if e["client_ip"].rsplit(".", 1)[0] in nets}) > 5


def test_the_same_command_gives_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for run in ("1", "2"):
        events, truth = tmp_path / f"{run}.jsonl.zst", tmp_path / f"{run}.truth.jsonl"
        command = [
            sys.executable,
            "-m",
            "stream_guard.simulator.sample",
            "-o",
            str(events),
            "--truth",
            str(truth),
        ]
        environment = {**os.environ, "PYTHONHASHSEED": run}
        subprocess.run([*command, *SMALL], check=True, env=environment, capture_output=True)
        made.append((events.read_bytes(), truth.read_bytes()))
    assert made[0] == made[1]
    assert len(made[0][0]) > 10_000


def test_seeds_and_splits_give_other_traffic() -> None:
    first = {
        next(Sample(Order(seed, split, 40, 0.5)).events())["event_id"]
        for seed in (1, 2)
        for split in ("tune", "test")
    }
    assert len(first) == 4


def test_small_samples_hold_every_part_of_the_mixture() -> None:
    sample = Sample(Order(5, "tune", 200, 1.0, sketch_ratio=0.0))
    encode, decode = msgspec.json.encode, msgspec.json.Decoder(RequestEvent).decode
    events = [decode(encode(event)) for event in sample.events()]
    rows = list(sample.truth())
    assert {row["account_id"] for row in rows} == {event.account_id for event in events}
    assert {"distillation-1", "resale-1", None} == {row["campaign"] for row in rows}
    assert all(list(row) == ["account_id", "label", "campaign", "kind"] for row in rows)


def test_an_output_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"events\.csv: expected a name that ends in"):
        open_output(tmp_path / "events.csv")
