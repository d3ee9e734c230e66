"""How a guard behaves; the origin of each number stands beside it.

Glossary: *deadline* the longest a check may take; *local copy* what this process remembers of the
decisions that it asked for; *probe* a TIME over the same connection, which tells a server that
answers from one that hangs.
"""

from dataclasses import dataclass
from typing import Literal

from stream_guard.errors import ConfigurationError

OnFailure = Literal["open", "closed"]


@dataclass(frozen=True, slots=True)
class GuardConfig:
    """Everything that can be set; units in the names."""

    deadline_s: float = 0.05  # per check; a healthy server answers within 1 ms, a remote one within 10
    on_failure: OnFailure = "open"  # nobody could be asked: let pass, or refuse with 503
    max_accounts: int = 100_000  # in the local copy; some 40 MB
    max_age_s: float = 300.0  # an entry of the local copy is asked for anew after this, invalidated or not
    hold_s: float = 600.0  # a known block holds for so long after contact with Redis was lost
    probe_s: float = 0.5  # how often a quiet or doubtful server is probed
    silence_s: float = 1.5  # a server that answers no probe for so long is left, and dialled again
    connect_s: float = 1.0  # dialling, in the background; no check waits for it longer than its deadline
    backoff_s: tuple[float, float] = (0.05, 1.0)  # first and longest pause between two dials
    exempt: frozenset[str] = frozenset()  # accounts that are never asked about: health checks, your own

    def __post_init__(self) -> None:
        if self.on_failure not in ("open", "closed"):
            message = f"on_failure: expected 'open' or 'closed'; got {self.on_failure!r}"
            raise ConfigurationError(message)
        for name in ("deadline_s", "max_age_s", "probe_s", "silence_s", "connect_s", "max_accounts"):
            if not getattr(self, name) > 0:
                message = f"{name}: expected more than 0; got {getattr(self, name)!r}"
                raise ConfigurationError(message)
