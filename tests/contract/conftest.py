"""Neighbours of the contract suites."""

from tests.support.redis_servers import redis_servers

__all__ = ["redis_servers"]
