"""CONTROL: an operator's words in, to whoever must hear them.

DECISIONS hears all but ``release``, as a `Verdict` of the source "operator".  CAMPAIGNS hears
``label``, ``release`` and ``chargeback``, as a `Finding` that carries the word.

A word on one account goes to that account's partition.  A word on an organisation, on a network or
on what is to be in shadow concerns accounts of every partition, and a stage can only send to the
partition of a key: so it is sent once under a key for each partition, the smallest
``partition:<n>`` whose CRC-32 falls there.
"""

from functools import lru_cache
from itertools import count
from typing import Any
from zlib import crc32

from stream_guard.clock import to_ms
from stream_guard.decisions import switches
from stream_guard.decisions.networks import fault_in_subject, is_wide
from stream_guard.errors import InvalidEvent
from stream_guard.records import Control, Evidence, Finding, Verdict
from stream_guard.topology import Out, Rows

FOR_CAMPAIGNS = ("label", "release", "chargeback")
WIDE_VERBS = ("exempt", "unexempt")
OUT_OF_RANGE = "out_of_range"
VALUES = {"label": ("right", "wrong"), switches.SHADOW: switches.POSITIONS}
CHARGEBACK_WEIGHT = 7.0  # nats: some 1 in 1,000 honest card payments is charged back (schemes tolerate 0.9 %)
HONEST_CHARGEBACKS = 0.001


@lru_cache(maxsize=16)
def partition_keys(partitions: int) -> tuple[str, ...]:
    """A key for each partition.

    >>> keys = partition_keys(3)
    >>> [crc32(key.encode()) % 3 for key in keys]
    [0, 1, 2]
    """
    keys: dict[int, str] = {}
    for number in count():
        if len(keys) == partitions:
            break
        key = f"partition:{number}"
        keys.setdefault(crc32(key.encode()) % partitions, key)
    return tuple(keys[partition] for partition in range(partitions))


def fault_in_control(control: Control) -> str:
    """What is wrong with a word, naming field, value and what was expected; empty if nothing is."""
    is_switch = control.verb == switches.SHADOW
    expected = (switches.fault_in_subject if is_switch else fault_in_subject)(control.subject)
    if expected:
        return f"subject: expected {expected}; got {control.subject!r}"
    if is_wide(control.subject) and control.verb not in (*WIDE_VERBS, "release"):
        return f"subject: expected an account id for {control.verb}; got {control.subject!r}"
    values = VALUES.get(control.verb)
    if values and control.value not in values:
        return f"value: expected one of {', '.join(values)} for {control.verb}; got {control.value!r}"
    if not 0 < control.spoken_at < 32_503_680_000:  # the year 3000
        return f"spoken_at: expected Unix seconds; got {control.spoken_at!r}"
    if not control.author:
        return "author: expected who says so; got ''"
    return ""


class ControlDesk:
    """The stage (`topology.Stage`), over the log "control"; ``partitions`` is that of "verdicts".

    A word that makes no sense raises InvalidEvent, and the lane makes it a dead letter.
    """

    row: Any = None

    def __init__(self, partitions: int) -> None:
        self._keys = partition_keys(partitions)

    def process(self, _rows: Rows, _key: str, record: Control, out: Out) -> None:
        """Pass a word on."""
        if fault := fault_in_control(record):
            raise InvalidEvent(OUT_OF_RANGE, fault)
        out.count(f"words.{record.verb}")
        if record.verb in FOR_CAMPAIGNS:
            finding = Finding(record.subject, 0, 0, 0.0, 0.0, 0.0, control=record)
            out.emit("findings", record.subject, finding)
        if record.verb == "release":
            return
        verdict = verdict_of(record)
        concerns_all = is_wide(record.subject) or record.verb == switches.SHADOW
        for key in self._keys if concerns_all else (record.subject,):
            out.emit("verdicts", key, verdict)

    def tick(self, rows: Rows, now: int, out: Out) -> None:
        """Nothing: a log stage is not ticked."""


def verdict_of(control: Control) -> Verdict:
    """A word as DECISIONS takes it: a chargeback is evidence, all others are orders."""
    is_fact = control.verb == "chargeback"
    line = Evidence("chargeback", 1.0, HONEST_CHARGEBACKS, CHARGEBACK_WEIGHT, cause="card", family="who")
    return Verdict(
        account_id=control.subject,
        source="operator",
        kind=control.verb,
        score=1.0 if is_fact else 0.0,
        evidence=(line,) if is_fact else (),
        reasons=("chargeback",) if is_fact else ("operator",),
        trigger=f"control:{control.verb}:{to_ms(control.spoken_at)}",
        control=control,
    )
