"""Neighbours of the integration tests."""

from tests.redis_fixtures import own_server, redis_servers, redis_url

__all__ = ["own_server", "redis_servers", "redis_url"]
