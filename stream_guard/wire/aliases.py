"""Other names under which senders give our fields: OpenTelemetry's, OpenAI's, Anthropic's.

One table, read from the top: the first name that holds a value wins, and a native name wins over
all of them.  docs/events.md shows the table to users; a test holds the two together.

Glossary: *field* a name of `records.RequestEvent`; *alias* another name for it; *reading* what was
made of a message: fields, the text to sketch, and the names that nobody knew.
"""

from collections.abc import Mapping, Set
from typing import Any, Final, NamedTuple

from stream_guard.records import RequestEvent
from stream_guard.wire.messages import read_messages, read_tools
from stream_guard.wire.usage import read_usage

FIELDS: Final = frozenset(RequestEvent.__struct_fields__)

ALIASES: Final[Mapping[str, str]] = {
    # OpenTelemetry, GenAI semantic conventions 1.42 and the names they had before
    "gen_ai.operation.name": "operation",
    "gen_ai.request.model": "model",
    "gen_ai.response.model": "model",
    "gen_ai.usage.input_tokens": "input_tokens",
    "gen_ai.usage.prompt_tokens": "input_tokens",
    "gen_ai.usage.output_tokens": "output_tokens",
    "gen_ai.usage.completion_tokens": "output_tokens",
    "gen_ai.usage.reasoning.output_tokens": "reasoning_tokens",
    "gen_ai.usage.cache_read.input_tokens": "cached_tokens",
    "gen_ai.request.max_tokens": "max_tokens",
    "gen_ai.request.temperature": "temperature",
    "gen_ai.request.stream": "stream",
    "gen_ai.conversation.id": "conversation_id",
    "gen_ai.tool.definitions": "tools",
    # OpenTelemetry, general
    "account.id": "account_id",
    "user.id": "account_id",
    "enduser.id": "end_user_id",
    "client.address": "client_ip",
    "user_agent.original": "user_agent",
    "http.response.status_code": "status",
    "http.status_code": "status",
    "tls.client.ja4": "tls_fingerprint",
    "tls.client.ja3": "tls_fingerprint",
    "geo.country.iso_code": "ip_country",
    # usage and request names of OpenAI and Anthropic, as a flat log may carry them
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "cache_read_input_tokens": "cached_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
}

CONVERSATIONS: Final = ("messages", "input", "gen_ai.input.messages", "gen_ai.prompt")
"""Names under which a conversation may come: reduced to a sketch like `prompt`, and dropped."""

_PLACES: Final = {alias: (place, field) for place, (alias, field) in enumerate(ALIASES.items())}
_OTHERS: Final = frozenset({*CONVERSATIONS, "prompt", "usage"})


class Reading(NamedTuple):
    """What was made of a message."""

    fields: dict[str, Any]
    text: str | None  # to be sketched
    unknown: Set[str]


def read_flat(tree: Mapping[str, Any]) -> Reading:
    """Fields under native names and aliases, ``usage`` and a conversation."""
    fields: dict[str, Any] = {}
    found: dict[str, tuple[int, Any]] = {}  # field: place in the table, and value
    unknown = set()
    for name, value in tree.items():
        if name in FIELDS:
            fields[name] = value
        elif name in _PLACES:
            place, field = _PLACES[name]
            if value is not None and (field not in found or place < found[field][0]):
                found[field] = place, value
        elif name not in _OTHERS:
            unknown.add(name)
    fill(fields, {field: value for field, (_, value) in found.items()})
    if "usage" in tree:
        fill(fields, read_usage(tree["usage"]))
    if "tools" in fields:
        fields["tools"] = read_tools(fields["tools"])
    return Reading(fields, _read_conversation(tree, fields), unknown)


def _read_conversation(tree: Mapping[str, Any], fields: dict[str, Any]) -> str | None:
    """The text to sketch; turns and images go to ``fields``."""
    text = tree.get("prompt")
    if not isinstance(text, str):
        text = None
    for name in CONVERSATIONS:
        if name in tree:
            conversation = read_messages(tree[name])
            text = text or conversation.text
            fill(fields, {"turn": conversation.turn, "images": conversation.images})
    return text


def fill(fields: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Take from ``more`` what ``fields`` lacks."""
    for name, value in more.items():
        if value is not None and fields.get(name) is None:
            fields[name] = value
