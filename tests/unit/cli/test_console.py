"""`console` ends with 2, and says what was expected, where it can not be run as it is set."""

import socket

import pytest

from tests.unit.cli.running import run


def test_an_address_that_is_taken_is_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("console", "--port", port)
    assert (result.exit_code, f"127.0.0.1:{port}" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("TOKEN", "7777777", "console.token"),
        ("TOKEN_FILE", "/not/there", "console.token_file"),
        ("READING", "token", "console.reading"),
        ("READING", "nobody", "$.console.reading"),
        ("METRICS", '["ftp://worker/metrics"]', "console.metrics"),
    ],
)
def test_a_setting_that_can_not_be_used_is_2_and_a_token_is_never_quoted(
    name: str, value: str, wrong: str
) -> None:
    result = run("console", "--port", "0", **{f"STREAM_GUARD_CONSOLE__{name}": value})
    assert (result.exit_code, wrong in result.stderr) == (2, True), result.stderr
    assert "7777777" not in result.output
