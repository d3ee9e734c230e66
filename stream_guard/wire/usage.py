"""Token counts under the names that OpenAI's and Anthropic's answers give them.

``input_tokens`` means all input tokens, cached ones included, as OpenTelemetry defines it.
Anthropic's own ``input_tokens`` leaves cached tokens out, so they are added here.
"""

from typing import Any


def read_usage(usage: Any) -> dict[str, Any]:
    """Native fields from a ``usage`` object; empty if it is none."""
    if not isinstance(usage, dict):
        return {}
    prompt = _details(usage, "prompt_tokens_details", "input_tokens_details")
    completion = _details(usage, "completion_tokens_details", "output_tokens_details")
    cached = prompt.get("cached_tokens", usage.get("cache_read_input_tokens"))
    found = {
        "input_tokens": usage.get("prompt_tokens", _with_cache(usage)),
        "output_tokens": usage.get("completion_tokens", usage.get("output_tokens")),
        "cached_tokens": cached,
        "reasoning_tokens": completion.get("reasoning_tokens"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _details(usage: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        details = usage.get(name)
        if isinstance(details, dict):
            return details
    return {}


def _with_cache(usage: dict[str, Any]) -> Any:
    total = usage.get("input_tokens")
    for name in ("cache_read_input_tokens", "cache_creation_input_tokens"):
        part = usage.get(name)
        if isinstance(total, int) and isinstance(part, int) and part > 0:
            total += part
    return total
