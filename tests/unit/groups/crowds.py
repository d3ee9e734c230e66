"""Small populations with random parameters: honest strangers, honest crowds, campaigns.

They serve laws (calibration, separation by a wide margin); nothing in the detector was fitted on them.  An
account is drawn as event times plus habits; its profiles are what ACCOUNTS would send of it at each power
of two from two requests on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
from numpy.random import Generator

from stream_guard.clock import DAY_MS, HOUR_MS
from stream_guard.records import Conduct, Profile

START = 1_760_000_000_000 // DAY_MS * DAY_MS
TOPICS = np.random.default_rng(1).normal(0, 25, (12, 64))  # what prompts are about, in sketch units
LABELS = ("chain_of_thought", "rubric_grading", "sensitive_rewrite")


@dataclass
class Account:
    """One drawn account."""

    name: str
    times: list[int]  # ms, sorted
    created_at: int
    indicators: tuple[str, ...]
    topic: np.ndarray  # mean sketch
    labels: dict[str, float] = field(default_factory=dict)  # share of requests
    unit: str = ""
    networks: int = 1
    clients: int = 1
    hidden: float = 0.0
    mismatch: float = 0.0
    habits: tuple[float, ...] = (0.0,) * 7  # as `habits_of` draws them


def habits_of(seed: str) -> tuple[float, ...]:
    """Log tokens in and out, share of the limit used, log latency, turns, tools, share of reasoning."""
    rng = np.random.default_rng(crc32(seed.encode()))
    return (
        float(rng.normal(6.5, 1.2)),
        float(rng.normal(5.5, 1.0)),
        float(rng.choice([0.0, rng.random()])),
        float(rng.normal(8.0, 0.8)),
        float(rng.choice([0.0, rng.lognormal(0.5, 0.7)])),
        float(rng.choice([0.0, rng.lognormal(1.0, 0.7)], p=[0.7, 0.3])),
        float(rng.choice([0.0, rng.random()], p=[0.7, 0.3])),
    )


def topic_mix(rng: Generator) -> np.ndarray:
    """A narrow honest customer: a Dirichlet mixture of topics, and a style of its own."""
    return rng.dirichlet([0.3] * len(TOPICS)) @ TOPICS + rng.normal(0, 8, 64)


def human_times(rng: Generator, days: float, per_day: float) -> list[int]:
    """Sessions in waking hours, gaps within a session lognormal."""
    wake = rng.uniform(0, 24)
    times: list[float] = []
    for day in range(int(np.ceil(days))):
        for _ in range(rng.poisson(max(0.2, per_day / 8))):
            at = START + day * DAY_MS + (wake + rng.beta(2, 2) * 14) * HOUR_MS
            for gap in rng.lognormal(4.2, 1.3, rng.geometric(1 / 8)):
                at += gap * 1000
                times.append(at)
    return sorted(int(at) for at in times if at < START + days * DAY_MS)


def program_times(rng: Generator, days: float, per_day: float) -> list[int]:
    """A scheduler: all day long, gaps nearly even or Poisson."""
    shape = float(rng.choice([1.0, 4.0, 25.0]))
    mean_gap = DAY_MS / per_day
    gaps = rng.gamma(shape, mean_gap / shape, int(days * per_day * 1.2) + 4)
    at = START + rng.uniform(0, mean_gap) + np.cumsum(gaps)
    return [int(t) for t in at if t < START + days * DAY_MS]


def stranger(rng: Generator, name: str, days: float = 6.0) -> Account:
    """An honest account that has nothing in common with others save what is common."""
    per_day = float(rng.lognormal(np.log(12), 1.2))
    is_program = rng.random() < 0.15
    times = (program_times if is_program else human_times)(rng, days, min(per_day, 150))
    labels = {label: float(rng.beta(1, 6)) for label in LABELS if rng.random() < 0.08}
    indicators = (
        f"payment:p-{name}",
        f"network:n-{name}",
        f"client:common-{rng.integers(4)}",
        f"shape:common-{rng.integers(6)}",
        f"signup:s-{name}",
    )
    return Account(
        name,
        times,
        START - int(rng.uniform(0, 200) * DAY_MS),
        indicators,
        topic_mix(rng),
        labels,
        networks=1 + int(rng.poisson(1.2)),
        clients=1 + int(rng.poisson(0.4)),
        hidden=float(rng.choice([0.0, rng.random(), 1.0], p=[0.75, 0.15, 0.1])),
        mismatch=float(rng.choice([0.0, rng.random(), 1.0], p=[0.9, 0.05, 0.05])),
        habits=habits_of(name),
    )


def campaign(rng: Generator, size: int, days: float = 6.0, tag: str = "x") -> list[Account]:
    """A harvest over many low-rate accounts: shared cards, proxies and client; even load; one task list."""
    per_day = float(rng.uniform(15, 40))
    topic = topic_mix(rng)
    label, share = LABELS[rng.integers(3)], float(rng.uniform(0.3, 0.9))
    cards, proxies = max(3, size // int(rng.integers(6, 12))), max(3, size // int(rng.integers(5, 15)))
    born = START - int(rng.uniform(1, 20) * DAY_MS)
    accounts = []
    for i in range(size):
        rate = per_day * float(rng.lognormal(0, rng.uniform(0.05, 0.2)))
        accounts.append(
            Account(
                f"bad-{tag}-{i:04d}",
                program_times(rng, days, rate),
                born + int(rng.uniform(0, 5) * HOUR_MS),
                (
                    f"payment:card-{tag}-{i % cards}",
                    f"network:proxy-{tag}-{rng.integers(proxies)}",
                    f"client:farm-{tag}",
                    f"shape:farm-{tag}",
                    f"signup:{tag}-{i % 3}",
                ),
                topic + rng.normal(0, 3, 64),
                {label: share * float(rng.uniform(0.8, 1.1))},
                networks=int(rng.integers(2, 8)),
                hidden=float(rng.uniform(0.7, 1.0)),
                mismatch=float(rng.uniform(0.3, 1.0)),
                habits=habits_of(f"farm-{tag}-{size}-{per_day}"),
            )
        )
    return accounts


Change = Callable[[Generator, Account, str], None]


def crowd(rng: Generator, size: int, tag: str, change: Change, days: float = 6.0) -> list[Account]:
    """Honest accounts that ``change`` makes a crowd of one kind."""
    accounts = [stranger(rng, f"{tag}-{i:03d}", days) for i in range(size)]
    shared = np.random.default_rng(rng.integers(1 << 30))
    state = shared.bit_generator.state
    for account in accounts:
        shared.bit_generator.state = state  # what the crowd has in common is drawn alike for each of them
        change(shared, account, tag)
        account.topic = account.topic + rng.normal(0, 4, 64)
    return accounts


def _replace(account: Account, *shared: str) -> None:
    kinds = {indicator.split(":")[0] for indicator in shared}
    kept = tuple(i for i in account.indicators if i.split(":")[0] not in kinds)
    account.indicators = (*kept, *shared)


def office(_rng: Generator, account: Account, tag: str) -> None:
    """Many seats on one card and one address."""
    _replace(account, f"payment:{tag}", f"network:{tag}")


def campus(_rng: Generator, account: Account, tag: str) -> None:
    """One address, many people."""
    _replace(account, f"network:{tag}")


def school_class(rng: Generator, account: Account, tag: str) -> None:
    """One address, one assignment, sign-up in one hour."""
    _replace(account, f"network:{tag}", f"signup:{tag}")
    account.created_at = START - 2 * DAY_MS + int(rng.uniform(0, 1) * HOUR_MS)
    account.topic = 0.3 * account.topic + 0.7 * topic_mix(rng)


def hackathon(rng: Generator, account: Account, tag: str) -> None:
    """Sign-up in one hour, one address, everything within two days."""
    _replace(account, f"network:{tag}", f"signup:{tag}")
    account.created_at = START - int(rng.uniform(0, 2) * HOUR_MS)
    account.times = [at for at in account.times if at < START + 2 * DAY_MS]


def popular_tool(rng: Generator, account: Account, tag: str) -> None:
    """One system prompt and one client, everywhere in the world."""
    _replace(account, f"system_prompt:{tag}", f"client:{tag}", f"shape:{tag}")
    account.topic = 0.4 * account.topic + 0.6 * topic_mix(rng)


def vpn(_rng: Generator, account: Account, tag: str) -> None:
    """One exit, hidden and abroad."""
    _replace(account, f"network:{tag}")
    account.hidden, account.mismatch = 1.0, 0.8


def router(rng: Generator, account: Account, tag: str) -> None:
    """Customers of an honest router: one address and client, many clients behind, abroad, hosting."""
    _replace(account, f"network:{tag}", f"client:{tag}")
    account.hidden, account.clients = 1.0, 1 + int(rng.poisson(2))


def night_agents(rng: Generator, account: Account, tag: str) -> None:
    """Users of one agent framework that works through the night."""
    _replace(account, f"client:{tag}", f"tools:{tag}")
    private = np.random.default_rng(len(account.times) * 7919 + len(account.name) + account.created_at % 7919)
    account.times = program_times(private, 6.0, float(private.lognormal(np.log(20), 0.9)))


HONEST_CROWDS: dict[str, Change] = {
    "office": office,
    "campus": campus,
    "class": school_class,
    "hackathon": hackathon,
    "popular_tool": popular_tool,
    "vpn": vpn,
    "router": router,
    "night_agents": night_agents,
}


def profile_at(rng: Generator, account: Account, count: int) -> Profile:
    """What ACCOUNTS says of the account after ``count`` requests."""
    times = np.array(account.times[:count])
    gaps = np.log1p(np.diff(times) / 1000)[-30:]
    hours = np.bincount(times // HOUR_MS % 24, minlength=24)
    topic = account.topic + rng.normal(0, 25, 64) / np.sqrt(count)
    labels = tuple(
        (label, int(rng.binomial(count, min(share, 1.0)))) for label, share in sorted(account.labels.items())
    )
    wobbling = np.array(account.habits)[[0, 1, 3]] + rng.normal(0, 0.5, 3) / np.sqrt(count)
    grown = 1 - 0.5 ** (count / 16)
    conduct = Conduct(
        first_at=int(times[0]),
        last_at=int(times[-1]),
        created_at=account.created_at,
        answered=count,
        active_hours=len(np.unique(times // HOUR_MS)),
        log_gap_mean=float(gaps.mean()) if len(gaps) else 0.0,
        log_gap_var=float(gaps.var()) if len(gaps) else 0.0,
        log_input_mean=float(wobbling[0]),
        log_output_mean=float(wobbling[1]),
        limit_ratio_mean=account.habits[2],
        log_latency_mean=float(wobbling[2]),
        turn_mean=account.habits[4],
        tools_mean=account.habits[5],
        reasoning_ratio=account.habits[6],
        mismatch_ratio=account.mismatch,
        hidden_ratio=account.hidden,
        networks=max(1, round(account.networks * grown)),
        clients=max(1, round(account.clients * grown)),
        hours=tuple(int(n) for n in hours),
        labels=tuple(pair for pair in labels if pair[1]),
    )
    return Profile(
        account_id=account.name,
        requests=count,
        unit=account.unit or account.name,
        conduct=conduct,
        indicators=tuple(sorted(account.indicators)),
        sketch=np.clip(np.round(topic * 256), -32768, 32767).astype("<i2").tobytes(),
        sketched=count,
    )


def records(rng: Generator, accounts: list[Account]) -> Iterator[tuple[int, str, Profile]]:
    """(at, key, record) of all of them, in the order a lane would hand them over."""
    items: list[tuple[int, str, Profile]] = []
    for account in accounts:
        if account.times:
            shown = tuple(sorted(account.indicators))
            hello = Profile(account.name, 1, account.unit or account.name, indicators=shown)
            items += [(account.times[0], indicator, hello) for indicator in account.indicators]
        count = 2
        while count <= len(account.times):
            profile = profile_at(rng, account, count)
            at = account.times[count - 1]
            items += [(at, indicator, profile) for indicator in account.indicators]
            items.append((at, "reference:0", profile))
            count *= 2
    items.sort(key=lambda item: (*item[:2], item[2].account_id, item[2].requests))
    yield from items
