"""The guard as a LiteLLM plugin: asked before each call, told after it.

    # beside LiteLLM's config.yaml, which says  litellm_settings: {callbacks: stream_guard_plugin.guard}
    from stream_guard.enforcement.adapters.litellm import StreamGuard
    guard = StreamGuard.from_environment()

The account is the key's user, else its team, else the key.  A refused call ends with 403 or 429, the
headers of `answer.py` and its problem as the error's detail; LiteLLM reports it as a failure like any
other, so refused requests become events too.  Nothing here waits for Kafka or reads a prompt in a
request's time: both happen in the emitter's thread.
"""

import os
from functools import partial
from importlib.util import find_spec
from typing import Any, Self

import msgspec
from fastapi import HTTPException
from litellm.integrations.custom_logger import CustomLogger

from stream_guard.enforcement.adapters.litellm_event import account_of, event_of
from stream_guard.enforcement.answer import answer
from stream_guard.enforcement.async_guard import AsyncGuard
from stream_guard.enforcement.emitter import TOPIC, EventEmitter
from stream_guard.enforcement.event import edge_sketcher

PREFIX = "STREAM_GUARD_"


class StreamGuard(CustomLogger):  # type: ignore[misc]  # LiteLLM lives in an environment of its own
    """Hooks before and after each call.

    Args:
        guard: who is asked.
        emitter: who is told; None: nobody.
        help_url: told to clients that are refused.
    """

    def __init__(self, guard: AsyncGuard, emitter: EventEmitter | None = None, help_url: str = "") -> None:
        super().__init__()
        self.guard, self.emitter, self._help_url = guard, emitter, help_url

    @classmethod
    def from_environment(cls) -> Self:
        """As the worker's variables say; without ``STREAM_GUARD_KAFKA__BOOTSTRAP`` no events are sent."""

        def told(name: str, otherwise: str) -> str:
            return os.environ.get(PREFIX + name, otherwise)

        guard = AsyncGuard.from_url(
            told("REDIS__URL", "redis://127.0.0.1:6379/0"),
            deadline_s=float(told("GATEWAY__DEADLINE_S", "0.05")),
            on_failure=told("GATEWAY__ON_FAILURE", "open"),
        )
        bootstrap = told("KAFKA__BOOTSTRAP", "")
        sketch = edge_sketcher() if find_spec("wordllama") and find_spec("tokenizers") else None
        topic = told("KAFKA__REQUESTS_TOPIC", TOPIC)
        emitter = EventEmitter.to_kafka(bootstrap, topic=topic, sketch=sketch) if bootstrap else None
        return cls(guard, emitter, told("GATEWAY__HELP_URL", ""))

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str
    ) -> None:
        """Called by LiteLLM before each call; HTTPException refuses it."""
        del cache, data, call_type
        key = user_api_key_dict
        account_id = account_of(key.user_id, key.team_id, key.api_key)
        if account_id is None:
            return
        check = await self.guard.check(account_id)
        if not check.allowed:
            status, headers, body = answer(check, help_url=self._help_url)
            raise HTTPException(status, detail=msgspec.json.decode(body), headers=dict(headers))

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Called by LiteLLM once a call is answered."""
        del response_obj, start_time, end_time
        self._tell(kwargs)

    async def async_log_failure_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Called by LiteLLM once a call has failed or was refused, by us too."""
        del response_obj, start_time, end_time
        self._tell(kwargs)

    def _tell(self, kwargs: dict[str, Any]) -> None:
        payload = kwargs.get("standard_logging_object")
        if self.emitter is not None and isinstance(payload, dict):
            self.emitter.emit(partial(event_of, payload))
