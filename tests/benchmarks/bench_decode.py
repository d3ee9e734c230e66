"""What decoding a message costs, by format: process time, best of seven.

Each figure is also given as a ratio to `msgspec.json.Decoder(dict)` on our own format, since a ratio
carries over from machine to machine and a time does not.
"""

from collections.abc import Callable
from time import process_time
from typing import Any

import msgspec
from msgspec.json import encode

from stream_guard.wire.native import EventDecoder
from tests.wire_samples import EVENT, LITELLM, OTEL_ATTRIBUTES, OTLP_SPAN

ROUNDS = 7
MESSAGES = 4_000
DIFFERENT = 64  # messages in turn, so that nothing is measured on one warm cache line

FORMS: dict[str, dict[str, Any]] = {
    "native": EVENT,
    "rfc_3339": {**EVENT, "occurred_at": "2025-11-22T08:26:40.125Z"},
    "unknown_field": {**EVENT, "region": "eu-central-1"},
    "prompt_dropped": {**EVENT, "prompt": "Name a river that is longer than the Elbe. " * 7},
    "otel": {"event_id": "e-1", "occurred_at": 1763800000.125, **OTEL_ATTRIBUTES},
    "otlp_span": OTLP_SPAN,
    "litellm": LITELLM,
}


def _variants(form: dict[str, Any]) -> list[bytes]:
    return [encode({**form, "latency_ms": 1000.5 + number}) for number in range(DIFFERENT)]


def _cost_us(decode: Callable[[bytes], object], messages: list[bytes]) -> float:
    batch = messages * (MESSAGES // len(messages))
    best = float("inf")
    for _ in range(ROUNDS):
        start = process_time()
        for message in batch:
            decode(message)
        best = min(best, process_time() - start)
    return best / len(batch) * 1e6


def run() -> dict[str, float]:
    """Per form: CPU us per event, events per CPU second, and the ratio to a bare parse of our format."""
    bare = _cost_us(msgspec.json.Decoder(dict).decode, _variants(EVENT))
    result = {"bare_dict_us": round(bare, 3)}
    for name, form in FORMS.items():
        cost = _cost_us(EventDecoder().decode, _variants(form))
        result[f"{name}_us"] = round(cost, 3)
        result[f"{name}_per_cpu_s"] = round(1e6 / cost)
        result[f"{name}_ratio"] = round(cost / bare, 2)
    return result


if __name__ == "__main__":
    figures = run()
    print(f"{'bare dict':16}{figures['bare_dict_us']:9.2f} us")  # noqa: T201 - run by hand
    for form in FORMS:
        cost, rate, ratio = (figures[f"{form}_{unit}"] for unit in ("us", "per_cpu_s", "ratio"))
        print(f"{form:16}{cost:9.2f} us {rate:12,.0f} events per CPU s {ratio:7.2f} x bare dict")  # noqa: T201 - run by hand
