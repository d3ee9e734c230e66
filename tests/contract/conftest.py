"""Neighbours of the contract suites."""

from tests.redis_fixtures import redis_servers

__all__ = ["redis_servers"]
