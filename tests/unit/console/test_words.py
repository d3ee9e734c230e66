"""What is said in the console becomes the same words as on a command line, with author and reason."""

import pytest

from stream_guard.decisions.control import fault_in_control
from stream_guard.records import pack_json
from tests.unit.console.desks import NOW, ConsoleDesk, campaign

CASES = {
    "revoke": [("revoke", "")],
    "right": [("label", "right")],
    "wrong": [("revoke", ""), ("label", "wrong")],
    "exempt": [("exempt", "")],
    "unexempt": [("unexempt", "")],
}


@pytest.fixture
def desk() -> ConsoleDesk:
    made = ConsoleDesk()
    made.memory.take_campaigns([(pack_json(campaign("acc_1", "acc_2")), 0)])
    return made


@pytest.mark.parametrize("say", CASES)
def test_a_button_says_what_is_on_it(desk: ConsoleDesk, say: str) -> None:
    answer = desk.say(desk.sign_in("ann"), say=say, subject="acc_1", **{"from": "account"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?id=acc_1")
    assert [(word.verb, word.value) for word in desk.said] == CASES[say]
    for word in desk.said:
        assert (word.subject, word.author, word.note, word.spoken_at) == ("acc_1", "ann", "ticket 42", NOW)
        assert fault_in_control(word) == ""


@pytest.mark.parametrize(("duration", "until"), [("", None), ("1h", NOW + 3600), ("30d", NOW + 30 * 86_400)])
def test_an_exemption_and_a_shadow_end_when_it_was_said(
    desk: ConsoleDesk, duration: str, until: float | None
) -> None:
    csrf = desk.sign_in()
    for say in ("exempt", "shadow_on"):
        desk.say(csrf, say=say, subject="all", duration=duration)
    assert [word.expires_at for word in desk.said] == [until, until]


def test_the_shadow_switch_names_all_or_a_rule(desk: ConsoleDesk) -> None:
    csrf = desk.sign_in()
    desk.say(csrf, say="shadow_on", subject="rule:campaign_member")
    desk.say(csrf, say="shadow_off")
    assert [(w.verb, w.subject, w.value) for w in desk.said] == [
        ("shadow", "rule:campaign_member", "on"),
        ("shadow", "all", "off"),
    ]
    assert [fault_in_control(word) for word in desk.said] == ["", ""]


@pytest.mark.parametrize("value", ["right", "wrong"])
def test_a_campaign_is_labelled_as_a_whole_once_somebody_is_sure(desk: ConsoleDesk, value: str) -> None:
    csrf = desk.sign_in()
    unsure = desk.say(csrf, say=f"campaign_{value}", campaign="c-1")
    assert (unsure.status_code, "2 accounts" in unsure.text, desk.said) == (400, True, [])
    sure = desk.say(csrf, say=f"campaign_{value}", campaign="c-1", sure="1")
    assert (sure.status_code, sure.headers["location"]) == (303, "/campaign?id=c-1")
    assert [(w.subject, w.verb, w.value) for w in desk.said] == [
        ("acc_1", "label", value),
        ("acc_2", "label", value),
    ]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"say": "revoke", "subject": "a", "note": " "}, 400),
        ({"say": "revoke", "subject": " "}, 400),
        ({"say": "", "subject": "a"}, 400),
        ({"say": "__init__", "subject": "a"}, 400),
        ({"say": "_word", "subject": "a"}, 400),
        ({"say": "exempt", "subject": "a", "duration": "soon"}, 400),
        ({"say": "campaign_right", "campaign": "c-9", "sure": "1"}, 404),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_reason(
    desk: ConsoleDesk, fields: dict[str, str], status: int
) -> None:
    answer = desk.say(desk.sign_in(), **fields)
    assert (answer.status_code, 'role="alert"' in answer.text) == (status, True)
    assert desk.said == []


def test_what_was_said_is_on_the_very_next_page(desk: ConsoleDesk) -> None:
    csrf = desk.sign_in()
    desk.say(csrf, say="shadow_on", subject="all")
    assert "In shadow: everything" in desk.client.get("/exempt").text
    desk.clock.now += 1
    desk.say(csrf, say="shadow_off", subject="all")
    assert "In shadow: everything" not in desk.client.get("/exempt").text
    desk.memory.take_words(desk.said)
    assert len(desk.memory.words()) == 2, "coming back from the topic they are the same words"


def test_what_was_said_is_confirmed_once_on_the_next_page(desk: ConsoleDesk) -> None:
    desk.say(desk.sign_in(), say="wrong", subject="acc_1")
    assert "Said: revoke and label wrong, on acc_1" in desk.client.get("/exempt").text
    assert "Said:" not in desk.client.get("/exempt").text
