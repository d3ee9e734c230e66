"""Pages say what the topics say, what is missing, and what needs a look; live parts come when they change."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.requests import Request

from stream_guard.console import live as lives
from stream_guard.console.budget import Budget
from stream_guard.console.desk import COOKIE
from stream_guard.console.looks import looks
from stream_guard.console.meters import Reading
from stream_guard.console.sources import State
from stream_guard.records import Control, pack_json
from stream_guard.settings import ConsoleSettings, load_settings, without_secrets
from tests.unit.console.desks import NOW, ConsoleDesk, blocked, campaign, profile

READ = State(is_complete=True, errors=(), is_from_redis=False)
FINE = Reading(workers=1, watermark_at=NOW - 2)
UNSPENT = Budget(granted=3.0, taken_back=2, expected=0.5)


@pytest.fixture
def desk() -> ConsoleDesk:
    made = ConsoleDesk()
    made.memory.take_decision(blocked(), 1)
    made.memory.take_decision(blocked("acc_2", shadow=True), 2)
    made.memory.take_decision(blocked("acc_3", expires_at=NOW - 1), 3)
    made.memory.take_campaigns([(pack_json(campaign("acc_1", "acc_2")), 0)])
    made.memory._take_profile(profile())
    return made


def test_an_account_shows_what_holds_why_and_what_would_change_it(desk: ConsoleDesk) -> None:
    page = desk.client.get("/account?id=acc_1").text
    for part in (
        "Account acc_1 is blocked, since", "Ends by itself in 1 d", "campaign member",
        "Pays with what few but the campaign", "load evenness", "+9.0", "What would have changed it",
        "Honest figures in place of load_evenness", "usual gap", "m-large", "label chain of thought",
        "network:10.0.0.0/24",
    ):  # fmt: skip
        assert part in page, part


def test_an_account_nobody_decided_upon_may_go_on(desk: ConsoleDesk) -> None:
    assert "No decision was ever made" in desk.client.get("/account?id=acc_99").text


def test_a_decision_has_a_page_of_its_own_and_can_be_searched_for(desk: ConsoleDesk) -> None:
    desk.memory.take_decision(blocked(decision_id="older", decided_at=NOW - 7200), 0)
    page = desk.client.get("/decision?id=older").text
    for part in ("A newer one followed", "load evenness", "What it said", "/decision?id=d-acc_1"):
        assert part in page, part
    assert "Ends by itself" not in page
    newest = desk.client.get("/decision?id=d-acc_1").text
    assert "It is the newest on this account" in newest
    assert "Ends by itself" in newest
    for path in ("/search?q=older", "/account?id=acc_1"):
        assert "/decision?id=older" in desk.client.get(path).text
    assert desk.client.get("/decision?id=none").status_code == 404


def test_a_campaign_shows_its_network_timeline_evidence_and_accounts(desk: ConsoleDesk) -> None:
    page = desk.client.get("/campaign?id=c-1").text
    for part in ("distillation", "1,234", "founded on payment:card", "sign up burst", "cold", "honest groups",
                 "/account?id=acc_2", "payment:card"):  # fmt: skip
        assert part in page, part


def test_the_picture_draws_what_is_known_and_invents_no_line(desk: ConsoleDesk) -> None:
    elements = [each["data"] for each in desk.client.get("/campaign/picture.json?id=c-1").json()]
    edges = {(each["source"], each["target"]) for each in elements if "source" in each}
    assert edges == {
        ("i:payment:card", "a:acc_1"),
        ("i:payment:card", "a:acc_2"),
        ("i:network:10.0.0.0/24", "a:acc_1"),
    }
    nodes = {each["id"] for each in elements if "source" not in each}
    assert {end for edge in edges for end in edge} <= nodes


def test_a_campaign_s_growth_steps_at_each_account_s_first_decision(desk: ConsoleDesk) -> None:
    desk.memory.take_decision(blocked(decision_id="again", decided_at=NOW - 60), 4)
    found = desk.client.get("/campaign/points.json?id=c-1").json()
    assert found == {"at": [NOW - 7200, NOW - 3600, NOW - 3600, NOW], "accounts": [0, 1, 2, 2]}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"acc_1", "acc_2"}),
        ("?all=1", {"acc_1", "acc_2", "acc_3"}),
        ("?action=throttle", set()),
        ("?reason=shared_payment", {"acc_1", "acc_2"}),
        ("?reason=chargeback", set()),
        ("?campaign=c-1", {"acc_1", "acc_2"}),
        ("?campaign=c-2", set()),
        ("?action=nonsense", {"acc_1", "acc_2"}),
    ],
)
def test_decisions_are_those_that_were_asked_for(desk: ConsoleDesk, query: str, shown: set[str]) -> None:
    page = desk.client.get(f"/decisions{query}").text
    assert {name for name in ("acc_1", "acc_2", "acc_3") if f"id={name}" in page} == shown


def test_a_search_finds_accounts_campaigns_and_indicators(desk: ConsoleDesk) -> None:
    assert "/account?id=acc_1" in desk.client.get("/search?q=acc_").text
    part = desk.client.get("/search?q=payment", headers={"HX-Request": "true"}).text
    assert "/campaign?id=c-1" in part
    assert "<html" not in part
    assert "Nothing known" in desk.client.get("/search?q=zzz").text


def test_the_audit_names_who_said_what_and_why(desk: ConsoleDesk) -> None:
    desk.memory.take_words(
        [Control(verb="revoke", subject="acc_1", spoken_at=NOW, author="ann", note="ticket 42")]
    )
    page = desk.client.get("/audit").text
    for part in ("ann", "revoke", "/account?id=acc_1", "ticket 42"):
        assert part in page
    assert "ticket 42" in desk.client.get("/account?id=acc_1").text


def test_what_is_unknown_is_404_in_words(desk: ConsoleDesk) -> None:
    for path in ("/campaign?id=c-9", "/account", "/nothing"):
        answer = desk.client.get(path)
        assert (answer.status_code, 'role="alert"' in answer.text) == (404, True)


def test_nothing_needs_a_look_when_all_is_well() -> None:
    assert looks(READ, FINE, [], [], UNSPENT, NOW) == []


@pytest.mark.parametrize(
    ("state", "reading", "level", "says"),
    [
        (State(is_complete=False, errors=("down",), is_from_redis=True), FINE, "bad", "what Redis holds"),
        (State(is_complete=False, errors=("down",), is_from_redis=False), FINE, "bad", "known before"),
        (State(is_complete=False, errors=(), is_from_redis=False), FINE, "note", "Still reading"),
        (READ, Reading(errors=("http://w: refused",)), "bad", "No worker answers"),
        (READ, Reading(workers=1, over_cap=3), "bad", "cap"),
        (READ, Reading(workers=1, projection_lag_s=31), "bad", "Redis has lacked"),
        (READ, Reading(workers=1, lag={"accounts": 10_001}), "warn", "10,001 messages wait"),
        (READ, Reading(workers=1, watermark_at=NOW - 61), "warn", "61 s behind"),
        (READ, Reading(workers=1, dead_letters=2), "warn", "2 messages could not be read"),
    ],
)
def test_what_is_wrong_is_said_in_words(state: State, reading: Reading, level: str, says: str) -> None:
    (look,) = looks(state, reading, [], [], UNSPENT, NOW)
    assert (look.level, says in look.text) == (level, True)


def test_shadow_is_said_on_every_page_until_it_ends(desk: ConsoleDesk) -> None:
    word = Control(verb="shadow", subject="all", spoken_at=NOW, author="ann", value="on", expires_at=NOW + 60)
    desk.memory.take_words([word])
    for path in ("/", "/decisions", "/account?id=acc_1"):
        assert "In shadow: everything" in desk.client.get(path).text
    desk.clock.now += 61
    assert "In shadow: everything" not in desk.client.get("/").text


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def test_a_part_is_sent_at_once_and_then_only_when_it_changes(
    desk: ConsoleDesk, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lives, "EVERY_S", 0.0)
    live = desk.app.state.live

    async def first(count: int) -> list[str]:
        events = live._events(lambda: True)
        seen = [await anext(events) for _ in range(count)]
        desk.memory.take_decision(blocked("acc_9"), 9)
        desk.clock.now += 1
        seen.append(await anext(events))
        await events.aclose()
        return seen

    *begin, changed = loop.run_until_complete(first(len(lives.PARTS) + 1))
    assert [each.split("\n")[0] for each in begin] == [f"event: {name}" for name in (*lives.PARTS, "point")]
    assert changed.startswith("event: tiles")
    assert live._watchers == 0


def test_a_stream_ends_with_its_session_where_reading_needs_one(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lives, "EVERY_S", 0.0)
    desk = ConsoleDesk(reading="token")
    desk.sign_in()
    cookie = f"{COOKIE}={desk.client.cookies[COOKIE]}".encode()
    request = Request({"type": "http", "headers": [(b"cookie", cookie)]})
    live = desk.app.state.live

    async def until_it_ends() -> int:
        count = 0
        async for _ in live._events(lambda: live._may_watch(request)):
            count += 1
            desk.clock.now += 3600 * 24
        return count

    assert loop.run_until_complete(until_it_ends()) == len(lives.PARTS) + 1


def test_a_line_break_can_not_end_an_event() -> None:
    assert lives.event("x", "a\nb\r\n\ndata: c") == "event: x\ndata: a\ndata: b\ndata: \ndata: data: c\n\n"


def test_settings_are_shown_without_secrets() -> None:
    given = {
        "STREAM_GUARD_CONSOLE__TOKEN": "hunter2 hunter2 hunter2",
        "STREAM_GUARD_REDIS__URL": "redis://:hunter2@r:1",
    }
    shown = without_secrets(load_settings(environment=given))
    assert b"hunter2" not in pack_json(shown)
    assert shown.redis.url == "redis://***@r:1"
    assert without_secrets(load_settings(environment={})).console == ConsoleSettings()
