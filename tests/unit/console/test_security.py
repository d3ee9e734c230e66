"""Read-only without a token; nothing from another site, nothing inline, nothing secret in a page."""

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from stream_guard.console.desk import COOKIE, static_folder
from stream_guard.console.security import POLICY
from stream_guard.console.sessions import token_of
from stream_guard.errors import BrokerUnavailable, ConfigurationError
from stream_guard.records import Control, pack_json
from stream_guard.settings import ConsoleSettings
from tests.unit.console.desks import NOW, NOWHERE, TOKEN, ConsoleDesk, blocked, campaign, profile

PAGES = (
    "/", "/decisions", "/decisions?all=1", "/campaigns", "/campaign?id=c-1", "/campaign/picture.json?id=c-1",
    "/campaign/points.json?id=c-1", "/decision?id=d-acc_1",
    "/account?id=acc_1", "/account/holds?id=acc_1", "/search?q=acc", "/exempt", "/audit", "/points.json",
    "/login", "/nothing-here",
)  # fmt: skip
MARKUP = '<img src=x onerror="alert(1)">'


@pytest.fixture
def desk() -> ConsoleDesk:
    made = ConsoleDesk()
    made.memory.take_decision(blocked(), 1)
    made.memory.take_campaigns([(pack_json(campaign("acc_1", "acc_2")), 0)])
    made.memory._take_profile(profile())
    return made


def test_without_a_token_nobody_can_sign_in_or_say_anything() -> None:
    desk = ConsoleDesk(token="")
    assert desk.client.post("/login", data={"token": "", "author": "ann"}).status_code == 403
    assert desk.say("", say="revoke", subject="acc_1").status_code == 403
    assert "read only" in desk.client.get("/").text
    assert "<button name=" not in desk.client.get("/account?id=acc_1").text
    assert desk.said == []


def test_whoever_has_not_signed_in_says_nothing(desk: ConsoleDesk) -> None:
    assert desk.say("", say="revoke", subject="acc_1").status_code == 403
    assert desk.said == []


def test_a_wrong_token_signs_nobody_in(desk: ConsoleDesk) -> None:
    answer = desk.client.post("/login", data={"token": TOKEN + "x", "author": "ann"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert TOKEN not in answer.text


def test_nobody_signs_in_without_a_name(desk: ConsoleDesk) -> None:
    assert desk.client.post("/login", data={"token": TOKEN, "author": " "}).status_code == 400


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_session_cookie_is_out_of_reach_of_scripts_and_of_other_sites(
    desk: ConsoleDesk, scheme: str
) -> None:
    client = TestClient(desk.app, f"{scheme}://testserver", follow_redirects=False)
    cookie = client.post("/login", data={"token": TOKEN, "author": "ann"}).headers["set-cookie"]
    flags = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= flags
    assert ("secure" in flags) == (scheme == "https")
    behind = ConsoleDesk(is_https=True).client.post("/login", data={"token": TOKEN, "author": "ann"})
    assert "; secure" in behind.headers["set-cookie"].lower()
    assert TOKEN not in cookie


def test_a_session_ends_in_time_and_on_signing_out(desk: ConsoleDesk) -> None:
    csrf = desk.sign_in()
    desk.clock.now += 8 * 3600 + 1
    assert desk.say(csrf, say="revoke", subject="acc_1").status_code == 403
    csrf = desk.sign_in()
    cookie = desk.client.cookies[COOKIE]
    assert desk.client.post("/logout", data={"csrf": csrf}).status_code == 303
    desk.client.cookies.set(COOKIE, cookie)
    assert desk.say(csrf, say="revoke", subject="acc_1").status_code == 403
    assert desk.said == []


@pytest.mark.parametrize("csrf", ["", "guess", "ü"])
def test_a_form_without_its_session_s_text_is_refused(desk: ConsoleDesk, csrf: str) -> None:
    desk.sign_in()
    assert desk.say(csrf, say="revoke", subject="acc_1").status_code == 403
    assert desk.client.post("/logout", data={"csrf": csrf}).status_code == 403
    assert desk.said == []


def test_the_text_of_one_session_does_not_fit_another(desk: ConsoleDesk) -> None:
    first = desk.sign_in("ann")
    desk.client.cookies.clear()
    second = desk.sign_in("bob")
    assert first != second
    assert desk.say(first, say="revoke", subject="acc_1").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/say", "/login", "/logout"])
def test_a_post_from_another_site_is_refused_even_with_everything_right(
    desk: ConsoleDesk, path: str, headers: dict[str, str]
) -> None:
    fields = {
        "csrf": desk.sign_in(),
        "say": "revoke",
        "subject": "a",
        "note": "n",
        "token": TOKEN,
        "author": "x",
    }
    assert desk.client.post(path, data=fields, headers=headers).status_code == 403
    assert desk.said == []


def test_our_own_pages_posts_are_taken(desk: ConsoleDesk) -> None:
    csrf = desk.sign_in()
    own = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
    fields = {"csrf": csrf, "say": "revoke", "subject": "acc_1", "note": "n"}
    assert desk.client.post("/say", data=fields, headers=own).status_code == 303


def test_only_forms_of_bounded_size_are_read(desk: ConsoleDesk) -> None:
    csrf = desk.sign_in()
    assert desk.client.post("/say", json={"csrf": csrf, "say": "revoke", "subject": "a"}).status_code == 415
    assert desk.say(csrf, say="revoke", subject="a" * 20_000).status_code == 413
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"csrf=\xff%FF", b"&".join(b"a=1" for _ in range(99))):
        assert desk.client.post("/say", content=body, headers=form).status_code == 400
    assert desk.said == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_nothing_is_said_but_by_a_post(desk: ConsoleDesk, method: str) -> None:
    csrf = desk.sign_in()
    query = urlencode({"csrf": csrf, "say": "revoke", "subject": "acc_1", "note": "n"})
    assert desk.client.request(method, f"/say?{query}").status_code == 405
    assert desk.said == []


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "testserver.evil:8080"])
def test_a_name_that_is_not_ours_is_not_answered(desk: ConsoleDesk, host: str) -> None:
    answer = desk.client.get("/account?id=acc_1", headers={"host": host})
    assert answer.status_code == 403
    assert "acc_1" not in answer.text
    assert desk.client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("is_signed_in", [False, True])
@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_anything_inline_or_from_elsewhere(
    desk: ConsoleDesk,
    path: str,
    is_signed_in: bool,  # noqa: FBT001 - two cases
) -> None:
    if is_signed_in:
        desk.sign_in()
    answer = desk.client.get(path)
    assert answer.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert "default-src 'none'" in POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers
    page = answer.text
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=\"/static/)", page)
    assert not re.search(r"(src|href|action)=\"(?!/|#)", page)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_holds_a_secret(desk: ConsoleDesk, path: str) -> None:
    desk.sign_in()
    session = desk.client.cookies[COOKIE]
    text = desk.client.get(path).text
    assert TOKEN not in text
    assert "hunter2" in NOWHERE
    assert "hunter2" not in text
    assert session not in text


def test_what_a_client_chose_is_text_and_never_markup() -> None:
    desk = ConsoleDesk()
    nasty = campaign(
        MARKUP, campaign_id=MARKUP, kind=MARKUP, indicators=((MARKUP, 2),), timeline=((NOW, MARKUP),)
    )
    desk.memory.take_campaigns([(pack_json(nasty), 0)])
    desk.memory.take_decision(
        blocked(MARKUP, campaign_id=MARKUP, reason_codes=(MARKUP,), trigger=MARKUP, policy_version=MARKUP), 1
    )
    word = Control(verb="exempt", subject=MARKUP, spoken_at=NOW, author=MARKUP, note=MARKUP)
    desk.memory.take_words([word])
    desk.sign_in(MARKUP)
    asked = urlencode({"id": MARKUP})
    for path in ("/", "/decisions", "/campaigns", f"/campaign?{asked}", f"/account?{asked}", "/exempt",
                 "/audit", f"/search?{urlencode({'q': MARKUP})}", f"/nothing?{asked}"):  # fmt: skip
        page = desk.client.get(path).text
        assert "<img" not in page, path
        assert 'onerror="' not in page, path
    for part in desk.app.state.live.parts().values():
        assert "<img" not in part


def test_where_reading_needs_the_token_nothing_is_shown_without() -> None:
    desk = ConsoleDesk(reading="token")
    desk.memory.take_decision(blocked(), 1)
    for path in (*PAGES, "/live"):
        answer = desk.client.get(path)
        if path != "/login":
            assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert desk.client.get("/static/console.css").status_code == 200
    desk.sign_in()
    assert "acc_1" in desk.client.get("/decisions").text


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (ConsoleSettings(token="short"), "console.token"),
        (ConsoleSettings(token=TOKEN, token_file="/x"), "console.token_file"),
        (ConsoleSettings(token_file="/not/there"), "console.token_file"),
        (ConsoleSettings(reading="token"), "console.reading"),
    ],
)
def test_a_token_that_can_not_be_used_is_named_and_never_quoted(
    settings: ConsoleSettings, wrong: str
) -> None:
    with pytest.raises(ConfigurationError, match=wrong) as caught:
        token_of(settings)
    assert "short" not in str(caught.value)


def test_a_token_may_be_a_mounted_secret(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    assert token_of(ConsoleSettings(token_file=str(path))) == TOKEN
    path.write_text("\n")
    with pytest.raises(ConfigurationError, match="empty"):
        token_of(ConsoleSettings(token_file=str(path)))


def test_what_could_not_be_sent_was_not_said(desk: ConsoleDesk) -> None:
    def unheard(*_: object) -> None:
        message = "kafka:9092 does not answer"
        raise BrokerUnavailable(message)

    csrf = desk.sign_in()
    object.__setattr__(desk.desk, "speak", unheard)
    answer = desk.say(csrf, say="revoke", subject="acc_1")
    assert answer.status_code == 503
    assert "nothing was said" in answer.text


def test_only_our_own_files_are_served(desk: ConsoleDesk) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/vendor/../../desk.py"):
        assert desk.client.get(path).status_code == 404
    files = [each for each in static_folder().rglob("*") if each.is_file()]
    assert len(files) > 10
    for each in files:
        assert desk.client.get(f"/static/{each.relative_to(static_folder())}").status_code == 200
