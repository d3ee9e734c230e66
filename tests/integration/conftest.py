"""Neighbours of the integration tests."""

from tests.support.redis_servers import own_server, redis_servers, redis_url

__all__ = ["own_server", "redis_servers", "redis_url"]
