"""What LiteLLM says of a request as an event, and who the account is; needs no LiteLLM.

The account must be the same before the call (when it is checked) and after it (when it is
reported): the key's user, else its team, else the key's hash, as in `wire/litellm.py`.
"""

from collections.abc import Mapping
from typing import Any, Final

from stream_guard.wire.litellm import read_litellm

NOBODY: Final = "default_user_id"  # LiteLLM's user of keys that have none


def account_of(user_id: Any, team_id: Any, key_hash: Any) -> str | None:
    """Whose key it is; None if LiteLLM runs without keys."""
    found = (user_id if user_id != NOBODY else None) or team_id or key_hash
    return found if isinstance(found, str) and found else None


def event_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The event of a standard logging payload; its prompt is for the emitter to sketch and drop."""
    reading, asked = read_litellm(payload), payload.get("model_group")  # the name that the client used
    return {**reading.fields, **({"model": asked} if asked else {}), "prompt": reading.text}
