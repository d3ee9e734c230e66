"""What can go wrong, and what whoever catches it must do.

    StreamGuardError
    ├── InvalidEvent         dead letter, never retry: this message can not be read
    ├── ConfigurationError   stop at start: a setting, policy or command line is wrong
    ├── StoreUnavailable     retry, or fail open or closed as configured: Redis did not answer
    └── BrokerUnavailable    let the process end; its supervisor starts it again: Kafka did not answer

Foreign exceptions are wrapped once, at the adapter, with ``from``.
"""


class StreamGuardError(Exception):
    """The root: nothing else is raised on purpose."""


class InvalidEvent(StreamGuardError):
    """A message that can not be read as an event.

    ``reason`` is one of a small closed set (a metric label), ``detail`` says which field was
    wrong, what it held and what was expected.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class ConfigurationError(StreamGuardError):
    """A setting that can not be used; the message names file, path, value and what was expected."""


class StoreUnavailable(StreamGuardError):
    """The decision store did not answer in time."""


class BrokerUnavailable(StreamGuardError):
    """Kafka did not answer."""
