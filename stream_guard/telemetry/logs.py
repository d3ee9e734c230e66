"""Logs are events: a name and key-values, pretty on a terminal, one JSON object per line elsewhere.

What could hold a secret or a prompt is dropped by its name, whoever logs it; passwords in URLs are
masked.  Libraries that log through `logging` (Faust, Kafka clients) come out in the same form.

One canonical line is written per decision (`log_decision`), with everything that an operator
searches for.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog
from structlog.typing import Processor

from stream_guard.errors import ConfigurationError
from stream_guard.records import Decision

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
# Libraries that say at INFO what only their authors want to know.
QUIET: Final = ("kafka", "aiokafka", "faust", "mode")
DROPPED: Final = "(dropped)"

# `token` and `key` as a word of a name, not within one: `input_tokens` and `monkey` are harmless.
_SECRET = re.compile(
    r"secret|passw|passphrase|credential|authorization|cookie|bearer|private|signature"
    r"|(^|_)(api_?key|access_?key|token|jwt|auth)(_|$)",
    re.IGNORECASE,
)
# Numbers under such a name (`prompt_chars`) say nothing of the text; anything else may quote it.
_TEXT = re.compile(
    r"prompt|completion|(^|_)(messages?_?(body|content|text)|messages|content|body|payload|text)(_|$)",
    re.IGNORECASE,
)
_PASSWORD_IN_URL = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*(?=@)")


def drop_sensitive(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: drops what its name gives away, masks passwords in URLs."""
    for name, value in event.items():
        event[name] = _clean(name, value)
    return event


def _clean(name: str, value: Any) -> Any:
    if _SECRET.search(name):
        return DROPPED
    if _TEXT.search(name) and not (value is None or isinstance(value, int | float)):
        return DROPPED
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", inner) for inner in value]
    if isinstance(value, str):
        return _PASSWORD_IN_URL.sub("***", value)
    return value


def configure_logs(level: str = "info", stream: TextIO | None = None) -> None:
    """Set up structlog and `logging` for this process; ConfigurationError if ``level`` is none."""
    if level.lower() not in LEVELS:
        message = f"telemetry.log_level: expected one of {', '.join(LEVELS)}; got {level!r}"
        raise ConfigurationError(message)
    stream = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(shared, is_terminal=stream.isatty()))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _formatter(shared: list[Processor], *, is_terminal: bool) -> logging.Formatter:
    last: list[Processor] = [structlog.dev.ConsoleRenderer()]
    if not is_terminal:
        last = [structlog.processors.format_exc_info, drop_sensitive, structlog.processors.JSONRenderer()]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, drop_sensitive, *last],
    )


def log_decision(decision: Decision) -> None:
    """The canonical line of a decision."""
    structlog.get_logger("stream_guard.decisions").info(
        "decision",
        decision_id=decision.decision_id,
        account_id=decision.account_id,
        action=decision.action,
        limit_per_min=decision.limit_per_min,
        reason_codes=list(decision.reason_codes),
        campaign_id=decision.campaign_id,
        score=decision.score,
        decided_at=decision.decided_at,
        expires_at=decision.expires_at,
        policy_version=decision.policy_version,
        shadow=decision.shadow,
        trigger=decision.trigger,
    )
