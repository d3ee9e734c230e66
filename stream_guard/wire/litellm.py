"""LiteLLM's standard logging payload, as its callbacks get it and its Kafka or HTTP loggers send it.

https://docs.litellm.ai/docs/proxy/logging_spec.  The account is the key's user, else its team, else
the key itself: whoever the proxy's operator told apart.  Native fields at the top level win, so an
operator may add what LiteLLM does not know (``payment_id``, ``indicators``).
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from stream_guard.wire.aliases import FIELDS, Reading, fill
from stream_guard.wire.messages import read_messages, read_tools
from stream_guard.wire.times import elapsed_ms
from stream_guard.wire.usage import read_usage

WRAPPER: Final = "standard_logging_object"
_NATIVE: Final = FIELDS - {"status", "stream", "model", "tools"}  # LiteLLM means its own by these
_NOBODY: Final = "default_user_id"  # LiteLLM's user of keys that have none
_OPERATIONS: Final = {
    "completion": "chat",
    "responses": "chat",
    "anthropic_messages": "chat",
    "text_completion": "text_completion",
    "embedding": "embeddings",
    "generate_content": "generate_content",
}
KNOWN: Final = frozenset(
    {"id", "trace_id", "call_type", "stream", "response_cost", "cost_breakdown", "status", "status_fields"}
    | {"response_cost_failure_debug_info", "custom_llm_provider", "total_tokens", "prompt_tokens"}
    | {"completion_tokens", "startTime", "endTime", "completionStartTime", "response_time"}
    | {"model_map_information", "model", "model_id", "model_group", "api_base", "metadata", "cache_hit"}
    | {"cache_key", "saved_cache_cost", "request_tags", "end_user", "requester_ip_address", "messages"}
    | {"response", "error_str", "error_information", "model_parameters", "hidden_params", "user_agent"}
    | {"guardrail_information", "standard_built_in_tools_params", "tools", "prompt"}
)


def is_litellm(tree: Mapping[str, Any]) -> bool:
    """Whether the message is LiteLLM's."""
    return isinstance(tree.get(WRAPPER), dict) or ("call_type" in tree and "endTime" in tree)


def read_litellm(tree: Mapping[str, Any]) -> Reading:
    """One payload, bare or under ``standard_logging_object``."""
    if isinstance(tree.get(WRAPPER), dict):
        tree = {**tree, **tree[WRAPPER]}
        del tree[WRAPPER]
    fields = {name: tree[name] for name in tree.keys() & _NATIVE}
    metadata, parameters = _object(tree, "metadata"), _object(tree, "model_parameters")
    conversation = read_messages(tree.get("messages"))
    fill(fields, _who(tree, metadata))
    fill(fields, _what(tree, parameters))
    fill(fields, {"turn": conversation.turn, "images": conversation.images})
    fill(fields, read_usage(metadata.get("usage_object")))
    fill(fields, read_usage(_object(tree, "response").get("usage")))
    fill(fields, read_usage(tree))
    return Reading(fields, conversation.text, tree.keys() - KNOWN - FIELDS)


def _who(tree: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    user, team = metadata.get("user_api_key_user_id"), metadata.get("user_api_key_team_id")
    key = metadata.get("user_api_key_hash")
    return {
        "account_id": (user if user != _NOBODY else None) or team or key,
        "api_key_id": key,
        "org_id": metadata.get("user_api_key_org_id") or team,
        "end_user_id": _text(tree.get("end_user")) or metadata.get("user_api_key_end_user_id"),
        "client_ip": tree.get("requester_ip_address") or metadata.get("requester_ip_address"),
        "user_agent": metadata.get("user_agent") or _tagged_agent(tree.get("request_tags")),
        "conversation_id": metadata.get("session_id"),
    }


def _what(tree: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    names = ("max_tokens", "max_completion_tokens", "max_output_tokens")
    limits = (_number(parameters.get(name)) for name in names)
    streams, tools = (tree.get("stream"), parameters.get("stream")), parameters.get("tools")
    return {
        "event_id": tree.get("id"),
        "occurred_at": tree.get("endTime"),
        "latency_ms": elapsed_ms(tree.get("startTime"), tree.get("endTime")),
        "model": tree.get("model") or tree.get("model_group"),
        "operation": _operation(tree.get("call_type")),
        "status": _status(tree),
        "max_tokens": next((limit for limit in limits if limit is not None and limit % 1 == 0), None),
        "temperature": _number(parameters.get("temperature")),
        "stream": next((said for said in streams if isinstance(said, bool)), None),
        "reasoning": _reasoning(parameters),
        "tools": read_tools(tools) if isinstance(tools, list) else None,
        "tool_calls": _tool_calls(tree),
    }


def _text(value: Any) -> str | None:
    """A client's own text: what is none says nothing, and hides nobody."""
    return value if isinstance(value, str) else None


def _number(value: Any) -> int | float | None:
    """Likewise: a client may send what a model's server takes for a number, true for 1.0 say."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or isfinite(value) else None


def _operation(call_type: Any) -> Any:
    if not isinstance(call_type, str):
        return None
    plain = call_type.removeprefix("a") if call_type.removeprefix("a") in _OPERATIONS else call_type
    return _OPERATIONS.get(plain, plain)


def _status(tree: Mapping[str, Any]) -> Any:
    """LiteLLM says success or failure; the code is in the error, and a failure without one is ours."""
    status = tree.get("status")
    if status == "success":
        return 200
    if status != "failure":
        return status if isinstance(status, int) else None
    code = str(_object(tree, "error_information").get("error_code", ""))
    return int(code) if code.isascii() and code.isdigit() and len(code) == 3 else 500


def _reasoning(parameters: Mapping[str, Any]) -> bool | None:
    """Whether the model was asked to think first; None if nothing is said about it."""
    effort, thinking = parameters.get("reasoning_effort"), parameters.get("thinking")
    if isinstance(thinking, dict):
        return thinking.get("type") != "disabled"
    return effort not in ("none", "minimal") if isinstance(effort, str) else None


def _tool_calls(tree: Mapping[str, Any]) -> int | None:
    choices = _object(tree, "response").get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    return len(calls) if isinstance(calls, list) else None


def _tagged_agent(tags: Any) -> str | None:
    """LiteLLM files the client's user agent among the tags."""
    mark = "User-Agent: "
    found = (
        (tag for tag in tags if isinstance(tag, str) and tag.startswith(mark))
        if isinstance(tags, list)
        else ()
    )
    return max((tag.removeprefix(mark) for tag in found), key=len, default=None)


def _object(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = tree.get(name)
    return value if isinstance(value, dict) else {}
