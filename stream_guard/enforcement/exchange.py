"""A request and its answer as an event: what OpenAI's and Anthropic's APIs write, and what looks like them.

Runs in the emitter's thread, never in a request's time.  What can not be read is left out: half an
event is worth sending.  The prompt is the newest message of the user; it is sketched and dropped
before anything leaves (`event.py`).  Of a system prompt only a hash is kept.
"""

from hashlib import blake2b
from typing import Any, Final

import msgspec

from stream_guard.wire.usage import read_usage

MAX_BODY_BYTES: Final = 256 * 1024  # of a request; what is longer is not looked at
MAX_TAIL_BYTES: Final = 16 * 1024  # of an answer: its end, where the usage stands
OPERATIONS: Final = (  # end of a path, OpenTelemetry's name of the operation
    ("/chat/completions", "chat"),
    ("/messages", "chat"),
    ("/responses", "chat"),
    ("/completions", "text_completion"),
    ("/embeddings", "embeddings"),
    (":generateContent", "generate_content"),
)
_decode = msgspec.json.Decoder().decode


class Exchange(msgspec.Struct, gc=False):
    """One request and its answer, as a gateway saw them."""

    account_id: str
    path: str = ""
    status: int = 0
    latency_ms: float | None = None
    client_ip: str | None = None
    user_agent: str | None = None
    request: bytes = b""  # body, if it is not too long
    answer: bytes = b""  # the end of the body
    more: dict[str, Any] | None = None  # further fields of the event; they win


def describe(exchange: Exchange) -> dict[str, Any]:
    """The event of an exchange; ``event_id`` and ``occurred_at`` are left to the emitter."""
    event: dict[str, Any] = {
        "account_id": exchange.account_id,
        "operation": next((name for end, name in OPERATIONS if exchange.path.endswith(end)), None),
        "status": exchange.status,
        "latency_ms": exchange.latency_ms,
        "client_ip": exchange.client_ip,
        "user_agent": exchange.user_agent,
    }
    event |= read_request(exchange.request)
    event |= read_answer(exchange.answer)
    return event | (exchange.more or {})


def read_request(body: bytes) -> dict[str, Any]:
    """What the client asked for."""
    tree = _object(body)
    if tree is None:
        return {}
    event: dict[str, Any] = {name: tree[name] for name, kind in _PLAIN.items() if _is(tree.get(name), kind)}
    longest = tree.get("max_completion_tokens", tree.get("max_output_tokens"))
    if _is(longest, int):
        event["max_tokens"] = longest
    if names := [name for tool in _list(tree.get("tools")) if (name := _tool_name(tool))]:
        event["tools"] = names[:256]
    if "reasoning" in tree or "thinking" in tree or "reasoning_effort" in tree:
        event["reasoning"] = True
    return event | _conversation(tree)


def _is(value: Any, kind: type | tuple[type, ...]) -> bool:
    """Whether a client's value may stand in an event: true is no number, and no name is empty."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) and value != ""


def _conversation(tree: dict[str, Any]) -> dict[str, Any]:
    """Prompt, turn, images and the system prompt's hash."""
    event: dict[str, Any] = {}
    turns = [each for each in _list(tree.get("messages") or tree.get("input")) if isinstance(each, dict)]
    asked = [each.get("content") for each in turns if each.get("role") == "user"]
    system = _text(tree.get("system") or tree.get("instructions")) or next(
        (_text(each.get("content")) for each in turns if each.get("role") in ("system", "developer")), ""
    )
    if system:
        event["system_prompt_hash"] = blake2b(system.encode("utf-8", "replace"), digest_size=8).hexdigest()
    if asked:
        event["turn"] = len(asked)
        event["images"] = sum(
            1
            for content in asked
            for part in _list(content)
            if isinstance(part, dict) and "image" in str(part.get("type"))
        )
    newest = asked[-1] if asked else tree.get("prompt") or tree.get("input")
    if prompt := _text(newest):
        event["prompt"] = prompt
    return event


def read_answer(tail: bytes) -> dict[str, Any]:
    """Token counts, from a JSON body or from the last events of a stream."""
    usage: dict[str, Any] = {}
    for part in [tail] if tail.startswith(b"{") else _stream_data(tail):
        tree = _object(part)
        if tree is None:
            continue
        nested = tree.get("message") or tree.get("response")
        for holder in (nested, tree):
            if isinstance(holder, dict) and isinstance(holder.get("usage"), dict):
                usage |= holder["usage"]
    return read_usage(usage) if usage else {}


def _stream_data(tail: bytes) -> list[bytes]:
    """The payloads of server-sent events that may tell the usage."""
    lines = (line.strip() for line in tail.split(b"\n"))
    return [line[5:].strip() for line in lines if line.startswith(b"data:") and b'"usage"' in line]


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        tree = _decode(data) if data else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(content: Any) -> str:
    """The text of a message's content: a string, or a list of parts."""
    if isinstance(content, str):
        return content
    parts = [part.get("text") if isinstance(part, dict) else part for part in _list(content)]
    return "\n".join(part for part in parts if isinstance(part, str))


def _tool_name(tool: Any) -> str:
    if not isinstance(tool, dict):
        return ""
    inner = tool.get("function")
    name = inner.get("name") if isinstance(inner, dict) else tool.get("name", tool.get("type"))
    return name[:128] if isinstance(name, str) else ""


_PLAIN: Final[dict[str, type | tuple[type, ...]]] = {
    "model": str,
    "max_tokens": int,
    "temperature": (int, float),
    "stream": bool,
}
