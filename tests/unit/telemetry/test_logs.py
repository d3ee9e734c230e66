"""What logs may hold, and how they look."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from stream_guard.errors import ConfigurationError
from stream_guard.telemetry.logs import DROPPED, configure_logs, drop_sensitive, log_decision
from tests.support.decisions import decision


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_one_json_object_per_event_off_a_terminal() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream)
    structlog.get_logger("x").info("worker_started", lanes=3)
    logging.getLogger("some.library").warning("was %s", "said")
    first, second = lines(stream)
    assert (first["event"], first["lanes"], first["level"]) == ("worker_started", 3, "info")
    assert (second["event"], second["level"]) == ("was said", "warning")
    assert first["timestamp"].endswith("Z")


def test_pretty_on_a_terminal() -> None:
    stream = Terminal()
    configure_logs(stream=stream)
    structlog.get_logger("x").info("worker_started", lanes=3)
    assert "worker_started" in stream.getvalue()
    with pytest.raises(json.JSONDecodeError):
        json.loads(stream.getvalue())


def test_a_decision_is_one_line_that_holds_what_is_searched_for() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream)
    log_decision(decision("a1", "throttle", campaign_id="c1"))
    (line,) = lines(stream)
    assert line["event"] == "decision"
    assert {key: line[key] for key in ("account_id", "action", "limit_per_min", "campaign_id", "shadow")} == {
        "account_id": "a1",
        "action": "throttle",
        "limit_per_min": 10,
        "campaign_id": "c1",
        "shadow": False,
    }
    assert line["reason_codes"] == ["campaign_member"]


SECRETS = ("password", "api_key", "Authorization", "access_token", "client_secret", "session_cookie", "jwt")
TEXTS = ("prompt", "system_prompt", "completion", "messages", "content", "body", "response_text")


@given(name=st.sampled_from(SECRETS + TEXTS), text=st.text(min_size=8), depth=st.integers(0, 3))
def test_what_could_be_a_secret_or_a_prompt_never_gets_through(name: str, text: str, depth: int) -> None:
    value: Any = {name: text}
    for _ in range(depth):
        value = {"inner": [value]}
    kept: Any = drop_sensitive(None, "info", {"event": "e", **value})
    for _ in range(depth):
        kept = kept["inner"][0]
    assert kept[name] == DROPPED


def test_counts_pass_though_their_names_speak_of_prompts() -> None:
    event = {"event": "e", "prompt_chars": 12, "input_tokens": 5, "prompt_tokens": None, "monkey": "banana"}
    assert drop_sensitive(None, "info", dict(event)) == event


def test_passwords_in_urls_are_masked_everywhere() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream)
    log = structlog.get_logger("x")
    log.info("connecting", url="redis://ann:hunter2@host:6379/0", all_urls=["redis://:hunter2@host"])
    error = ConnectionError("can not reach redis://ann:hunter2@host")
    log.error("failed", exc_info=error)
    assert "hunter2" not in stream.getvalue()
    assert "redis://***@host:6379/0" in stream.getvalue()
    assert "ConnectionError" in lines(stream)[1]["exception"]


def test_levels_hold_and_libraries_keep_quiet() -> None:
    stream = io.StringIO()
    configure_logs("warning", stream)
    structlog.get_logger("x").info("hidden")
    structlog.get_logger("x").warning("shown")
    assert [line["event"] for line in lines(stream)] == ["shown"]
    configure_logs("info", stream)
    logging.getLogger("kafka.consumer").info("chatter")
    assert len(lines(stream)) == 1


def test_a_level_that_is_none_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match=r"telemetry\.log_level: expected one of .* got 'loud'"):
        configure_logs("loud")
