"""Writes to Redis, many accounts in one script call; the newest version of each account wins.

On a node of a Cluster each account has a call of its own, all sent together: a script may touch one
slot only.

How decisions and interims lie there is told in `redis_keys.py`, how versions compare in
`lua/project.lua` and `lua/interim.lua`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import NamedTuple

from redis import Redis
from redis.commands.core import Script

from stream_guard.sinks.entry import Entry
from stream_guard.sinks.redis_keys import MARKER, decision_key, piece
from stream_guard.sinks.words import Spoken


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long decisions stay readable; both bound what Redis holds."""

    expired_s: int = 86_400  # `decisions show` can still tell what held yesterday
    allow_s: int = 86_400  # an allow outlives any older block that could come late


Argument = str | bytes | int | float
Part = tuple[str, list[Argument]]
"""Of one account: key and arguments."""


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
        self._is_of_cluster = False  # as far as we know: `server` finds out
        self._project, self._interim = (_script(redis, name) for name in ("project", "interim"))

    def server(self) -> tuple[str, str]:
        """The server's run id, and the run id of the server that was told everything last."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.info("server")
            pipeline.get(MARKER)
            info, marker = pipeline.execute()
        self._is_of_cluster = info.get("redis_mode", info.get("server_mode")) == "cluster"
        return str(info["run_id"]), (marker or b"").decode()

    def mark(self, run_id: str) -> None:
        """Say that the server ``run_id`` was told everything."""
        self._redis.set(MARKER, run_id)

    def write(self, entries: Sequence[Entry]) -> Written:
        """Write all decisions."""
        parts: list[Part] = []
        for head, (decided_ms, sequence), value in entries:
            limit = "" if head.limit_per_min is None else head.limit_per_min
            until = head.expires_at
            check = piece(
                head.action, head.limit_per_min, until, decided_ms, head.decision_id, shadow=head.shadow
            )
            ends = "" if until is None else repr(until)
            part: list[Argument] = [
                decided_ms,
                sequence,
                head.action,
                limit,
                ends,
                int(head.shadow),
                value,
                check,
            ]
            parts.append((decision_key(head.account_id), part))
        return self._call(self._project, [self._keeping.expired_s, self._keeping.allow_s], parts)

    def write_words(self, words: Sequence[Spoken]) -> Written:
        """Write what operators' words come to."""
        parts: list[Part] = []
        for (account_id, at, action, limit, until_ms, reference), sequence in words:
            until = until_ms / 1000
            check = "" if action is None else piece(action, limit, until, at, reference, shadow=False)
            parts.append((decision_key(account_id), [at, sequence, until, check]))
        return self._call(self._interim, [], parts)

    def _call(self, script: Script, head: list[Argument], parts: Sequence[Part]) -> Written:
        if not parts:
            return Written(0, 0, 0)
        if not self._is_of_cluster:
            arguments = head + [argument for _, part in parts for argument in part]
            return Written(*script(keys=[key for key, _ in parts], args=arguments))
        with self._redis.pipeline(transaction=False) as pipeline:
            for key, part in parts:
                script(keys=[key], args=head + part, client=pipeline)
            return Written(*map(sum, zip(*pipeline.execute(), strict=True)))

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()


def _script(redis: Redis, name: str) -> Script:
    source = files("stream_guard.sinks").joinpath(f"lua/{name}.lua").read_text(encoding="utf-8")
    return redis.register_script(source)
