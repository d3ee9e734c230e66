"""Messages as senders write them, for tests and benchmarks of `stream_guard.wire`."""

from typing import Any

EVENT: dict[str, Any] = {  # 30 fields, 750 bytes: what a gateway that knows its customers sends
    "event_id": "01J9ZK3V7Q8W5N2M4B6C8D0F1G",
    "account_id": "acct_8f3a2c91",
    "occurred_at": 1763800000.125,
    "model": "atlas-large-2",
    "operation": "chat",
    "surface": "api",
    "input_tokens": 1234,
    "output_tokens": 567,
    "reasoning_tokens": 120,
    "cached_tokens": 512,
    "max_tokens": 4096,
    "temperature": 0.7,
    "latency_ms": 1834.2,
    "status": 200,
    "client_ip": "203.0.113.17",
    "asn": 64500,
    "ip_country": "DE",
    "billing_country": "DE",
    "network_type": "business",
    "user_agent": "python-sdk/1.40.2",
    "tls_fingerprint": "t13d1516h2_8daaf6152771_b186095e22b6",
    "api_key_id": "key_77ab12",
    "org_id": "org_31",
    "payment_id": "card_5d1e88",
    "account_created_at": 1750000000.0,
    "tier": "pay_as_you_go",
    "indicators": {"device": "d-1", "email_domain": "example.com"},
    "tools": ["search", "python"],
    "tool_calls": 1,
    "stream": True,
}

SMALLEST: dict[str, Any] = {
    "event_id": "e-1",
    "account_id": "a-1",
    "occurred_at": 1763800000.0,
    "model": "atlas-large-2",
}

OTEL_ATTRIBUTES: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "atlas-large-2",
    "gen_ai.response.model": "atlas-large-2-0611",
    "gen_ai.request.max_tokens": 4096,
    "gen_ai.request.temperature": 0.7,
    "gen_ai.usage.input_tokens": 1234,
    "gen_ai.usage.output_tokens": 567,
    "gen_ai.usage.reasoning.output_tokens": 120,
    "gen_ai.usage.cache_read.input_tokens": 512,
    "gen_ai.conversation.id": "conv-9",
    "account.id": "acct_8f3a2c91",
    "enduser.id": "eu-4",
    "client.address": "203.0.113.17",
    "user_agent.original": "python-sdk/1.40.2",
    "http.response.status_code": 200,
}


def any_value(value: Any) -> dict[str, Any]:
    """A plain value as OTLP's JSON writes it."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": key_values(value)}}
    return {"stringValue": value}


def key_values(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes as OTLP's JSON writes them."""
    return [{"key": key, "value": any_value(value)} for key, value in attributes.items()]


OTLP_SPAN: dict[str, Any] = {
    "traceId": "5b8efff798038103d269b633813fc60c",
    "spanId": "eee19b7ec3c1b174",
    "name": "chat atlas-large-2",
    "kind": 3,
    "startTimeUnixNano": "1763799998290800000",
    "endTimeUnixNano": "1763800000125000000",
    "attributes": key_values(OTEL_ATTRIBUTES),
    "status": {},
}

LITELLM: dict[str, Any] = {
    "id": "chatcmpl-7a31",
    "trace_id": "9f0c",
    "call_type": "acompletion",
    "stream": True,
    "response_cost": 0.0123,
    "status": "success",
    "custom_llm_provider": "openai",
    "total_tokens": 1801,
    "prompt_tokens": 1234,
    "completion_tokens": 567,
    "startTime": 1763799998.2908,
    "endTime": 1763800000.125,
    "completionStartTime": 1763799998.7,
    "response_time": 0.41,
    "model_map_information": {"model_map_key": "atlas-large-2", "model_map_value": None},
    "model": "atlas-large-2",
    "model_id": "deployment-1",
    "model_group": "atlas",
    "api_base": "https://llm.example.com/v1",
    "metadata": {
        "user_api_key_hash": "88dc28d0f0",
        "user_api_key_alias": "batch",
        "user_api_key_user_id": "acct_8f3a2c91",
        "user_api_key_team_id": "team-7",
        "user_api_key_org_id": "org_31",
        "requester_ip_address": "203.0.113.17",
        "usage_object": {
            "prompt_tokens": 1234,
            "completion_tokens": 567,
            "total_tokens": 1801,
            "prompt_tokens_details": {"cached_tokens": 512},
            "completion_tokens_details": {"reasoning_tokens": 120},
        },
    },
    "cache_hit": None,
    "cache_key": None,
    "saved_cache_cost": 0.0,
    "request_tags": ["User-Agent: python-sdk", "User-Agent: python-sdk/1.40.2"],
    "end_user": "",
    "requester_ip_address": "203.0.113.17",
    "messages": [
        {"role": "system", "content": "You are terse."},
        {"role": "user", "content": "Name a river."},
        {"role": "assistant", "content": "The Elbe."},
        {"role": "user", "content": [{"type": "text", "text": "And a longer one?"}]},
    ],
    "response": {
        "id": "chatcmpl-7a31",
        "choices": [{"message": {"role": "assistant", "content": "The Nile."}}],
    },
    "error_str": None,
    "model_parameters": {
        "temperature": 0.7,
        "max_tokens": 4096,
        "tools": [{"type": "function", "function": {"name": "search", "description": "Look things up"}}],
    },
    "hidden_params": {"model_id": "deployment-1", "additional_headers": {}},
    "guardrail_information": None,
    "standard_built_in_tools_params": {},
}
