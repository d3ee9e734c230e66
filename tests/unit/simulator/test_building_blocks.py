"""Laws of draws, networks, prompts and identities."""

import ipaddress
import itertools
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from stream_guard.errors import ConfigurationError
from stream_guard.simulator.archives import Archives
from stream_guard.simulator.clients import DATA
from stream_guard.simulator.draws import WIDER, Draw, Weighted
from stream_guard.simulator.identities import client_build
from stream_guard.simulator.networks import load_networks
from stream_guard.simulator.prompts import HARVEST, LABELS, Prompts, classify, interest
from stream_guard.sketches.prompt import SEMANTIC, decode_sketch


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    return Prompts()


def test_a_child_depends_on_its_name_only() -> None:
    parent = Draw("parent")
    before = parent.child("child").rng.random()
    parent.rng.random()
    parent.child("other").rng.random()
    assert parent.child("child").rng.random() == before


def test_the_splits_never_meet() -> None:
    assert Draw("1", "tune").rng.random() != Draw("1", "test").rng.random()


def test_the_test_split_draws_parameters_from_a_wider_range() -> None:
    tune, test = Draw("wide", "tune"), Draw("wide", "test")
    assert all(2 <= tune.between(2, 4) <= 4 for _ in range(500))
    drawn = [test.between(2, 4) for _ in range(500)]
    assert all(2 / WIDER <= value <= 4 * WIDER for value in drawn)
    assert min(drawn) < 2
    assert max(drawn) > 4
    assert max(test.ratio(0.5, 0.9) for _ in range(500)) <= 0.98


def test_weights_must_leave_something_to_draw() -> None:
    with pytest.raises(ValueError, match="expected one above zero"):
        Weighted({"a": 0.0})


def test_the_first_is_the_most_popular() -> None:
    draw = Draw("popular")
    counts = Counter(draw.popular("abcd", 1.0) for _ in range(8_000))
    assert counts["a"] / 8_000 == pytest.approx(1 / (1 + 1 / 2 + 1 / 3 + 1 / 4), abs=0.03)
    assert [letter for letter, _ in counts.most_common()] == list("abcd")


def test_vpn_hosting_and_relay_addresses_lie_in_real_ranges_and_others_are_addresses() -> None:
    lists = json.loads((DATA / "networks.json").read_text(encoding="utf-8"))
    ranges = {
        "vpn": lists["vpn"] + lists["vpn6"],
        "hosting": lists["hosting"] + lists["hosting6"],
        "relay": lists["relay"],
    }
    known = {kind: [ipaddress.ip_network(text) for text in texts] for kind, texts in ranges.items()}
    draw = Draw("addresses")
    networks = load_networks(draw.child("networks"))
    for _ in range(60):
        country = networks.country(draw)
        made = {
            "vpn": networks.exit(draw, networks.provider(draw)),
            "hosting": networks.hosted(draw),
            "relay": networks.relay(draw, country),
        }
        for kind, address in made.items():
            assert any(ipaddress.ip_address(address.ip) in network for network in known[kind])
        for kind in ("residential", "mobile", "business", "education"):
            home = networks.host(draw, country, kind)
            assert ipaddress.ip_address(home.ip).is_global
            assert home.country == country


def test_neighbours_share_their_24() -> None:
    draw = Draw("neighbours")
    networks = load_networks(draw.child("networks"))
    firm = networks.host(draw, "DE", "business")
    near = networks.neighbours(firm, draw, 5)
    assert len({address.ip for address in near}) == 5
    assert {address.ip.rsplit(".", 1)[0] for address in near} == {firm.ip.rsplit(".", 1)[0]}


def test_builds_of_one_user_agent_have_few_fingerprints() -> None:
    draw = Draw("builds")
    builds = {client_build(draw) for _ in range(3_000)}
    by_agent = Counter(build.user_agent for build in builds)
    assert max(by_agent.values()) <= 8


def test_no_prompt_is_both_honest_and_harvested(prompts: Prompts) -> None:
    sketches = prompts.sketches.astype(np.int8)
    for harvest in sorted({source for source in prompts.sources if source.endswith(HARVEST)}):
        honest = {sketches[row].tobytes() for row in prompts.rows(harvest.removesuffix(HARVEST))}
        harvested = {sketches[row].tobytes() for row in prompts.rows(harvest)}
        assert len(honest) > 100
        assert len(honest & harvested) <= 0.02 * len(harvested)  # different texts may have one sketch


def test_both_halves_of_a_source_are_labelled_alike(prompts: Prompts) -> None:
    draw = Draw("labels")
    for use in ("steps", "grading", "exercise"):
        shares = []
        for source in (use, use + HARVEST):
            rows = prompts.rows(source)
            made = [prompts.mix(draw, draw.pick(rows), rows) for _ in range(3_000)]
            counts = Counter(label for prompt in made for label in classify(draw, prompt))
            shares.append(counts[LABELS[use][0][0]] / 3_000)
        assert shares[0] == pytest.approx(shares[1], abs=0.05)


def test_ordinary_prompts_are_sometimes_labelled_and_labels_are_sometimes_missed(prompts: Prompts) -> None:
    draw = Draw("errors")
    chat, steps = (prompts.rows(source) for source in ("chat", "steps"))
    false = sum("chain_of_thought" in classify(draw, prompts.mix(draw, row, chat)) for row in chat * 8)
    missed = sum("chain_of_thought" not in classify(draw, prompts.mix(draw, row, steps)) for row in steps * 8)
    assert 0 < false < 0.05 * 8 * len(chat)
    assert 0.05 * 8 * len(steps) < missed < 0.4 * 8 * len(steps)


def test_mixing_keeps_the_variance_and_the_surface(prompts: Prompts) -> None:
    draw = Draw("mixing")
    rows = [row for row, language in enumerate(prompts.languages) if language == "en"]
    mixed, plain = [], []
    for _ in range(2_000):
        row = draw.pick(rows)
        prompt = prompts.mix(draw, row, prompts.near(row))
        sketch = np.frombuffer(decode_sketch(prompts.sketch(prompt)), np.int8).astype(float)
        first = prompts.sketches[row]
        assert (sketch[SEMANTIC:] == first[SEMANTIC:]).all()
        mixed.append(sketch[:SEMANTIC])
        plain.append(first[:SEMANTIC])
    ratio = np.var(np.array(mixed), axis=0).sum() / np.var(np.array(plain), axis=0).sum()
    assert 0.85 < ratio < 1.35  # rows of one topic are alike, so their weights add up to more than one


def test_a_task_list_asks_everything_once_before_anything_twice(prompts: Prompts) -> None:
    size = len(prompts.rows("tool_harvest"))
    tasks = prompts.sweep(Draw("sweep"), Weighted({"tool_harvest": 1.0}))
    rounds = [[next(tasks).row for _ in range(size)] for _ in range(2)]
    assert len(set(rounds[0])) == len(set(rounds[1])) == size
    assert rounds[0] != rounds[1]


def test_people_ask_in_their_language_where_there_are_prompts(prompts: Prompts) -> None:
    draw = Draw("language")
    russian = interest(draw, {"maths": 1.0, "writing": 1.0}, "ru")
    languages = Counter(prompts.draw(draw, russian).language for _ in range(500))
    assert set(languages) == {"ru", "en"}


def test_a_missing_data_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"expected a folder lmarena__x or an archive"):
        list(Archives(tmp_path).files("lmarena__x", ""))
    (tmp_path / "set").mkdir()
    with pytest.raises(ConfigurationError, match=r"expected set with a file a\.json"):
        Archives(tmp_path).text("set", "a.json")


def test_extraction_says_what_it_lacks(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "stream_guard.simulator.extract",
        str(tmp_path),
        "-o",
        str(tmp_path / "o"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "expected a folder" in done.stderr


def test_every_shipped_data_file_has_its_origin_written_down() -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    files = [path.name for path in DATA.iterdir() if path.is_file() and path.name != "README.md"]
    assert all(f"`{name}`" in readme for name in files)
    assert sum(path.stat().st_size for path in DATA.iterdir() if path.is_file()) < 600_000
    assert all(map(str.isprintable, itertools.islice(files, 10)))
