"""Asks stream_guard before each call, and tells it after each; see config.yaml beside this file."""

from stream_guard.enforcement.adapters.litellm import StreamGuard

guard = StreamGuard.from_environment()
