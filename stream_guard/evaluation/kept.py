"""Outcomes on disk, so that a run that broke off goes on, and that several share the work.

An outcome is kept under a hash of all that it follows from: what was asked for, the settings, the
policy's version, and the source of whoever made the traffic and decided.  A change to the detector so makes
the guard's outcomes anew and leaves those of other deciders.  What only shows results is not in the hash.

Two processes with one folder never make the same thing: who makes it holds a lock (which ends with its
process), everybody else goes on to the next.

Glossary: *claim* the lock of one outcome.
"""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec

import stream_guard
from stream_guard.decisions.policy import load_policy
from stream_guard.evaluation.deciders.catalogue import GUARD
from stream_guard.evaluation.runs import Job
from stream_guard.settings import Settings

T = TypeVar("T")
HOME: Final = Path(stream_guard.__file__).parent
TRAFFIC: Final = ("simulator", "evaluation")  # what every outcome follows from
SHOWING: Final = frozenset({"cli", "console", "telemetry", "enforcement", "sinks", "embedded", "samples"})
SHOWN: Final = frozenset(
    {"charts", "kept", "many", "openlog", "page", "plots", "pooling", "report", "scale", "sections", "suite",
     "sweeps", "tables", "targets"}
)  # fmt: skip


class Kept(Generic[T]):
    """Outcomes of jobs of one type, in a folder."""

    def __init__(self, folder: Path, settings: Settings, kind: type[T]) -> None:
        self._folder = folder
        self._settings = msgspec.json.encode(settings)
        self._decode = msgspec.json.Decoder(kind).decode
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, job: Job) -> T | None:
        """What came of it, if it is known."""
        try:
            return self._decode(self._path(job).read_bytes())
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write(self, job: Job, outcome: T) -> None:
        """Keep it, whole or not at all."""
        path = self._path(job)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(outcome))
        fresh.replace(path)

    @contextmanager
    def claim(self, job: Job) -> Iterator[bool]:
        """Whether nobody else is at it; as long as this lasts nobody else will be."""
        path = self._path(job).with_suffix(".lock")
        with path.open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            try:
                yield True
            finally:
                path.unlink(missing_ok=True)

    def _path(self, job: Job) -> Path:
        return self._folder / f"{self.key(job)}.json"

    def key(self, job: Job) -> str:
        """The hash."""
        policy = load_policy(Path(job.policy) if job.policy else None).version
        source = source_of("all" if job.decider.startswith(GUARD) else "traffic")
        asked = msgspec.json.encode(job)
        return hashlib.sha256(b"\0".join([asked, self._settings, policy.encode(), source])).hexdigest()[:24]


@cache
def source_of(what: Literal["all", "traffic"]) -> bytes:
    """Digest of the files that an outcome follows from, read once a process."""
    total = hashlib.sha256()
    for path in sorted(HOME.rglob("*")):
        parts = path.relative_to(HOME).parts
        if path.is_file() and path.suffix != ".pyc" and _matters(parts, is_guard=what == "all"):
            total.update("/".join(parts).encode() + b"\0" + path.read_bytes())
    return total.digest()


def note_source() -> None:
    """Read the source now, while it is what this process has just imported."""
    source_of("all")
    source_of("traffic")


def _matters(parts: tuple[str, ...], *, is_guard: bool) -> bool:
    if parts[0] == "evaluation" and Path(parts[-1]).stem in SHOWN:
        return False
    return parts[0] not in SHOWING if is_guard else parts[0] in TRAFFIC


def made_or_kept(kept: Kept[Any] | None, job: Job, make: Any) -> Any:
    """The outcome, made if it is not known; None: somebody else is making it."""
    if kept is None:
        return make()
    known = kept.read(job)
    if known is not None:
        return known
    with kept.claim(job) as is_mine:
        if not is_mine:
            return None
        outcome = kept.read(job)  # whoever held the claim just now may have made it
        if outcome is None:
            outcome = make()
            kept.write(job, outcome)
        return outcome
