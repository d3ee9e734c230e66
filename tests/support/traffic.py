"""Traffic for the toy: mostly honest indicators, some shared; disorder, stragglers, a silent partition."""

import random
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32


class Event(NamedTuple):
    partition: int
    key: bytes
    at: int  # ms
    value: bytes
    stream: str = "requests"


class Traffic(NamedTuple):
    """What `events` makes; times in ms."""

    number: int
    accounts: int = 500
    partitions: int = 4
    start: int = 1_700_000_000_000
    span: int = 60_000
    disorder: int = 1_000
    straggler_ratio: float = 0.0002  # come a minute too late
    silent: tuple[float, float] = (0.0, 0.0)  # part of the time in which the last partition is silent
    sharers_percent: int = 4  # accounts that share cards, some of them chained by networks
    seed: int = 1


def _indicators(account: int, accounts: int, sharers_percent: int) -> list[str]:
    chance = random.Random(account * 7919 + 1)
    payment, network, prompt = f"pay:{account}", f"ip:{account}", f"sys:{account}"
    if account % 100 < sharers_percent:
        payment = f"pay:s{chance.randrange(max(1, accounts // 200))}"
        if chance.random() < 0.5:
            network = f"ip:s{chance.randrange(max(1, accounts // 200))}"
    elif chance.random() < 0.03:
        prompt = f"sys:p{chance.randrange(200)}"
    return [payment, network, prompt, f"ua:{chance.randrange(20)}"]


def events(traffic: Traffic) -> Iterator[Event]:
    """The traffic in the order of arrival; the same seed gives the same events."""
    chance = random.Random(traffic.seed)
    tails: dict[int, tuple[bytes, int, str]] = {}
    for i in range(traffic.number):
        account = int(traffic.accounts * chance.random() ** 2)
        value, jitter = chance.randrange(1000), chance.randrange(max(1, traffic.disorder))
        is_straggler = chance.random() < traffic.straggler_ratio
        known = tails.get(account)
        if known is None:
            key = b"acct-%06d" % account
            shared = ",".join(
                f'"{each}"' for each in _indicators(account, traffic.accounts, traffic.sharers_percent)
            )
            known = tails[account] = (key, crc32(key) % traffic.partitions, f'"indicators":[{shared}]}}')
        key, partition, tail = known
        at = traffic.start + i * traffic.span // traffic.number - jitter - 60_000 * is_straggler
        begin, end = traffic.silent
        if partition == traffic.partitions - 1 and begin <= i / traffic.number < end:
            continue
        body = f'{{"account":"{key.decode()}","at":{at},"value":{value},{tail}'
        yield Event(partition, key, at, body.encode())
