"""Laws of scenarios: ordered, whole, reproducible, as large as the record says, and true to their gate."""

from collections import Counter
from collections.abc import Callable
from functools import cache

import msgspec
import pytest

from stream_guard.errors import ConfigurationError
from stream_guard.records import RequestEvent
from stream_guard.simulator.attackers.record import RECORDS
from stream_guard.simulator.catalogue import CROWDS, described, names
from stream_guard.simulator.order import Level, Order
from stream_guard.simulator.scenario import Traffic, build

decode = msgspec.json.Decoder(RequestEvent).decode
MIXED = "deepseek:0.1+reseller:0.02@naive+background:600"


class Played:
    """A traffic in an open loop, with everything it said."""

    def __init__(self, scenario: str, order: Order) -> None:
        self.traffic = build(scenario, order)
        self.lines = list(self.traffic.events())
        self.events = [decode(line) for line in self.lines]
        self.truth = {row.account_id: row for row in self.traffic.truth()}


@cache
def played(scenario: str = MIXED, seed: int = 3, days: float | None = 2.0) -> Played:
    return Played(scenario, Order(seed=seed, days=days, sketch_ratio=0.3))


def test_events_are_valid_ordered_unique_and_within_the_span() -> None:
    one = played()
    times = [event.occurred_at for event in one.events]
    assert times == sorted(times)
    begin, end = one.traffic.span
    assert begin <= times[0]
    assert times[-1] < end
    assert len({event.event_id for event in one.events}) == len(one.events) == one.traffic.count


def test_the_same_order_gives_the_same_bytes_and_another_one_does_not() -> None:
    order = Order(seed=5, days=0.5)
    first, again = (list(build("deepseek:0.02+background:100", order).events()) for _ in range(2))
    assert first == again
    for other in (Order(seed=6, days=0.5), Order(seed=5, days=0.5, split="test")):
        assert set(build("deepseek:0.02+background:100", other).events()).isdisjoint(first)


def test_the_truth_has_one_row_for_each_account_that_was_seen() -> None:
    one = played()
    assert set(one.truth) == {event.account_id for event in one.events}
    for row in one.truth.values():
        assert (row.label == "benign") == (row.campaign is None)
    assert {row.campaign for row in one.truth.values()} == {None, "deepseek-1", "reseller-2"}


def test_planned_is_what_the_log_of_an_open_loop_holds() -> None:
    one = played()
    answered = Counter(one.truth[e.account_id].campaign for e in one.events if (e.status or 0) < 400)
    assert one.traffic.planned == {name: answered[name] for name in one.traffic.planned}


@pytest.mark.parametrize("level", ["naive", "careful", "informed"])
@pytest.mark.parametrize("name", RECORDS)
def test_a_campaign_has_the_exchanges_and_accounts_of_the_record(name: str, level: Level) -> None:
    record = RECORDS[name]
    scale = 8000 / record.exchanges
    traffic = build(name, Order(seed=2, scale=scale, level=level))
    for _ in traffic.events():
        pass
    assert traffic.planned[f"{name}-1"] == pytest.approx(8000, rel=0.3)
    accounts = len(list(traffic.truth()))
    assert accounts <= max(3, record.accounts[1] * scale * 1.01)


def test_nothing_begins_with_the_span_and_accounts_start_and_rest_at_any_time() -> None:
    one = played("background:1500", days=2.0)
    begin, _ = one.traffic.span
    hours = Counter(int((event.occurred_at - begin) // 3600) for event in one.events)
    assert 0.4 < hours[0] / hours[24] < 2.5
    first_seen: dict[str, float] = {}
    for event in one.events:
        first_seen.setdefault(event.account_id, event.occurred_at)
    created = [e.account_created_at or 0 for e in one.events]
    assert all(made <= e.occurred_at for made, e in zip(created, one.events, strict=True))
    assert sum(at > begin + 86_400 for at in first_seen.values()) > 0.1 * len(first_seen)


def test_tokens_and_turns_fit_the_conversation() -> None:
    conversations: dict[str, list[RequestEvent]] = {}
    for event in played().events:
        conversations.setdefault(event.conversation_id or "", []).append(event)
    for turns in conversations.values():
        numbers = [event.turn or 0 for event in turns]
        assert numbers == sorted(set(numbers))
        assert len({event.account_id for event in turns}) == 1
        for event in turns:
            assert (event.cached_tokens or 0) <= (event.input_tokens or 0)
            assert (event.output_tokens is not None) == ((event.status or 0) < 400)


def test_an_open_gate_changes_nothing() -> None:
    order = Order(seed=3, days=2.0, sketch_ratio=0.3)
    assert list(build(MIXED, order).events(lambda _, __: 0)) == played().lines


def through(
    scenario: str, order: Order, gate: Callable[[str, float], int]
) -> tuple[Traffic, list[RequestEvent], list[tuple[str, float, int]]]:
    """Play a scenario through a gate that is watched."""
    asked: list[tuple[str, float, int]] = []

    def watched(account_id: str, at: float) -> int:
        asked.append((account_id, at, gate(account_id, at)))
        return asked[-1][2]

    traffic = build(scenario, order)
    return traffic, [decode(line) for line in traffic.events(watched)], asked


def test_the_gate_is_asked_once_for_each_event_in_order_and_its_word_is_the_status() -> None:
    refusals = [0, 0, 0, 429, 0, 403, 0]
    count = 0

    def gate(_: str, __: float) -> int:
        nonlocal count
        count += 1
        return refusals[count % len(refusals)]

    traffic, events, asked = through("deepseek:0.03+background:150", Order(days=1.0), gate)
    assert [(e.account_id, e.occurred_at) for e in events] == [(who, at) for who, at, _ in asked]
    assert all(e.status == status for e, (_, _, status) in zip(events, asked, strict=True) if status)
    times = [e.occurred_at for e in events]
    assert times == sorted(times)
    assert {row.account_id for row in traffic.truth()} >= {e.account_id for e in events}
    assert all(e.output_tokens is None and e.tool_calls is None for e in events if (e.status or 0) >= 400)


@pytest.mark.parametrize("level", ["naive", "careful", "informed"])
def test_blocked_attackers_are_replaced_at_a_cost_and_get_less(level: Level) -> None:
    blocked: set[str] = set()
    seen: Counter[str] = Counter()

    def gate(account_id: str, _: float) -> int:
        seen[account_id] += 1
        if seen[account_id] == 12:
            blocked.add(account_id)
        return 403 if account_id in blocked else 0

    order = Order(seed=4, days=8.0, level=level)
    opened = build("deepseek:0.2", order).costs["deepseek-1"]
    traffic, events, _ = through("deepseek:0.2", order, gate)
    answered = sum((event.status or 0) < 400 for event in events)
    assert 0 < answered < 0.8 * traffic.planned["deepseek-1"]
    spent = traffic.costs["deepseek-1"]
    assert spent.accounts > opened.accounts
    assert spent.usd > opened.usd
    newcomers = len({e.account_id for e in events}) - opened.accounts
    assert newcomers > 0


def test_the_plan_is_the_same_however_often_the_gate_refuses() -> None:
    order = Order(seed=4, days=3.0)
    planned = []
    for status in (0, 403):
        traffic, _, _ = through("minimax:0.003+background:100", order, lambda _, __, status=status: status)  # type: ignore[misc]
        planned.append(traffic.planned)
    assert planned[0] == planned[1]


def test_throttled_work_goes_to_a_sibling() -> None:
    turned_away: dict[str, int] = {}

    def gate(account_id: str, _: float) -> int:
        turned_away[account_id] = turned_away.get(account_id, 0) + 1
        return 429 if turned_away[account_id] % 5 == 0 else 0

    order = Order(seed=1, days=4.0, level="careful")
    _, events, _ = through("deepseek:0.2", order, gate)
    refused = [(i, event) for i, event in enumerate(events) if event.status == 429]
    handed_over = sum(
        any(
            later.prompt_chars == event.prompt_chars
            and later.account_id != event.account_id
            and later.occurred_at - event.occurred_at < 600
            for later in events[i + 1 : i + 200]
        )
        for i, event in refused
    )
    assert handed_over > 0.3 * len(refused) > 5


def test_honest_customers_who_are_shut_out_complain_and_leave() -> None:
    order = Order(seed=1, days=6.0)
    traffic, events, _ = through("background:200", order, lambda _, __: 403)
    unopposed = traffic.count
    assert len(events) < 0.7 * unopposed
    who = {event.account_id for event in events}
    assert 0.05 * len(who) < len({complaint.account_id for complaint in traffic.complaints}) < len(who)


def test_account_days_count_the_time_in_use_of_honest_accounts_only() -> None:
    one = played()
    benign = sum(row.label == "benign" for row in one.truth.values())
    assert 0 < sum(one.traffic.account_days.values()) <= 2.0 * benign
    assert set(one.traffic.account_days) == {r.kind for r in one.truth.values() if r.label == "benign"}


def test_operators_hear_of_stolen_cards_and_of_a_release() -> None:
    traffic = build("reseller:0.05+minimax:0.001+background:300", Order(days=12.0))
    for _ in traffic.events():
        pass
    words = traffic.words()
    assert [word.spoken_at for word in words] == sorted(word.spoken_at for word in words)
    assert [word.verb for word in words].count("release") == 1
    label = {row.account_id: row.kind for row in traffic.truth()}
    charged = Counter(label.get(word.subject, "unseen") for word in words if word.verb == "chargeback")
    assert charged["resale"] > 5
    assert charged["resale"] > 0.7 * charged.total()


def test_half_of_a_pivoting_campaign_is_on_the_new_model_within_a_day() -> None:
    traffic = build("minimax:0.01", Order(days=8.0, seed=2))
    events = [decode(line) for line in traffic.events()]
    release = next(word.spoken_at for word in traffic.words() if word.verb == "release")
    assert not any(e.model == "orion-5-large" for e in events if e.occurred_at < release)
    day_after = [e.model == "orion-5-large" for e in events if 86_400 < e.occurred_at - release < 2 * 86_400]
    assert 0.4 < sum(day_after) / len(day_after) < 0.7


SHARES: dict[str, Callable[[RequestEvent], object]] = {
    "office": lambda e: e.payment_id,
    "enterprise": lambda e: e.payment_id,
    "family": lambda e: e.payment_id,
    "contractors": lambda e: e.payment_id,
    "agency": lambda e: e.payment_id,
    "evaluation_lab": lambda e: e.payment_id,
    "router": lambda e: e.payment_id,
    "dominant_client": lambda e: e.payment_id,
    "campus": lambda e: (e.indicators or {}).get("email_domain"),
    "class": lambda e: e.client_ip,
    "vpn_users": lambda e: e.client_ip,
    "proxy_users": lambda e: e.client_ip,
    "corporate_vpn": lambda e: e.client_ip,
    "hackathon": lambda e: (e.indicators or {}).get("referral"),
    "open_source_tool": lambda e: e.system_prompt_hash,
    "popular_tool": lambda e: e.system_prompt_hash,
    "overnight_agents": lambda e: e.tools and tuple(e.tools),
    "review_bot": lambda e: e.prompt_template_hash,
    "batch_jobs": lambda e: (e.client_ip, e.user_agent),
    "viral_template": lambda e: e.prompt_template_hash,
    "launch_day": lambda e: e.model,
}


def test_each_hard_negative_is_known_by_what_it_shares() -> None:
    assert set(SHARES) == set(CROWDS)


@pytest.mark.parametrize("name", CROWDS)
def test_crowds_share_what_they_claim_and_come_in_several_sizes(name: str) -> None:
    largest = CROWDS[name][2][1]
    traffic = build(
        name, Order(seed=1, days=1.0 if name == "dominant_client" else 8.0, accounts=min(3 * largest, 120))
    )
    sharing: dict[object, set[str]] = {}
    for line in traffic.events():
        event = decode(line)
        value = SHARES[name](event)
        if value is not None:
            sharing.setdefault(value, set()).add(event.account_id)
    assert all(row.label == "benign" and row.kind == name for row in traffic.truth())
    sizes = sorted((len(who) for who in sharing.values() if len(who) > 1), reverse=True)
    assert sizes[0] >= 2
    if name not in ("dominant_client", "launch_day", "popular_tool"):  # a handful; everybody; cut short here
        assert len(set(sizes)) >= 2


def test_a_popular_tool_has_five_thousand_users_of_one_system_prompt() -> None:
    traffic = build("popular_tool:5000", Order(days=1.0))
    users: dict[object, set[str]] = {}
    for line in traffic.events():
        event = decode(line)
        users.setdefault(event.user_agent and event.system_prompt_hash, set()).add(event.account_id)
    seen = {row.account_id for row in traffic.truth()}
    assert len(seen) > 2000  # of 5,000; the others do not come on this day
    assert max(map(len, users.values())) > 0.5 * len(seen)


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        ("foo", r"name: expected one of background, deepseek"),
        ("deepseek@clever", r"level: expected one of naive, careful, informed; got 'clever'"),
        ("deepseek:much", r"size: expected a number; got 'much'"),
        ("deepseek:0", r"size: expected a number above zero; got 0.0"),
        ("deepseek++qwen", r"expected NAME\[:SIZE\]\[@LEVEL\]"),
        ("nowhere.toml", r"nowhere\.toml: .*No such file"),
    ],
)
def test_a_wrong_name_is_refused_with_what_was_expected(scenario: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        build(scenario, Order())


def test_every_scenario_has_a_name_and_a_description() -> None:
    assert set(described()) == set(names())
    assert all(what for _, what in described().values())
