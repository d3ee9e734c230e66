"""The shadow switch: an operator's word that rules are recorded and counted, but not enforced.

Its subject is ``all`` or ``rule:<name>``, its value ``on`` or ``off``, and it may end by itself.  It can
take enforcement away and give back what it took; what the policy holds in shadow stays there.
"""

from collections.abc import Set as AbstractSet

from stream_guard.decisions import exemptions
from stream_guard.decisions.durations import FOREVER
from stream_guard.decisions.rows import MAX_SWITCHES, SwitchesRow
from stream_guard.records import Control
from stream_guard.topology import Out, Rows

SHADOW = "shadow"
ALL = "all"
RULE = "rule:"
POSITIONS = ("on", "off")
KEY = "x:shadow"
InShadow = AbstractSet[str]
"""Subjects of the switches that are on."""


def fault_in_subject(subject: str) -> str:
    """What was expected instead of ``subject``; empty if nothing is wrong with it."""
    is_rule = subject.startswith(RULE) and 0 < len(subject) - len(RULE) <= 64
    return "" if subject == ALL or is_rule else f"{ALL}, or {RULE}<name> with the name of a rule"


def take(rows: Rows, control: Control, out: Out) -> None:
    """Note a word."""
    row = rows.get(KEY) or SwitchesRow()
    rows.put(KEY, row)
    if control.subject not in row.words and len(row.words) >= MAX_SWITCHES:
        out.count("words_refused")
        return
    word = exemptions.word_of(control, FOREVER)
    if control.value == "off":
        word.until = 0
    row.words[control.subject] = exemptions.newest(row.words.get(control.subject), word)


def end(rows: Rows, now: int) -> bool:
    """Whether a switch that was on has run out by ``now``; it is off from then on."""
    row = rows.get(KEY)
    over = [word for word in row.words.values() if 0 < word.until <= now] if row else []
    if over:
        rows.put(KEY, row)
    for word in over:
        word.until = 0
    return bool(over)


def next_end(rows: Rows) -> int | None:
    """When the next switch that is on runs out, in ms; None: none does."""
    row = rows.get(KEY)
    return (
        min((word.until for word in row.words.values() if 0 < word.until < FOREVER), default=None)
        if row
        else None
    )


def standing(rows: Rows) -> InShadow:
    """Subjects that are in shadow now; `end` comes first."""
    row = rows.get(KEY)
    return frozenset(subject for subject, word in row.words.items() if word.until) if row else frozenset()


def covers(in_shadow: InShadow, rule: str) -> bool:
    """Whether a rule is in shadow."""
    return bool(in_shadow) and (ALL in in_shadow or RULE + rule in in_shadow)
