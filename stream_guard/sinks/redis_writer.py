"""Writes to Redis, many accounts in one script call; the newest version of each account wins.

How decisions and interims lie there is told in `redis_keys.py`, how versions compare in
`lua/project.lua` and `lua/interim.lua`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, NamedTuple

from redis import Redis

from stream_guard.sinks.entry import Entry
from stream_guard.sinks.redis_keys import MARKER, decision_key, piece
from stream_guard.sinks.words import Spoken


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long decisions stay readable; both bound what Redis holds."""

    expired_s: int = 86_400  # `decisions show` can still tell what held yesterday
    allow_s: int = 86_400  # an allow outlives any older block that could come late


class Written(NamedTuple):
    """What became of a batch."""

    written: int
    older: int  # Redis had a newer version
    expired: int  # had ended before it came


class DecisionWriter:
    """The writing half of the projection; raises whatever the client raises."""

    def __init__(self, redis: Redis, keeping: Keeping | None = None) -> None:
        self._redis = redis
        self._keeping = keeping or Keeping()
        self._project, self._interim = (_script(redis, name) for name in ("project", "interim"))

    def server(self) -> tuple[str, str]:
        """The server's run id, and the run id of the server that was told everything last."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.info("server")
            pipeline.get(MARKER)
            info, marker = pipeline.execute()
        return str(info["run_id"]), (marker or b"").decode()

    def mark(self, run_id: str) -> None:
        """Say that the server ``run_id`` was told everything."""
        self._redis.set(MARKER, run_id)

    def write(self, entries: Sequence[Entry]) -> Written:
        """Write all decisions in one call."""
        arguments: list[str | bytes | int] = [self._keeping.expired_s, self._keeping.allow_s]
        for head, (decided_ms, sequence), value in entries:
            limit = "" if head.limit_per_min is None else head.limit_per_min
            expires_at = "" if head.expires_at is None else repr(head.expires_at)
            check = piece(
                head.action,
                head.limit_per_min,
                head.expires_at,
                decided_ms,
                head.decision_id,
                shadow=head.shadow,
            )
            arguments += [
                decided_ms,
                sequence,
                head.action,
                limit,
                expires_at,
                int(head.shadow),
                value,
                check,
            ]
        keys = [decision_key(entry.head.account_id) for entry in entries]
        counts: list[int] = self._project(keys=keys, args=arguments)
        return Written(*counts)

    def write_words(self, words: Sequence[Spoken]) -> Written:
        """Write what operators' words come to, in one call."""
        if not words:
            return Written(0, 0, 0)
        arguments: list[str | int | float] = []
        for interim, sequence in words:
            until = interim.until / 1000
            check = (
                ""
                if interim.action is None
                else piece(
                    interim.action, interim.limit_per_min, until, interim.at, interim.reference, shadow=False
                )
            )
            arguments += [interim.at, sequence, until, check]
        keys = [decision_key(interim.account_id) for interim, _ in words]
        counts: list[int] = self._interim(keys=keys, args=arguments)
        return Written(*counts)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()


def _script(redis: Redis, name: str) -> Any:
    source = files("stream_guard.sinks").joinpath(f"lua/{name}.lua").read_text(encoding="utf-8")
    return redis.register_script(source)
