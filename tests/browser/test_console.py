"""The console in a real Chromium, on decisions that a real worker made."""

import json
import os
import re
import time
from io import StringIO
from pathlib import Path
from urllib.request import urlopen

import msgspec
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from rich.console import Console

from stream_guard.cli.top_view import draw, snapshot
from stream_guard.console.sources import Sources
from stream_guard.records import CampaignState, Control, Decision
from stream_guard.settings import StreamSettings, load_settings
from tests.browser.conftest import PATIENCE_S, Place, Watched
from tests.e2e.program import good, stream_guard
from tests.support.kafka import read_topics
from tests.support.polling import until

pytestmark = [
    pytest.mark.browser, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(900),
]  # fmt: skip
AXE = (Path(__file__).parent / "vendor" / "axe-4.14.1.min.js").read_text(encoding="utf-8")
RULES = {
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "dark": ["color-contrast"],  # all else is the same
}
PHONE = {"width": 360, "height": 740}
METRICS_PORT = "STREAM_GUARD_TELEMETRY__METRICS_PORT"
PICTURES = os.environ.get("STREAM_GUARD_PICTURES", "")


def blocked(page: Page, number: int) -> str:
    """An account that is blocked, by its place in the list."""
    page.goto(re.sub(r"(https?://[^/]+).*", r"\1", page.url) + "/decisions?action=block")
    return page.locator("tbody th a").nth(number).inner_text()


def campaign(page: Page) -> str:
    """The first campaign's path."""
    page.goto(re.sub(r"(https?://[^/]+).*", r"\1", page.url) + "/campaigns")
    return page.locator("tbody th a").first.get_attribute("href") or ""


def paths(watched: Watched) -> list[str]:
    """Every page that there is."""
    watched.open("/")
    account = blocked(watched.page, 0)
    named = ["/", "/decisions", "/campaigns?all=1", "/exempt", "/audit", "/search?q=acc", "/login"]
    named += [
        "/nothing",
        watched.page.locator("tbody td a[href^='/decision?']").first.get_attribute("href") or "",
    ]
    return [*named, campaign(watched.page), f"/account?id={account}", "/account?id=nobody"]


def settled(page: Page) -> None:
    """Charts and pictures are drawn."""
    if page.locator("#rate").count():
        page.wait_for_selector("#rate canvas")
    if page.locator("#growth").count():
        page.wait_for_selector("#growth canvas")
    if page.locator("#network").count():
        page.wait_for_selector("#network[data-drawn]")


def newest(place: Place, account: str) -> Decision:
    """What the worker said last of an account, read from Kafka by another client."""
    topics = read_topics(place.bootstrap, {"guard.decisions.v1": StreamSettings().partitions})
    found = [
        json.loads(record.value)
        for records in topics.values()
        for record in records
        if record.key == account.encode() and record.value
    ]
    return msgspec.convert(found[-1], Decision)


def test_pictures_for_the_documents(browser: Browser, place: Place, tmp_path: Path) -> None:
    """Light, dark and phone, into docs/images, where `make pictures` asks for it; else a look at one."""
    folder = Path(PICTURES) if PICTURES else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    looks = {
        "light": ({"width": 1280, "height": 900}, "light"),
        "dark": ({"width": 1280, "height": 900}, "dark"),
        "phone": (PHONE, "light"),
    }
    for name, (viewport, scheme) in looks.items() if PICTURES else [("phone", looks["phone"])]:
        context = browser.new_context(viewport=viewport, color_scheme=scheme, device_scale_factor=1)  # type: ignore[arg-type]
        watched = Watched(context.new_page(), place.url)
        watched.sign_in()
        account = blocked(watched.page, 1)
        for what, path in {
            "overview": "/", "campaign": campaign(watched.page), "account": f"/account?id={account}",
        }.items():  # fmt: skip
            settled(watched.open(path))
            file = folder / f"console-{what}-{name}.png"
            watched.page.screenshot(path=file)
            assert file.stat().st_size > 10_000, "a page with nothing on it is smaller"
        context.close()
        assert watched.complaints == []


def test_pictures_of_the_terminal(place: Place, tmp_path: Path) -> None:
    """`stream-guard top` as somebody sees it, drawn by rich; without the fonts that it would fetch."""
    folder = Path(PICTURES) if PICTURES else tmp_path
    terminal = Console(record=True, width=136, file=StringIO())
    with Sources(load_settings(environment=place.environment), has_profiles=False) as sources:
        until(lambda: sources.state().is_complete and sources.meters.looked > 1, PATIENCE_S, "all is read")
        terminal.print(draw(snapshot(sources, time.time())))
    drawn = re.sub(r"@font-face \{.*?\}", "", terminal.export_svg(title="stream-guard top"), flags=re.DOTALL)
    (folder / "top.svg").write_text(drawn, encoding="utf-8")
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "").replace(
        "https://www.textualize.io", ""
    )
    assert "campaign" in drawn


def test_no_page_is_refused_anything_by_its_own_policy(watched: Watched) -> None:
    for path in paths(watched):
        watched.open(path)
        settled(watched.page)
        if path == "/nothing":
            assert [each for each in watched.complaints if "404" not in each] == []
            watched.complaints.clear()
        assert watched.complaints == [], path
    assert watched.asked == {watched.url}, "nothing comes from elsewhere: it works offline"


@pytest.mark.parametrize("scheme", RULES)
def test_everybody_can_use_every_page(watched: Watched, scheme: str) -> None:
    """No finding of axe: names, roles, contrast, structure."""
    watched.sign_in()
    watched.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    found = []
    for path in paths(watched):
        watched.open(path)
        settled(watched.page)
        watched.page.evaluate(AXE)
        asked = {"rules": RULES[scheme], "exclude": ["tbody tr:nth-child(n+6)"]}  # they are like the first
        result = watched.page.evaluate("a => axe.run({exclude: a.exclude}, {runOnly: a.rules})", asked)
        found += [
            (path, each["id"], [node["html"][:160] for node in each["nodes"][:3]])
            for each in result["violations"]
        ]
    watched.complaints.clear()  # the page that is not there
    assert found == []


def test_no_page_is_wider_than_a_phone(watched: Watched) -> None:
    watched.sign_in()
    watched.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    wide = []
    for path in paths(watched):
        watched.open(path)
        settled(watched.page)
        if watched.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)
    watched.complaints.clear()
    assert wide == []


def test_the_keyboard_is_enough(watched: Watched) -> None:
    page = watched.open("/login")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Your name")).to_be_focused()
    page.keyboard.type("kim")
    page.keyboard.press("Tab")
    page.keyboard.type("the token of these tests")
    page.keyboard.press("Enter")
    page.get_by_text("kim", exact=True).wait_for()
    page.locator("body").press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("acc_")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Accounts")).to_be_visible()
    watched.open(f"/account?id={blocked(page, 7)}")
    why = page.get_by_role("form", name="Was it right?").get_by_label("Why")
    tab_to(why)
    page.keyboard.type("by keyboard alone")
    tab_to(page.get_by_role("button", name="Label as right"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Said: label right")


def tab_to(wanted: Locator) -> None:
    """As somebody gets there who has no mouse; every stop on the way shows where he is."""
    for _ in range(60):
        wanted.page.keyboard.press("Tab")
        shown = wanted.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert shown != "none", wanted.page.evaluate("document.activeElement.outerHTML")[:200]
        if wanted.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"no Tab leads to {wanted}")


def test_what_has_not_changed_is_not_put_in_again(watched: Watched) -> None:
    """A screen reader would read the whole of it again, every two seconds."""
    page = watched.open("/account?id=nobody")  # of whom nothing changes
    page.wait_for_selector("#holds[data-shown]")
    page.evaluate("document.querySelector('#holds').firstElementChild.id = 'as-it-was'")
    for _ in range(2):
        with page.expect_response("**/account/holds*") as told:
            pass
        told.value.finished()
    expect(page.locator("#as-it-was")).to_have_count(1)


def test_the_overview_follows_the_stream_until_it_is_paused(watched: Watched) -> None:
    page = watched.open("/")
    settled(page)
    before = page.locator("#rate").get_attribute("aria-label")
    assert before is not None
    page.get_by_role("button", name="Pause updates").click()
    paused = page.get_by_role("button", name="Paused")
    expect(paused).to_have_attribute("aria-pressed", "true")
    paused.click()
    expect(page.get_by_role("button", name="Pause updates")).to_have_attribute("aria-pressed", "false")


def test_top_tells_the_same_in_a_terminal(place: Place) -> None:
    seen = json.loads(good(stream_guard("top", "--once", "--json", environment=place.environment)))
    listed = stream_guard(
        "decisions", "list", "-a", "block", "-n", "10000", "--json", environment=place.environment
    )
    assert seen["is_complete"]
    assert (seen["workers"], seen["holding"]["block"]["force"]) == (1, len(good(listed).splitlines()))
    shown = good(stream_guard("top", "--once", environment=place.environment))
    assert seen["campaigns"][0]["campaign_id"] in shown
    assert seen["decisions"][0]["account_id"] in shown


def test_a_picture_draws_the_campaign_s_own_lines(watched: Watched, place: Place) -> None:
    watched.open("/")
    path = campaign(watched.page)
    settled(watched.open(path))
    nodes, edges = map(int, (watched.page.locator("#network").get_attribute("data-drawn") or "").split())
    (records,) = read_topics(place.bootstrap, {"guard.campaigns.v1": 1}).values()
    states = {}
    for record in records:
        state = msgspec.json.decode(record.value or b"", type=CampaignState)
        states[state.campaign_id] = state
    state = states[path.removeprefix("/campaign?id=")]
    assert 0 < nodes <= len(state.members) + len(state.indicators)
    assert edges > 0


def test_pages_say_the_same_without_scripts(browser: Browser, place: Place) -> None:
    """All but charts, the picture and pausing, which need them."""
    context = browser.new_context(java_script_enabled=False)
    watched = Watched(context.new_page(), place.url)
    watched.sign_in()
    account = blocked(watched.page, 2)
    watched.open(f"/account?id={account}")
    expect(watched.page.get_by_text(f"Account {account} is blocked")).to_be_visible()
    expect(watched.page.get_by_role("button", name="Label as right")).to_be_visible()
    context.close()


def test_what_is_said_in_the_browser_changes_what_the_worker_decides(watched: Watched, place: Place) -> None:
    watched.sign_in("ann")
    page, known = watched.page, learnt(place)
    wrong, revoked, exempt, shadowed = (blocked(page, number) for number in (3, 4, 5, 6))

    def act(account: str, button: str, label: str = "Was it right?") -> None:
        watched.open(f"/account?id={account}")
        form = page.get_by_role("form", name=label)
        form.get_by_label("Why").fill(f"ticket for {button}")
        form.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("Said:")

    act(shadowed, "Label as right")
    act(wrong, "Label as wrong and release")
    act(revoked, "Revoke")
    act(exempt, "Allow: leave it alone", "Leave alone")
    for account, reason in ((exempt, "exempt"), (wrong, "revoked"), (revoked, "revoked")):
        watched.open(f"/account?id={account}")
        expect(page.locator("#holds")).to_contain_text("may go on", timeout=PATIENCE_S * 1000)
        decision = newest(place, account)
        assert (decision.action, decision.reason_codes) == ("allow", (reason,))

    watched.open("/exempt")
    form = page.get_by_role("form", name="Put into shadow")
    form.get_by_label("Why").fill("too many blocks")
    form.get_by_role("button", name="Put into shadow").click()
    expect(page.locator("main")).to_contain_text("In shadow: everything", timeout=PATIENCE_S * 1000)
    watched.open(f"/account?id={shadowed}")
    expect(page.locator("#holds")).to_contain_text("In shadow: recorded", timeout=PATIENCE_S * 1000)
    assert newest(place, shadowed).shadow
    watched.open("/exempt")
    page.get_by_role("row", name="everything").get_by_label("Why").fill("looked at")
    page.get_by_role("button", name="Enforce again").click()
    watched.open(f"/account?id={shadowed}")
    expect(page.locator("#holds")).not_to_contain_text("In shadow", timeout=PATIENCE_S * 1000)
    again = newest(place, shadowed)
    assert (again.action, again.shadow) == ("block", False)

    watched.open("/audit")
    for text in (wrong, revoked, exempt, "ticket for Revoke", "too many blocks", "looked at"):
        expect(page.locator("tbody")).to_contain_text(text)
    said = words(place)
    assert {(word.verb, word.value, word.author) for word in said} >= {
        ("revoke", "", "ann"), ("label", "wrong", "ann"), ("label", "right", "ann"), ("exempt", "", "ann"),
        ("shadow", "on", "ann"), ("shadow", "off", "ann"),
    }  # fmt: skip
    until(lambda: learnt(place) >= known + 2, PATIENCE_S, "both labels have taught the classifier")
    log = place.log.read_text(encoding="utf-8")
    assert log.count('"event": "operator_spoke"') == len(said)
    assert "the token of these tests" not in log


def learnt(place: Place) -> float:
    """Labels that the worker's online classifier has learnt from."""
    return metric(place, 'stage_counted_total{stage="campaigns",what="labels_learnt"}')


def metric(place: Place, series: str) -> float:
    """One series of the worker's metrics."""
    with urlopen(f"http://127.0.0.1:{place.environment[METRICS_PORT]}/metrics", timeout=10) as answer:
        found = re.findall(rf"^stream_guard_{re.escape(series)} (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(found[0]) if found else 0.0


def words(place: Place) -> list[Control]:
    """What operators said, read from Kafka by another client."""
    (records,) = read_topics(place.bootstrap, {"guard.control.v1": 1}).values()
    found = []
    for record in records:
        tree = json.loads(record.value or b"{}")
        if isinstance(tree, dict) and "verb" in tree:  # else a heartbeat
            found.append(msgspec.convert(tree, Control))
    return found
