"""Runs inside LiteLLM: a key's user is the account, as a proxy with a database would know it."""

from fastapi import Request
from litellm.proxy._types import UserAPIKeyAuth


async def user_api_key_auth(request: Request, api_key: str) -> UserAPIKeyAuth:
    del request
    return UserAPIKeyAuth(api_key=api_key, user_id=api_key.removeprefix("sk-"))
