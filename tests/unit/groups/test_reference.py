"""Laws of what honest accounts teach."""

from collections import Counter
from itertools import pairwise
from math import exp, inf, nan

import numpy as np
import pytest

from stream_guard.groups import levels, popular, reference
from stream_guard.groups.conduct import HIDDEN, RATE, STATISTICS, values_of
from stream_guard.groups.popular import MAX_BUCKET, POPULAR_BUCKETS
from stream_guard.groups.rows import POPULAR, LevelRow, LitRow, PopularRow, Row, level_key, lit_key
from stream_guard.records import Conduct, Profile
from stream_guard.runtime.rows import LaneRows
from tests.unit.groups.crowds import profile_at, stranger
from tests.unit.groups.stream import Recorder


def taught(count: int, seed: int = 3) -> tuple[LaneRows, Recorder]:
    rng, rows, out = np.random.default_rng(seed), LaneRows(Row, 100), Recorder()
    for i in range(count):
        account = stranger(rng, f"r-{i}")
        for power in range(1, 9):
            if len(account.times) >= 1 << power:
                reference.learn(rows, profile_at(rng, account, 1 << power), out)
    return rows, out


def level_of(rows: LaneRows, requests: int) -> LevelRow:
    row = rows.get(level_key(requests.bit_length()))
    assert isinstance(row, LevelRow)
    return row


@pytest.mark.parametrize("statistic", range(len(STATISTICS)))
def test_normal_scores_of_the_reference_have_mean_zero_and_at_most_unit_variance(statistic: int) -> None:
    rows, _ = taught(120)
    mass = np.array(levels.mass_of(level_of(rows, 16), statistic))
    scores = np.array(levels.normal_scores(mass.tolist()))
    assert abs(float(mass @ scores)) < 1e-6 * mass.sum()
    assert float(mass @ scores**2) <= mass.sum()
    assert all(a <= b + 1e-9 for a, b in pairwise(scores))


@pytest.mark.parametrize("statistic", range(len(STATISTICS)))
@pytest.mark.parametrize("slope", [0.5, 1.0, 2.0])
def test_scores_have_lighter_tails_than_a_normal(statistic: int, slope: float) -> None:
    mass = np.array(levels.shipped(statistic))
    scores = np.array(levels.normal_scores(mass.tolist()))
    assert float(mass @ np.exp(slope * scores)) / mass.sum() <= exp(slope**2 / 2) + 1e-9


def test_only_profiles_at_a_power_of_two_teach_so_that_each_account_counts_once_a_level() -> None:
    rng, rows, out = np.random.default_rng(1), LaneRows(Row, 100), Recorder()
    account = stranger(rng, "a")
    account.times = [i * 60_000 for i in range(64)]
    for count in range(2, 33):
        reference.learn(rows, profile_at(rng, account, count), out)
    assert out.counts["reference_learnt"] == 5  # 2, 4, 8, 16, 32
    assert [level_of(rows, n).seen for n in (2, 4, 8, 16, 32)] == [1, 1, 1, 1, 1]


def test_suspects_and_extremes_teach_nothing_and_are_counted() -> None:
    rows, out = LaneRows(Row, 100), Recorder()
    conduct = Conduct(0, 3_600_000, answered=8)
    rows.put(lit_key("suspect"), LitRow({"payment:x": None}))
    for refused in (
        Profile("suspect", 8, "suspect", conduct),
        Profile("extreme", 8, "extreme", conduct, score=1.0),
        Profile("odd", 8, "odd", conduct, score=nan),
    ):
        assert not reference.learn(rows, refused, out)
    assert out.counts["reference_refused"] == 3
    assert rows.get(level_key(4)) is None


def test_a_level_survives_being_packed_bit_for_bit() -> None:
    rows, _ = taught(60)
    before = level_of(rows, 8)
    rows.take()
    again = LaneRows(Row, 1)
    again.load(level_key(4), rows.packed[level_key(4)])
    assert again.get(level_key(4)) == before


def test_old_times_fade_by_halves_and_counts_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "HALVE_AT", 50)
    rows, _ = taught(400)
    level = level_of(rows, 4)
    assert level.seen > 300
    assert sum(level.counts[HIDDEN]) <= 100


@pytest.mark.parametrize("odd", [nan, inf, -inf])
def test_a_number_that_is_none_takes_no_part(odd: float) -> None:
    conduct = Conduct(
        0,
        10 * 86_400_000,
        answered=20,
        hidden_ratio=odd,
        log_gap_var=odd,
        hours=(1,) * 24,
        labels=(("x", 1),),
    )
    values = values_of(Profile("a", 20, "a", conduct))
    assert values[HIDDEN] is None
    assert values[RATE] is not None
    assert all(value is None or abs(value) < 1e6 for value in values)


def test_sign_up_slots_are_bounded() -> None:
    rows, out = LaneRows(Row, 100), Recorder()
    for i in range(1500):
        conduct = Conduct(0, 1, created_at=1 + i * reference.SLOT_MS, answered=4)
        reference.learn(rows, Profile(f"a-{i}", 2, f"a-{i}", conduct), out)
    sign_ups = reference.Reference(rows).sign_ups()
    assert sign_ups.total == 1500
    assert len(sign_ups.slots) <= 1024
    assert sum(sign_ups.slots.values()) == 1500


def test_a_level_that_nobody_has_reached_borrows_from_the_one_below() -> None:
    rows, _ = taught(400)
    view = reference.Reference(rows)
    known, unknown, nothing = view.level(16), view.level(1 << 15), levels.fresh_level(None)
    assert max(known.doubts[HIDDEN], known.doubts[RATE]) < levels.COLD
    assert unknown.seen == 0
    assert unknown.doubts[HIDDEN] < levels.COLD
    assert nothing.doubts == [1.0] * len(STATISTICS)
    gaps = [
        abs(levels.expected(level, HIDDEN) - levels.expected(known, HIDDEN)) for level in (unknown, nothing)
    ]
    assert gaps[0] < gaps[1]


def test_doubt_falls_as_accounts_teach() -> None:
    doubts = [reference.Reference(taught(count)[0]).level(8).doubts[HIDDEN] for count in (0, 20, 100, 400)]
    assert doubts == sorted(doubts, reverse=True)
    assert doubts[0] == 1.0
    assert doubts[-1] < 0.1


def shown(names: list[list[str]]) -> LaneRows:
    """Rows that accounts with these indicators taught."""
    rows, out = LaneRows(Row, 10_000), Recorder()
    for number, indicators in enumerate(names):
        conduct = Conduct(0, 3_600_000, answered=reference.FIRST_REQUESTS)
        profile = Profile(
            f"a-{number}", reference.FIRST_REQUESTS, f"a-{number}", conduct, tuple(sorted(indicators))
        )
        assert reference.learn(rows, profile, out)
    return rows


def counts_of(rows: LaneRows) -> dict[str, int]:
    """All counts that are kept."""
    rows.take()
    found: dict[str, int] = {}
    for key in sorted(rows.packed):
        row = rows.get(key)
        if key.startswith(POPULAR + "/") and isinstance(row, PopularRow):
            found.update(row.counts)
    return found


def test_popular_indicators_are_bounded_and_a_share_is_never_below_the_truth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not at all up to 1 %; beyond, by no more than what the pseudo-accounts take."""
    monkeypatch.setattr(popular, "POPULAR_BUCKETS", 4)
    monkeypatch.setattr(popular, "MAX_BUCKET", 16)
    rng = np.random.default_rng(9)
    shares = {f"tool:{rank}": 0.5 / rank for rank in range(1, 200)}
    accounts = [
        [f"payment:{i}", *(name for name, share in shares.items() if rng.random() < share)]
        for i in range(1500)
    ]
    rows = shown(accounts)
    view = reference.Reference(rows).popular()
    assert view.accounts == 1500
    assert len(counts_of(rows)) <= 4 * 16
    truth = Counter(name for indicators in accounts for name in indicators)
    for name, count in truth.items():
        assert view.share(name) >= min(count / 1500, 0.01)
        assert view.share(name) >= count / 1550
        assert view.share_of_others(name) >= (count - 1) / 1550
    assert view.share("tool:1") == pytest.approx(0.5, abs=0.05)
    assert view.share("never seen") >= 0.5 / 1550


def test_few_indicators_are_counted_exactly_and_an_account_is_no_other_than_itself() -> None:
    rows = shown([["client:x", f"payment:{i}"] for i in range(100)])
    view = reference.Reference(rows).popular()
    assert counts_of(rows) == {"client:x": 100} | {f"payment:{i}": 1 for i in range(100)}
    assert view.share("payment:7") == pytest.approx(1.5 / 150)
    assert view.share("payment:new") == pytest.approx(0.5 / 150)
    assert view.share_of_others("payment:7") == pytest.approx(popular.OTHERS / 150)
    assert view.share_of_others("client:x") == pytest.approx((99 + popular.OTHERS) / 150)


def test_values_that_nobody_shares_hide_none_that_few_do() -> None:
    """Five values of its own for each of 4,000 accounts: an unknown one is still believed to be rare."""
    accounts = [[*(f"{kind}:{i}" for kind in "abcde"), f"card:{i // 10}"] for i in range(4_000)]
    view = reference.Reference(shown(accounts)).popular()
    assert all(10 / 4_050 <= view.share(f"card:{i}") <= 0.006 for i in range(400))
    assert max(view.share(f"new:{i}") for i in range(1_000)) < 0.005


def test_shares_stay_from_above_as_old_accounts_fade_by_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(popular, "HALVE_AT", 400)
    accounts = [[f"payment:{i}", f"device:{i % 150}", f"client:{i % 3}"] for i in range(2_000)]
    view = reference.Reference(shown(accounts)).popular()
    assert view.accounts < 400
    assert view.share("client:1") > 0.25
    for number in range(150):
        assert view.share(f"device:{number}") >= 1 / 150


def test_popularity_rows_are_as_many_as_buckets_whatever_accounts_show() -> None:
    rows = shown([[f"{kind}:{i}" for kind in "abcdefghijkl"] for i in range(2_000)])
    rows.take()
    assert sum(key.startswith(POPULAR) for key in rows.packed) == POPULAR_BUCKETS + 1
    assert (
        max(map(len, (rows.packed[key] for key in rows.packed if key.startswith(POPULAR)))) < 32 * MAX_BUCKET
    )


def test_an_account_counts_what_it_shows_once() -> None:
    rows, out = LaneRows(Row, 100), Recorder()
    for requests in (2, 4, 8, 16, 32):
        conduct = Conduct(0, 3_600_000, answered=requests)
        reference.learn(rows, Profile("a", requests, "a", conduct, ("client:x",)), out)
    assert reference.Reference(rows).popular().accounts == 1
    assert counts_of(rows) == {"client:x": 1}
