"""Who is who: the truth file, one JSON object per account.  For evaluation only."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from stream_guard.errors import ConfigurationError
from stream_guard.evaluation.reading import decoded


class Truth(Struct, frozen=True, gc=False):
    """One account's truth."""

    account_id: str
    label: Literal["benign", "campaign"]
    campaign: str | None = None
    kind: str = ""

    @property
    def campaign_name(self) -> str | None:
        """Its campaign; None for honest accounts."""
        return (self.campaign or self.kind or "unnamed") if self.label == "campaign" else None


def read_truth(lines: Iterable[bytes], place: str) -> dict[str, Truth]:
    """All accounts' truth by account; ConfigurationError that names ``place`` and line if one is none."""
    found: dict[str, Truth] = {}
    for number, truth in decoded(lines, place, Truth, "the truth about an account"):
        if found.setdefault(truth.account_id, truth) != truth:
            message = f"{place}: line {number}: {truth.account_id!r} stands there twice, and not the same"
            raise ConfigurationError(message)
    return found
