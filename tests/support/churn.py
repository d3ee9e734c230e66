"""Accounts that come for a day and never again: what makes rows pile up where nothing ends."""

import json
import random

from stream_guard.bootstrap import build_topology
from stream_guard.clock import DAY_MS
from stream_guard.settings import Settings, StreamSettings
from stream_guard.topology import Topology
from tests.support.line import Feed
from tests.support.traffic import Event

FACTORY = "tests.support.churn:build"
START_MS = 1_780_000_000_000 // DAY_MS * DAY_MS
DAYS, ACCOUNTS, REQUESTS = 25, 15, 12  # a day
PER_DAY = 3 + 4  # groups: cards and networks
REGULAR = "regular"  # comes every fifth day, which is longer than anyone is remembered


def build() -> Topology:
    """The real line, forgetting after a day."""
    return build_topology(Settings(stream=StreamSettings(forget_after_s=86_400)))


def churning() -> Feed:
    """`DAYS` of `ACCOUNTS` new ones each; some share a card, one comes back again and again."""
    requests, chance = build().stream("requests"), random.Random(5)
    made = []
    for day in range(DAYS):
        names = [f"acct-{day}-{i}" for i in range(ACCOUNTS)] + [REGULAR] * (day % 5 == 0)
        for name in names:
            for i in range(REQUESTS):
                at = START_MS + day * DAY_MS + chance.randrange(8 * 3_600_000)
                event = {
                    "event_id": f"{name}-{day}-{i}",
                    "account_id": name,
                    "occurred_at": at / 1000,
                    "model": "model-small",
                    "payment_id": f"card-{day}-{chance.randrange(3)}" if name != REGULAR else "card",
                    "client_ip": f"10.{day}.{chance.randrange(4)}.1",
                    "input_tokens": chance.randrange(2_000),
                    "output_tokens": chance.randrange(2_000),
                }
                key = name.encode()
                made.append(Event(requests.partition(name), key, at, json.dumps(event).encode()))
    return Feed(FACTORY, sorted(made, key=lambda event: event.at))
