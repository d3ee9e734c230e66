"""The HTTP service by itself, without a Redis: what it takes, what it refuses to take."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from stream_guard.embedded.process import HOST, free_port
from stream_guard.enforcement import AsyncGuard, EventEmitter
from stream_guard.enforcement.adapters.envoy import EnvoyServices
from stream_guard.enforcement.adapters.envoy_messages import MESSAGES
from stream_guard.enforcement.adapters.http import GUARDRAIL, MAX_FAULTS, Door, GatewayService
from stream_guard.enforcement.asgi import from_header
from tests.support.producers import Kept

PAYLOAD = {
    "id": "call-1",
    "call_type": "acompletion",
    "status": "success",
    "startTime": 1763799998.0,
    "endTime": 1763800000.0,
    "model": "openai/atlas-large-2",
    "model_group": "atlas-large-2",
    "prompt_tokens": 12,
    "completion_tokens": 5,
    "metadata": {"user_api_key_hash": "88dc", "user_api_key_user_id": "acct-7"},
    "messages": [{"role": "user", "content": "a secret"}],
}


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def emitter(kept: Kept) -> Iterator[EventEmitter]:
    emitter = EventEmitter(kept)
    yield emitter
    emitter.close(10)


def call(
    emitter: EventEmitter | None,
    method: str,
    path: str,
    door: Door | None = None,
    exempt: str = "",
    counts: Counter[str] | None = None,
    **more: Any,
) -> httpx.Response:
    """One request to a service whose Redis is away and that fails closed."""

    async def asked() -> httpx.Response:
        url = f"redis://{HOST}:{free_port()}"
        guard = AsyncGuard.from_url(url, on_failure="closed", deadline_s=0.01, exempt=frozenset({exempt}))
        service = GatewayService(guard, emitter, door or Door(), lambda: b"metrics", counts)
        transport = httpx.ASGITransport(app=service)
        async with httpx.AsyncClient(transport=transport, base_url="http://guard") as client:
            response = await client.request(method, path, **more)
        await guard.close()
        return response

    return asyncio.run(asked())


def told(taken: int = 0, dropped: int = 0) -> dict[str, Any]:
    """The answer where nothing is refused."""
    return {"taken": taken, "dropped": dropped, "refused": 0, "faults": []}


def events(emitter: EventEmitter, kept: Kept) -> list[dict[str, Any]]:
    assert emitter.flush(10)
    return kept.sent


@pytest.mark.parametrize(
    "body",
    [json.dumps(PAYLOAD), json.dumps([PAYLOAD]), f"{json.dumps(PAYLOAD)}\n\n"],
    ids=["single", "json_array", "ndjson"],
)
def test_litellms_payload_becomes_an_event_without_its_text(
    emitter: EventEmitter, kept: Kept, body: str
) -> None:
    assert call(emitter, "POST", "/events", content=body).json() == told(taken=1)
    (event,) = events(emitter, kept)
    assert (event["account_id"], event["model"], event["status"]) == ("acct-7", "atlas-large-2", 200)
    assert (event["input_tokens"], event["prompt_chars"]) == (12, len("a secret"))
    assert "secret" not in json.dumps(event)


def test_events_of_ones_own_are_taken_as_they_are(emitter: EventEmitter, kept: Kept) -> None:
    own = {"event_id": "e", "account_id": "a", "occurred_at": 1.0, "model": "m", "prompt": "a secret", "x": 1}
    call(emitter, "POST", "/events", json=own)
    (event,) = events(emitter, kept)
    assert event["account_id"] == "a"
    assert not {"prompt", "x"} & event.keys()


def test_without_an_emitter_events_are_told_to_be_dropped() -> None:
    assert call(None, "POST", "/events", json=[PAYLOAD]).json() == told(dropped=1)


def own(name: str, **more: Any) -> str:
    """An event of one's own, as text."""
    return json.dumps({"event_id": name, "account_id": "a", "occurred_at": 1.0, "model": "m", **more})


@pytest.mark.parametrize(
    "odd", ['"\\ud800"', '"\xff"', "NaN", "1e999", "-Infinity", '"\\udc00\\ud83d\\ude00"', "9" * 5000]
)
@pytest.mark.parametrize("between", ["[%s]", "%s"], ids=["array", "lines"])
def test_oddities_of_one_client_cost_no_event(
    emitter: EventEmitter, kept: Kept, between: str, odd: str
) -> None:
    strange = own("2")[:-1] + f', "prompt": {odd}, "temperature": {odd}' + "}"
    joint = "," if "[" in between else "\n"
    body = between % joint.join((own("1"), strange, own("3")))
    assert call(emitter, "POST", "/events", content=body.encode("latin-1")).json() == told(taken=3)
    assert [event["event_id"] for event in events(emitter, kept)] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ("3", "not_object"),
        ('"text"', "not_object"),
        ("[1]", "not_object"),
        ('{"account_id": "a\\ud800"}', "not_json"),
        ('{"event_id": "\xff", "account_id": "a"}', "not_json"),
    ],
)
@pytest.mark.parametrize("between", ["[%s]", "%s"], ids=["array", "lines"])
def test_an_event_that_can_not_be_read_costs_no_other_and_its_sender_is_told(
    emitter: EventEmitter, kept: Kept, between: str, odd: str, reason: str
) -> None:
    body = between % ("," if "[" in between else "\n").join((own("1"), odd, own("3")))
    counts: Counter[str] = Counter()
    answer = call(emitter, "POST", "/events", counts=counts, content=body.encode("latin-1")).json()
    assert (answer["taken"], answer["dropped"], answer["refused"]) == (2, 0, 1)
    (fault,) = answer["faults"]
    assert (fault["index"], fault["reason"]) == (1, reason)
    assert counts == {"unreadable": 1}
    assert [event["event_id"] for event in events(emitter, kept)] == ["1", "3"]


def test_a_line_that_is_cut_off_costs_no_other(emitter: EventEmitter, kept: Kept) -> None:
    deep = '{"account_id": "a", "prompt": ' + "[" * 200 + "NaN" + "]" * 200 + "}"
    answer = call(
        emitter, "POST", "/events", content="\n".join((own("1"), own("2")[:20], deep, own("3")))
    ).json()
    assert [fault["reason"] for fault in answer["faults"]] == ["not_json", "too_deep"]
    assert [event["event_id"] for event in events(emitter, kept)] == ["1", "3"]


def test_the_list_of_faults_is_bounded(emitter: EventEmitter) -> None:
    answer = call(emitter, "POST", "/events", content=own("1") + "\n3" * 1000).json()
    assert (answer["refused"], len(answer["faults"])) == (1000, MAX_FAULTS)


def test_one_event_may_stand_on_many_lines(emitter: EventEmitter, kept: Kept) -> None:
    body = json.dumps(json.loads(own("1")), indent=2)
    assert call(emitter, "POST", "/events", content=body).json() == told(taken=1)


def test_half_a_character_in_a_prompt_does_not_keep_a_guardrail_from_refusing() -> None:
    body = '{"request_data": {"user_api_key_user_id": "a"}, "texts": ["\\ud800"], "input_type": "request"}'
    assert call(None, "POST", GUARDRAIL, content=body).json()["action"] == "BLOCKED"


@pytest.mark.parametrize("body", ["{", "[1, 2", "[1, 2]", "\xff", "[" * 5000])
def test_what_is_no_json_is_refused_with_a_reason(emitter: EventEmitter, body: str) -> None:
    response = call(emitter, "POST", "/events", content=body.encode("latin-1"))
    assert (response.status_code, response.json()["title"]) == (400, "Not JSON")


@pytest.mark.parametrize("body", [[], {}, {"request_data": 3}])
def test_what_is_no_guardrail_request_is_refused(emitter: EventEmitter, body: Any) -> None:
    assert call(emitter, "POST", GUARDRAIL, json=body).status_code == 400


def test_a_guardrail_is_told_of_a_refusal_and_of_nobody_nothing() -> None:
    who = {"request_data": {"user_api_key_user_id": "acct-7"}, "input_type": "request"}
    refused = call(None, "POST", GUARDRAIL, json=who).json()
    assert refused["action"] == "BLOCKED"
    assert json.loads(refused["blocked_reason"])["status"] == 503
    others: list[dict[str, Any]] = [{"request_data": {}}, {**who, "input_type": "response"}]
    for other in others:
        assert call(None, "POST", GUARDRAIL, json=other).json() == {"action": "NONE"}


@pytest.mark.parametrize("path", ["/events", GUARDRAIL])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"x-api-key": "wrong"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"x-api-key": "right"}, 200),
        ({"authorization": "Bearer right"}, 200),
    ],
)
def test_who_posts_must_bring_the_token(path: str, headers: dict[str, str], status: int) -> None:
    body: dict[str, Any] = {"request_data": {}}
    assert call(None, "POST", path, Door(token="right"), json=body, headers=headers).status_code == status


def test_a_check_of_nobody_passes_and_of_somebody_fails_closed_with_our_answer() -> None:
    assert call(None, "GET", "/check").status_code == 200
    refused = call(None, "GET", "/check", headers={"x-account-id": "a"})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize("sent", ["zoë", "张伟", "acct-1"])
def test_a_check_reads_an_account_as_access_logs_do(sent: str) -> None:
    headers = {b"x-account-id": sent.encode()}
    assert call(None, "GET", "/check", exempt=sent, headers=headers).status_code == 200
    assert call(None, "GET", "/check", headers=headers).status_code == 503
    assert from_header("X-Account-Id")({"headers": [*headers.items()]}) == sent


def test_an_account_that_is_no_utf_8_is_one_all_the_same() -> None:
    headers = {b"x-account-id": b"zo\xeb"}
    assert call(None, "GET", "/check", exempt="zo\xeb", headers=headers).status_code == 200
    assert from_header("x-account-id")({"headers": [*headers.items()]}) == "zo\xeb"


def test_a_gateway_that_knows_only_403_gets_403_and_the_true_status_beside_it() -> None:
    refused = call(None, "POST", "/check?refuse=403", headers={"x-account-id": "a"})
    assert (refused.status_code, refused.headers["x-stream-guard-status"]) == (403, "503")


def test_health_says_whether_redis_answers_and_metrics_are_served() -> None:
    assert call(None, "GET", "/health").status_code == 503
    assert call(None, "GET", "/metrics").content == b"metrics"
    assert call(None, "GET", "/events").status_code == 404


@pytest.mark.parametrize(("account", "status"), [("acct-7", 200), ("acct-8", 503)])
def test_the_header_is_found_in_whatever_case_it_was_configured(account: str, status: int) -> None:
    door = Door(account_header="X-Account-ID")
    response = call(None, "GET", "/check", door, exempt="acct-7", headers={"x-account-id": account})
    assert response.status_code == status


@pytest.mark.parametrize(("account", "code"), [("acct-7", 0), ("acct-8", 7)])
def test_envoys_service_finds_the_header_in_whatever_case_it_was_configured(account: str, code: int) -> None:
    async def asked() -> Any:
        guard = AsyncGuard.from_url(
            f"redis://{HOST}:{free_port()}", on_failure="closed", exempt=frozenset({"acct-7"})
        )
        request = MESSAGES["CheckRequest"]()
        request.attributes.request.http.headers["x-account-id"] = account
        answered = await EnvoyServices(guard, None, "X-Account-ID")._authorize(request, None)
        await guard.close()
        return answered

    assert asyncio.run(asked()).status.code == code
