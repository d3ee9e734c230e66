"""Event lines, as far as the rules of today look at them."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from stream_guard.evaluation.rulings import Ruling


class Shown(Struct, gc=False):
    """What a request shows to a simple rule."""

    account_id: str
    occurred_at: float
    payment_id: str | None = None
    client_ip: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency_ms: float | None = None
    turn: int | None = None
    tools: list[str] | None = None


_decode = msgspec.json.Decoder(Shown).decode


def shown(lines: Iterable[bytes]) -> Iterator[Shown]:
    """What can be read of the lines; other formats than the native one are left out."""
    for line in lines:
        try:
            yield _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue


def blocks(accounts: Sequence[str], at: float, reason: str) -> list[Ruling]:
    """Blocks without end."""
    return [Ruling(account, "block", at, reason_codes=(reason,)) for account in accounts]
