"""Messages for benchmarks of the real line, in the two shapes that matter for its cost.

- `steady`: many requests of few accounts, ten minutes of event time, the busiest accounts a hundred
  times as busy as the quietest; 4 % of the accounts share cards or networks.  What a warm
  installation sees.
- `sampled`: the shipped sample of real arrivals, over and over with new account ids: all accounts
  are young, a third of them in crowds or campaigns.  What a cold one sees, and the dearest traffic
  there is.
"""

import random
from collections.abc import Iterator
from importlib.resources import files
from itertools import count, islice

import msgspec

from stream_guard.wire.files import EventFile

Message = tuple[bytes, bytes]
START = 1_790_000_000.0
SPAN_S = 600.0
_encode = msgspec.json.encode


def steady(events: int, accounts: int) -> Iterator[Message]:
    """``events`` messages of ``accounts`` accounts."""
    chance = random.Random(1)
    constant = [_constant(account, accounts, chance) for account in range(accounts)]
    for i in range(events):
        fields = constant[int(accounts * chance.random() ** 2)]
        event = fields | {
            "event_id": f"req_{i:012d}",
            "occurred_at": round(START + i * SPAN_S / events - chance.random(), 3),
            "input_tokens": chance.randrange(20, 3000),
            "output_tokens": chance.randrange(5, 2000),
            "latency_ms": round(chance.lognormvariate(7, 0.8), 1),
            "status": 200 if chance.random() < 0.97 else 429,
            "turn": chance.randrange(1, 6),
            "prompt_chars": chance.randrange(20, 4000),
        }
        yield str(fields["account_id"]).encode(), _encode(event)


def _constant(account: int, accounts: int, chance: random.Random) -> dict[str, object]:
    """What an account's requests have in common."""
    shared = chance.randrange(max(1, accounts // 200)) if chance.random() < 0.04 else None
    return {
        "account_id": f"acc_{account:08d}",
        "model": chance.choice(["model-large", "model-large", "model-small"]),
        "operation": "chat",
        "surface": "api",
        "max_tokens": chance.choice([1024, 4096, 4096, 8192]),
        "temperature": 1.0,
        "client_ip": f"100.{64 + (account >> 8) % 64}.{account % 256}.7"
        if shared is None
        else f"198.18.{shared % 250}.9",
        "asn": chance.randrange(64512, 64999),
        "ip_country": "DE",
        "billing_country": "DE",
        "network_type": chance.choice(["business", "residential", "hosting"]),
        "user_agent": f"python-sdk/1.{chance.randrange(30)}",
        "tls_fingerprint": f"t13d1516h2_{chance.randrange(9):04x}",
        "api_key_id": f"key_{account:08x}",
        "payment_id": f"pm_{account:08x}" if shared is None else f"pm_s{shared:08x}",
        "account_created_at": START - 86_400.0 * chance.randrange(1, 700),
        "tier": chance.choice(["free", "pay_as_you_go", "pay_as_you_go"]),
        "indicators": {"device": f"dev_{account:08x}", "email_domain": f"mail{chance.randrange(40)}.example"},
        "tools": ["search", "calculator"] if chance.random() < 0.3 else None,
        "stream": True,
        "system_prompt_hash": f"{chance.getrandbits(64):016x}",
        "prompt_template_hash": f"{chance.getrandbits(64):016x}",
    }


def sampled(events: int, _accounts: int = 0) -> Iterator[Message]:
    """The first ``events`` messages of the sample, repeated one after the other in time."""
    return islice(_sample_again_and_again(), events)


def _sample_again_and_again() -> Iterator[Message]:
    sample = EventFile(str(files("stream_guard") / "samples" / "traffic.jsonl.zst"))
    decoded = [msgspec.json.decode(line) for line in sample]
    length = decoded[-1]["occurred_at"] - decoded[0]["occurred_at"] + 1
    for turn in count():
        for fields in decoded:
            account_id = f"{fields['account_id']}{turn:03d}"
            event = fields | {
                "account_id": account_id,
                "event_id": f"{fields['event_id']}{turn:03d}",
                "occurred_at": round(fields["occurred_at"] + turn * length, 3),
            }
            yield account_id.encode(), _encode(event)
