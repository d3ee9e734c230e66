"""Who is who: the truth file, one JSON object per account.  For evaluation only."""

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import Struct

from stream_guard.errors import ConfigurationError


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
    decode = msgspec.json.Decoder(Truth).decode
    found: dict[str, Truth] = {}
    for number, line in enumerate(lines, 1):
        try:
            truth = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f"{place}: line {number}: expected the truth about an account; got: {error}"
            raise ConfigurationError(message) from error
        if truth.account_id in found and found[truth.account_id] != truth:
            message = f"{place}: line {number}: {truth.account_id!r} stands there twice, and not the same"
            raise ConfigurationError(message)
        found[truth.account_id] = truth
    return found
