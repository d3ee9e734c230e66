"""What is kept of a conversation that came with an event: the last user's text, and counts.

Read are the shapes of OpenAI (chat and responses), Anthropic and OpenTelemetry: a list of messages
with ``role`` and ``content`` or ``parts``, each a string or a list of typed parts.  A shape that is
not known yields nothing; it never makes an event invalid.
"""

from typing import Any, Final, NamedTuple

from stream_guard.wire.parse import parse_embedded

_TEXT_KINDS: Final = frozenset({"text", "input_text", None})
_IMAGE_KINDS: Final = frozenset({"image", "image_url", "input_image"})
# What LiteLLM puts in place of every text when logging of messages is off: it says nothing about
# the prompt, and a sketch of it would make all accounts look the same.
_REDACTED: Final = "redacted-by-litellm"


class Conversation(NamedTuple):
    """What is kept."""

    text: str | None = None  # the last user message that has text
    turn: int | None = None  # how many user messages
    images: int | None = None  # image parts in all of them


def read_messages(messages: Any) -> Conversation:
    """The essence of ``messages``, whatever shape it has."""
    messages = parse_embedded(messages)
    if isinstance(messages, dict):
        messages = messages.get("messages")
    if isinstance(messages, str):
        text = _usable(messages)
        return Conversation(text, 1 if text else None)
    if not isinstance(messages, list):
        return Conversation()
    texts, images = [], 0
    for message in messages:
        if isinstance(message, dict) and message.get("role") == "user":
            text, pictures = _read_content(message.get("content", message.get("parts")))
            texts.append(text)
            images += pictures
    last = next((text for text in reversed(texts) if text), None)
    return Conversation(last, len(texts) or None, images or None)


def _read_content(content: Any) -> tuple[str | None, int]:
    """Text and number of images of one message."""
    if isinstance(content, str):
        return _usable(content), 0
    if not isinstance(content, list):
        return None, 0
    parts = [part for part in content if isinstance(part, dict)]
    images = sum(_kind(part) in _IMAGE_KINDS for part in parts)
    texts = [part.get("text", part.get("content")) for part in parts if _kind(part) in _TEXT_KINDS]
    return _usable("\n".join(text for text in texts if isinstance(text, str))), images


def _kind(part: dict[str, Any]) -> str | None:
    kind = part.get("type")
    return kind if isinstance(kind, str) or kind is None else ""


def _usable(text: str) -> str | None:
    return text if text and text != _REDACTED else None


def read_tools(tools: Any) -> Any:
    """Names of the tools in a list that holds definitions; anything else is left as it is.

    >>> read_tools([{"type": "function", "function": {"name": "search"}}, {"name": "run"}, "plain"])
    ['search', 'run', 'plain']
    """
    tools = parse_embedded(tools)
    if not isinstance(tools, list):
        return tools
    if not any(isinstance(tool, dict) for tool in tools):
        return tools
    names = [_tool_name(tool) if isinstance(tool, dict) else tool for tool in tools]
    return [name for name, tool in zip(names, tools, strict=True) if name is not None or tool is None]


def _tool_name(tool: dict[str, Any]) -> Any:
    """A definition's name; built-in tools have only a type."""
    function = tool.get("function")
    definition = function if isinstance(function, dict) else tool
    return definition.get("name", definition.get("type"))
