"""docs/events.md tells the truth."""

import re
from pathlib import Path

import pytest

from stream_guard.errors import InvalidEvent
from stream_guard.wire.aliases import ALIASES, CONVERSATIONS
from stream_guard.wire.invalid import REASONS
from stream_guard.wire.mend import CLIENTS_OWN, SERVERS_OWN
from stream_guard.wire.native import EventDecoder
from stream_guard.wire.networks import load_networks

PAGE = Path("docs/events.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json event\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: re.sub(r"\s+", " ", text)[:40])
def test_every_example_is_an_event_without_unknown_fields(example: str) -> None:
    decoder = EventDecoder()
    assert decoder.decode(example.encode()).account_id == "acct-7"
    assert not decoder.unknown_fields
    assert not decoder.mended_fields


def test_all_formats_have_an_example() -> None:
    decoder = EventDecoder()
    for example in EXAMPLES:
        decoder.decode(example.encode())
    assert decoder.formats.keys() == {"native", "otel", "litellm"}


def test_the_table_of_aliases_is_the_one_in_the_code() -> None:
    table = PAGE.partition("| alias | field |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(.+)` \| `(.+)` \|$", table, re.MULTILINE) == list(ALIASES.items())
    assert all(f"`{name}`" in PAGE for name in CONVERSATIONS)


def test_every_reason_is_explained_in_order() -> None:
    table = PAGE.partition("| reason | what to look for |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == REASONS


@pytest.mark.parametrize(
    "field", ['"status":"200"', '"occurred_at":"2025-11-22T08:26:40"', '"occurred_at":1763800000125']
)
def test_the_details_shown_are_those_that_are_given(field: str) -> None:
    message = f'{{"event_id":"e","account_id":"a","occurred_at":1,"model":"m",{field}}}'
    with pytest.raises(InvalidEvent) as caught:
        EventDecoder().decode(message.encode())
    assert f"{caught.value.reason:14} {caught.value.detail}\n" in PAGE


def test_what_is_mended_is_named() -> None:
    mended = PAGE.partition("What the client itself chooses (")[2].partition(")")[0]
    assert set(re.findall(r"`(\w+)`", mended)) == CLIENTS_OWN
    said = PAGE.partition("What the model's server says (")[2].partition(")")[0]
    assert set(re.findall(r"`(\w+)`", said)) == SERVERS_OWN


def test_the_table_of_networks_can_be_read(tmp_path: Path) -> None:
    table = PAGE.rpartition("    cidr,asn,type")
    path = tmp_path / "networks.csv"
    path.write_text("\n".join(line.strip() for line in (table[1] + table[2]).splitlines()), encoding="utf-8")
    assert load_networks(path).lookup("203.0.113.200") == (64501, "vpn")
