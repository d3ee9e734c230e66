"""What a gateway says of a request, as a message: only fields of the contract, and never a prompt.

A gateway may hand over whatever it has: what is no field of an event (docs/events.md) is left out
here, so nothing leaves the process by accident.  ``prompt`` is reduced to ``prompt_sketch`` where a
sketcher is given, and is dropped in any case.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import uuid4

import msgspec

Event = Mapping[str, Any]
Sketch = Callable[[str], bytes]

SKETCH_VERSION: Final = 1  # that of `stream_guard.sketches`; tests/contract holds both equal
UNKNOWN_MODEL: Final = "unknown"  # a request that was refused before its body was read
FIELDS: Final = frozenset(
    """event_id account_id occurred_at model operation surface input_tokens output_tokens
    reasoning_tokens cached_tokens max_tokens temperature latency_ms status client_ip asn ip_country
    billing_country network_type user_agent tls_fingerprint api_key_id org_id end_user_id payment_id
    account_created_at tier indicators tools tool_calls images turn reasoning stream conversation_id
    system_prompt_hash prompt_template_hash prompt_sketch prompt_sketch_version prompt_chars
    prompt_language prompt_labels""".split()  # noqa: SIM905 - read by eye; tests/contract compares it with the schema
)
_encode = msgspec.json.Encoder().encode


def edge_sketcher() -> Sketch:
    """Text to 64 int8, at the gateway itself; needs the extra ``sketch``.

    ConfigurationError if it is not installed.  Takes some 30 MB and half a second, once.
    """
    from stream_guard.sketches.tables import load_sketcher  # noqa: PLC0415 - numpy comes only with the extra

    return load_sketcher().sketch


def make_message(event: Event, at: float, sketch: Sketch | None) -> tuple[bytes, bytes] | None:
    """Key and value of the message of an event seen at ``at`` (Unix seconds); None if it has no account.

    Raises TypeError or ValueError if a value can not be written as JSON.
    """
    account_id = event.get("account_id")
    if not isinstance(account_id, str) or not account_id:
        return None
    tree = {name: value for name, value in event.items() if name in FIELDS and value is not None}
    if "event_id" not in tree:
        tree["event_id"] = uuid4().hex
    tree.setdefault("occurred_at", at)
    tree.setdefault("model", UNKNOWN_MODEL)
    prompt = event.get("prompt")
    if isinstance(prompt, str) and prompt:
        tree.setdefault("prompt_chars", len(prompt))
        if sketch is not None and "prompt_sketch" not in tree:
            tree["prompt_sketch"] = b64encode(sketch(prompt)).decode("ascii")
            tree["prompt_sketch_version"] = SKETCH_VERSION
    return account_id.encode(), _encode(tree)
