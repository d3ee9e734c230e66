"""What an operator may say here, and how it becomes words for the stream.  Pure.

| name | says |
| --- | --- |
| `revoke` | take back what is held of an account |
| `right`, `wrong` | label the decision; wrong takes it back, too |
| `exempt`, `unexempt` | leave an account, organisation or network alone, for a time or for good; no longer |
| `shadow_on`, `shadow_off` | record and count, enforce nothing, or nothing by one rule; enforce again |
| `campaign_right`, `campaign_wrong` | label all listed members at once |
"""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from stream_guard.console.forms import Form, Refused
from stream_guard.console.memory import Memory
from stream_guard.decisions.durations import EXPECTED, FOREVER, to_duration_ms
from stream_guard.records import Control

MAX_NOTE = 500
DURATIONS: Final = (("1h", "1 hour"), ("1d", "1 day"), ("7d", "7 days"), ("30d", "30 days"), ("", "no end"))


class Speaker:
    """Turns one form into words; ``now`` is the operator's clock."""

    def __init__(self, form: Form, author: str, now: float, memory: Memory) -> None:
        self._form, self._author, self._now, self._memory = form, author, now, memory

    def words(self) -> list[Control]:
        """The words; Refused says what is wrong with the form."""
        name = self._form.needed("say", "what is to be done")
        making = MAKERS.get(name)
        if making is None:
            raise Refused(400, f"expected one of {', '.join(MAKERS)}; got {name[:40]!r}")
        return making(self)

    def _word(self, verb: str, subject: str, value: str = "", expires_at: float | None = None) -> Control:
        note = self._form.needed("note", "the reason")[:MAX_NOTE]
        return Control(
            verb=verb,  # type: ignore[arg-type]  # one of `MAKERS`' own
            subject=subject,
            spoken_at=self._now,
            author=self._author,
            value=value,
            expires_at=expires_at,
            note=note,
        )

    def _subject(self) -> str:
        return self._form.needed("subject", "account, organisation or network")

    def _expiry(self) -> float | None:
        text = self._form.text("duration")
        if not text:
            return None
        ms = to_duration_ms(text)
        if ms is None:
            raise Refused(400, f"duration: expected {EXPECTED}; got {text[:40]!r}")
        return None if ms >= FOREVER else self._now + ms / 1000

    def revoke(self) -> list[Control]:
        """Take back."""
        return [self._word("revoke", self._subject())]

    def right(self) -> list[Control]:
        """Label as right."""
        return [self._word("label", self._subject(), "right")]

    def wrong(self) -> list[Control]:
        """Label as wrong, and take back."""
        subject = self._subject()
        return [self._word("revoke", subject), self._word("label", subject, "wrong")]

    def exempt(self) -> list[Control]:
        """Leave alone."""
        return [self._word("exempt", self._subject(), expires_at=self._expiry())]

    def unexempt(self) -> list[Control]:
        """No longer leave alone."""
        return [self._word("unexempt", self._subject())]

    def shadow_on(self) -> list[Control]:
        """Enforce nothing."""
        return [self._word("shadow", self._form.text("subject") or "all", "on", self._expiry())]

    def shadow_off(self) -> list[Control]:
        """Enforce again."""
        return [self._word("shadow", self._form.text("subject") or "all", "off")]

    def campaign_right(self) -> list[Control]:
        """Label all members as right."""
        return [self._word("label", member, "right") for member in self._members()]

    def campaign_wrong(self) -> list[Control]:
        """Label all members as wrong: that takes back what is held of them."""
        return [self._word("label", member, "wrong") for member in self._members()]

    def _members(self) -> tuple[str, ...]:
        campaign = self._memory.campaign(self._form.needed("campaign", "the campaign"))
        if campaign is None:
            raise Refused(404, "there is no such campaign")
        if not self._form.text("sure"):
            raise Refused(400, f"tick the box: this concerns {len(campaign.members)} accounts")
        return campaign.members


MAKERS: Final[Mapping[str, Callable[[Speaker], list[Control]]]] = {
    name: getattr(Speaker, name)
    for name in (
        "revoke", "right", "wrong", "exempt", "unexempt", "shadow_on", "shadow_off",
        "campaign_right", "campaign_wrong",
    )
}  # fmt: skip


def back_from(form: Form) -> str:
    """The page to go back to: one of ours, made from what the form is about."""
    if form.text("campaign"):
        return "/campaign?" + urlencode({"id": form.text("campaign")})
    if form.text("from") == "account":
        return "/account?" + urlencode({"id": form.text("subject")})
    return "/exempt"
