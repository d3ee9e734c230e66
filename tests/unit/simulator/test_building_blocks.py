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
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.errors import ConfigurationError
from stream_guard.simulator.archives import Archives
from stream_guard.simulator.clients import DATA
from stream_guard.simulator.draws import WIDER, Draw, Weighted
from stream_guard.simulator.engine.pool import Pool, TaskList
from stream_guard.simulator.engine.sessions import read_tail, tail_of, without_calls
from stream_guard.simulator.identities import client_build
from stream_guard.simulator.networks import load_networks
from stream_guard.simulator.prompts import LABELS, LANGUAGES
from stream_guard.sketches.prompt import SEMANTIC, decode_sketch, encode_sketch


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool()


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


def test_labels_are_given_as_often_as_the_classifier_is_right(pool: Pool) -> None:
    rng = np.random.default_rng(1)
    for use, said in LABELS.items():
        texts = [pool.labels[i] for i in pool.classify(rng, np.full(6_000, pool.uses.index(use)))]
        for label, ratio in said:
            assert sum(f'"{label}"' in text for text in texts) / 6_000 == pytest.approx(ratio, abs=0.03)


def test_ordinary_prompts_are_sometimes_labelled(pool: Pool) -> None:
    texts = [
        pool.labels[i]
        for i in pool.classify(np.random.default_rng(2), np.full(9_000, pool.uses.index("chat")))
    ]
    assert 0 < sum("chain_of_thought" in text for text in texts) < 0.03 * 9_000


def test_mixing_keeps_the_variance_and_the_surface(pool: Pool) -> None:
    rng = np.random.default_rng(3)
    rows = rng.choice(np.flatnonzero(pool.language == 0), 2_000)
    texts = pool.encode(rows, pool.like(rng, rows), rng.uniform(0.8, 1.0, 2_000).astype(np.float32))
    assert all(text == encode_sketch(decode_sketch(text)) for text in texts)
    mixed = np.array([np.frombuffer(decode_sketch(text), np.int8) for text in texts], float)
    plain = pool.sketches[rows]
    assert (mixed[:, SEMANTIC:] == plain[:, SEMANTIC:]).all()
    ratio = np.var(mixed[:, :SEMANTIC], axis=0).sum() / np.var(plain[:, :SEMANTIC], axis=0).sum()
    assert 0.85 < ratio < 1.35  # rows of one topic are alike, so their weights add up to more than one


def test_another_prompt_is_of_the_same_use_and_kind(pool: Pool) -> None:
    rng = np.random.default_rng(4)
    rows = np.arange(len(pool.use))
    others = pool.like(rng, rows)
    assert (pool.use[others] == pool.use[rows]).all()
    assert ((pool.language[others] == 0) == (pool.language[rows] == 0)).all()


def test_a_task_list_asks_everything_once_before_anything_twice(pool: Pool) -> None:
    rows = pool.rows_of("tool").tolist()
    tasks = TaskList(np.random.default_rng(5), rows)
    rounds = [tasks.take(len(rows)).tolist() for _ in range(2)]
    assert sorted(rounds[0]) == sorted(rounds[1]) == sorted(rows)
    assert rounds[0] != rounds[1]
    assert len(tasks.take(3 * len(rows))) == 3 * len(rows)


def test_people_ask_in_their_language_where_there_are_prompts(pool: Pool) -> None:
    russian = np.full(500, LANGUAGES.index("ru"))
    for use, is_known in (("maths", True), ("tool", False)):
        use_of = np.full(500, pool.uses.index(use))
        rows = pool.draw(np.random.default_rng(6), use_of, np.zeros(500, np.int64), russian)
        assert (pool.use[rows] == use_of).all()
        assert set(pool.language[rows].tolist()) == ({LANGUAGES.index("ru")} if is_known else {0})


@given(
    st.integers(0, 40),
    st.integers(0, 9),
    st.integers(0, 2),
    st.integers(0, 4),
    st.integers(0, 5),
    st.integers(-1, 6),
)
def test_a_tail_can_be_read_back(
    labels: int, language: int, wish: int, images: int, model: int, calls: int
) -> None:
    said = {
        "labels": labels,
        "language": language,
        "wish": wish,
        "images": images,
        "model": model,
        "calls": calls,
    }
    rows = {name: np.array([value]) for name, value in said.items()} | {"status": np.array([200])}
    tail = int(tail_of(rows)[0])
    assert read_tail(tail) == said
    assert read_tail(without_calls(tail)) == said | {"calls": -1}


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
