"""The laws of ACCOUNTS."""

import random

import msgspec
import pytest

from stream_guard.accounts.indicators import Facets, network_of, shown_by
from stream_guard.accounts.profile import conduct_of
from stream_guard.records import RequestEvent
from stream_guard.runtime.rows import pack
from tests.unit.accounts.stage_bench import START, Desk

HOUR = 3600.0
DAY = 24 * HOUR


def test_a_repeated_event_id_counts_once() -> None:
    desk = Desk()
    desk.feed(0, event_id="same")
    desk.feed(1, event_id="same")
    assert desk.row().requests == 1
    assert desk.counts["repeated"] == 1


def test_a_day_on_which_an_account_asks_counts_once() -> None:
    desk = Desk()
    for day in (0, 0, 1, 3):
        for account in ("a", "b") if day else ("a",):
            desk.feed(day * 86_400.0 + len(account), account_id=account)
    assert desk.counts["account_days"] == 1 + 2 + 2


def test_refused_requests_are_counted_and_teach_nothing_else() -> None:
    desk = Desk()
    desk.feed(0, input_tokens=10)
    before = desk.row().averages.snapshot()
    for i in range(20):
        desk.feed(i + 1, status=(403, 429)[i % 2], input_tokens=100_000)
    assert desk.row().refused == 20
    assert desk.row().answered == 1
    assert desk.row().averages.snapshot() == before


def test_an_indicator_is_greeted_once_and_told_at_each_doubling() -> None:
    desk = Desk()
    for i in range(32):
        desk.feed(i, payment_id="card-1")
    told = desk.profiles("payment:card-1")
    assert [profile.requests for profile in told] == [1, 2, 4, 8, 16, 32]
    assert told[0].conduct is None
    assert all(profile.conduct is not None for profile in told[1:])


def test_each_checkpoint_is_told_to_one_reference_bucket() -> None:
    desk = Desk()
    for i in range(8):
        desk.feed(i, payment_id="card-1", client_ip="203.0.113.9", user_agent="sdk")
    reference = [key for stream, key, _ in desk.emitted if key.startswith("reference:")]
    assert len(reference) == 3  # at 2, 4 and 8 requests
    assert len(set(reference)) == 1


def test_a_hello_carries_all_that_the_account_shows() -> None:
    """So that whoever is greeted can weigh a newcomer before it has any conduct."""
    desk = Desk()
    desk.feed(0, payment_id="card-1", client_ip="203.0.113.9")
    desk.feed(1, payment_id="card-1", client_ip="198.51.100.7")
    first, later = desk.profiles("payment:card-1")[0], desk.profiles("network:198.51.100")[0]
    assert first.conduct is None
    assert later.conduct is None
    assert {"payment:card-1", "network:203.0.113"} <= set(first.indicators)
    assert set(later.indicators) == {*first.indicators, "network:198.51.100"}
    assert list(later.indicators) == sorted(later.indicators)


def test_an_old_account_is_checked_after_a_day_that_brought_a_quarter_more() -> None:
    desk = Desk()
    for i in range(64):
        desk.feed(i, payment_id="card-1")
    for i in range(16):
        desk.feed(DAY + HOUR + i, payment_id="card-1")
    assert desk.profiles("payment:card-1")[-1].requests == 80


def test_indicators_of_one_kind_are_bounded_and_the_rest_is_counted() -> None:
    desk = Desk()
    for i in range(40):
        desk.feed(i, client_ip=f"203.0.{i}.1", payment_id="card-1")
    known = desk.row().indicators
    assert sum(name.startswith("network:") for name in known) == 6
    assert "payment:card-1" in known
    assert desk.counts["indicators_dropped"] == 34
    assert conduct_of(desk.row()).networks >= 6


def test_a_row_stays_within_its_kilobyte_whatever_it_is_fed() -> None:
    desk, rng = Desk(), random.Random(5)
    for i in range(3000):
        desk.feed(
            i * 400.0,
            payment_id=f"card-{rng.randrange(50)}",
            client_ip=f"10.{rng.randrange(99)}.{rng.randrange(99)}.1",
            user_agent="agent " * rng.randrange(1, 60) + str(rng.random()),
            prompt_template_hash=f"t{rng.random()}",
            system_prompt_hash=f"s{rng.random()}",
            prompt_labels=[f"label-{rng.randrange(99)}"],
            model=f"model-{rng.randrange(99)}",
            indicators={f"k{rng.randrange(9)}": f"v{rng.random()}"},
            input_tokens=rng.randrange(10**6),
            output_tokens=rng.randrange(10**6),
            max_tokens=rng.randrange(1, 10**6),
        )
    # 24 indicators of up to 64 characters are the largest part: 1.6 kB at the very worst
    assert len(pack(desk.row())) < 3_000
    typical = Desk()
    for i in range(3000):
        typical.feed(
            i * 400.0, payment_id="pm_1234567890", client_ip="10.1.2.3", user_agent="sdk/1", input_tokens=9,
            system_prompt_hash="9f86d081884c7d65", output_tokens=900, prompt_labels=["code"],
            indicators={"device": "d-12345678", "email_domain": "example.org", "signup_ip": "10.1.2.3"},
        )  # fmt: skip
    assert len(pack(typical.row())) < 1_024


def test_a_restart_at_any_event_changes_nothing() -> None:
    whole, broken, rng = Desk(), Desk(), random.Random(3)
    for i in range(600):
        fields = {
            "account_id": f"acct-{rng.randrange(5)}",
            "input_tokens": rng.randrange(5000),
            "output_tokens": rng.randrange(5000),
            "status": rng.choice([200, 200, 200, 429, 500]),
            "client_ip": f"10.0.{rng.randrange(3)}.1",
            "payment_id": "card",
        }
        after = i * 500.0 + rng.random() * 600
        whole.feed(after, **fields)
        broken.feed(after, **fields)
        if rng.random() < 0.05:
            broken.reload()
    assert broken.emitted == whole.emitted
    whole.rows.take()
    broken.rows.take()
    assert broken.rows.packed == whole.rows.packed


def test_a_burst_beyond_all_history_is_throttled_and_withdrawn_when_it_is_over() -> None:
    desk = Desk()
    for hour in range(40):
        for i in range(5 + hour % 4):
            desk.feed(hour * HOUR + i * 60)
    for i in range(2000):
        desk.feed(41 * HOUR + i)
    kinds = [verdict.kind for verdict in desk.verdicts()]
    assert kinds == ["own_burst"]
    evidence = desk.verdicts()[0].evidence[0]
    assert evidence.value >= 300
    assert 4 < evidence.expected < 10
    desk.feed(43 * HOUR)
    assert [verdict.kind for verdict in desk.verdicts()] == ["own_burst", ""]


def test_steady_heavy_use_is_no_burst() -> None:
    desk = Desk()
    for hour in range(48):
        for i in range(400 + hour * 7 % 50):
            desk.feed(hour * HOUR + i * 8)
    assert desk.verdicts() == []


def test_a_population_model_learns_a_few_samples_per_account_and_day() -> None:
    desk = Desk()
    for i in range(4096):
        desk.feed(i * 10.0)
    days = 4096 * 10 / DAY
    assert desk.counts["samples_learnt"] <= 2 * (days + 2)


def test_a_warm_population_scores_odd_conduct_higher_and_keeps_its_bounds() -> None:
    desk, rng = Desk(), random.Random(9)
    for account in range(700):
        for i in range(4):
            desk.feed(
                account * 60 + i * rng.expovariate(1 / 200), account_id=f"honest-{account}",
                input_tokens=rng.randrange(50, 2000), output_tokens=rng.randrange(50, 1500), max_tokens=4096,
            )  # fmt: skip
    scores = [desk.row(f"honest-{account}").score for account in range(600, 700)]
    for i in range(4):
        desk.feed(90_000 + i * 9000, account_id="odd", input_tokens=10**6, output_tokens=0, max_tokens=1,
                  network_type="tor", reasoning=True, tools=["t"] * 100, turn=90, status=200,
                  billing_country="AA", ip_country="BB")  # fmt: skip
    assert desk.row("odd").score > sorted(scores)[90]
    assert len([key for key in desk.rows.packed if key.startswith("p:")]) <= 25


def test_population_rows_restore_to_the_same_scores() -> None:
    desk, rng = Desk(), random.Random(2)
    for account in range(800):
        for i in range(4):
            desk.feed(account * 60.0 + i, account_id=f"a{account}", input_tokens=rng.randrange(3000))
        if account % 190 == 0:
            desk.reload()
    twin, rng = Desk(), random.Random(2)
    for account in range(800):
        for i in range(4):
            twin.feed(account * 60.0 + i, account_id=f"a{account}", input_tokens=rng.randrange(3000))
    assert [desk.row(f"a{i}").score for i in range(800)] == [twin.row(f"a{i}").score for i in range(800)]
    assert any(desk.row(f"a{i}").score > 0 for i in range(800))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113"),
        ("2001:db8:aa:bb::1", "2001:0db8:00aa"),
        ("::1", "0000:0000:0000"),
        ("", None),
        ("1.2.3", None),
        ("a.b.c.d", None),
        ("zz::1", None),
    ],
)
def test_a_network_is_a_24_or_a_48(address: str, network: str | None) -> None:
    assert network_of(address) == network


def test_long_values_stay_apart_after_being_cut() -> None:
    shown = set()
    for tail in "ab":
        event = RequestEvent(
            event_id="e", account_id="a", occurred_at=START, model="m", payment_id="x" * 300 + tail
        )
        shown.update(shown_by(event, Facets()))
    assert len(shown) == 2
    assert all(len(name) <= len("payment:") + 64 for name in shown)


def test_every_emitted_record_survives_the_wire() -> None:
    desk = Desk()
    for i in range(16):
        desk.feed(i, payment_id="card-1", prompt_labels=["x"], prompt_sketch="AQ" * 42 + "AQ==")
    for _, _, record in desk.emitted:
        assert msgspec.msgpack.decode(pack(record), type=type(record)) == record


def test_a_restart_after_every_event_changes_nothing_whatever_the_client_says() -> None:
    whole, broken, rng = Desk(), Desk(), random.Random(8)
    for i in range(300):
        fields = {
            "user_agent": rng.choice("AB"),
            "asn": rng.choice([1, 2]),
            "max_tokens": rng.choice([5, 9]),
            "account_created_at": START - 5,
            "indicators": {rng.choice(["device", "referral", "network", "reference"]): rng.choice("xy")},
            "tools": rng.choice([None, ["a"], ["a", "b"]]),
        }
        whole.feed(i * 10.0, **fields)
        broken.feed(i * 10.0, **fields)
        broken.reload()
    assert broken.emitted == whole.emitted
    assert broken.row().indicators == whole.row().indicators


def test_no_client_can_write_an_indicator_that_is_made_here_or_a_key_of_a_stage() -> None:
    desk = Desk()
    desk.feed(
        0, indicators={"reference": "5", "network": "9.9.9", "": "nothing", "a:b": "c"}, end_user_id="p\x1fq"
    )
    known = desk.row().indicators
    assert known == ["end_user:p%1f;q", "x_reference:5", "x_network:9.9.9", "a_b:c"]
    assert all(name.isprintable() for name in known)
