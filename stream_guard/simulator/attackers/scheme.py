"""How an operator goes about it, drawn anew for each campaign, by level.

*naive*: many accounts on few cards and servers, worked around the clock by a dispatcher, opened just
before.  *careful*: shares a little of everything and nothing by all, shifts, VPNs and proxies, some aged
accounts, some ordinary conversations among the tasks.  *informed*: has read the source of a detector
like ours: own card, device and residential proxy for each account, heavy-tailed rates, the rhythm of
people, aged accounts, diluted prompts, clients and templates of their own.

Whatever can be done in several ways is drawn: no two campaigns of a level need have one signature.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from stream_guard.simulator.attackers.record import Record
from stream_guard.simulator.draws import Draw
from stream_guard.simulator.honest.individuals import usual_limit, usual_temperature
from stream_guard.simulator.order import Level

Discipline = Literal["even", "rotate", "random", "habit"]
Shared = tuple[float, float]  # accounts for one, and share of accounts that have their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How one operator works."""

    level: Level
    cards: Shared
    devices: Shared
    domains: int
    public_domains: float  # accounts with a mail provider's address
    exits: float  # addresses per account
    exits_each: int
    exit_kinds: dict[str, float]
    fits: float  # accounts whose exit lies where they pay from
    builds: int
    templates: tuple[int, int]  # per way of use
    reworded: float
    systems: int
    tasks_ratio: float  # prompts of each use that its list holds
    lot: int  # accounts opened together, at most
    aged: float
    declared: float  # accounts under one of a few organisations
    dilution: float  # ordinary conversations among the tasks
    sigma: float  # of the logarithm of accounts' rates
    discipline: Discipline
    hours: float  # a shift
    zone_spread: float  # hours between accounts' shifts
    days_off: float
    cv: float  # of the work that comes
    follow: float
    keeps_settings: bool  # one max_tokens and temperature for all
    max_tokens: int | None
    temperature: float | None
    end_users: float  # accounts that name end users
    ramp: float  # share of its days until the last account works
    # when refused
    fails_over: float  # chance that a throttled request goes to a sibling
    failover_s: float
    rests_s: float  # a throttled account
    replaces: float  # chance that a blocked account is replaced
    replaced_after_h: float
    renewed: float  # of a replacement's card, device and exit: the share bought anew
    lies_low: float  # requests dropped once a tenth of the accounts is blocked


def draw_scheme(draw: Draw, record: Record, level: Level) -> Scheme:
    """A scheme of a level."""
    scheme = _LEVELS[level](draw, record)
    return _shop(draw, scheme) if record.aim == "resale" else scheme


def _shop(draw: Draw, scheme: Scheme) -> Scheme:
    """A shop keeps enough seats open for its customers, who come from everywhere and take any seat."""
    return replace(
        scheme,
        discipline=draw.pick(("random", "random", "even")),
        hours=24.0,
        cv=draw.between(0.8, 2.0),
        dilution=0.01,  # its tasks are ordinary
        ramp=draw.ratio(0.02, 0.2),
        aged=scheme.aged / 3,
        replaces=draw.ratio(0.85, 0.98),
        replaced_after_h=draw.log_between(0.1, 5),
        lies_low=0.0,
    )


def _shared(draw: Draw, each: tuple[float, float], own: tuple[float, float]) -> Shared:
    return max(1.0, draw.log_between(*each)), draw.ratio(*own)


def _kinds(draw: Draw, vpn: float, hosting: float, proxy: float) -> dict[str, float]:
    """Kinds of exits in drawn parts; often not all of them."""
    parts = {"vpn": vpn, "hosting": hosting, "proxy": proxy}
    return {kind: part * draw.about(1.0, 0.8) for kind, part in parts.items()}


def _naive(draw: Draw, _: Record) -> Scheme:
    return Scheme(
        level="naive",
        cards=_shared(draw, (4, 40), (0.0, 0.1)),
        devices=_shared(draw, (3, 30), (0.0, 0.3)),
        domains=draw.count(1, 5),
        public_domains=draw.ratio(0.1, 0.9),
        exits=draw.log_between(0.02, 0.2),
        exits_each=draw.count(1, 6),
        exit_kinds=_kinds(draw, 1.0, 3.0, 0.5),
        fits=draw.ratio(0.0, 0.3),
        builds=draw.count(1, 3),
        templates=(1, 4),
        reworded=draw.ratio(0.0, 0.05),
        systems=draw.pick((0, 1, 1, 2)),
        tasks_ratio=draw.ratio(0.3, 0.9),
        lot=draw.count(5, 80),
        aged=draw.ratio(0.01, 0.2),
        declared=draw.ratio(0.02, 0.3) if draw.chance(0.3) else 0.0,
        dilution=draw.ratio(0.005, 0.08),
        sigma=draw.between(0.05, 0.3),
        discipline=draw.pick(("even", "rotate", "random")),
        hours=draw.between(18, 24),
        zone_spread=draw.between(0.5, 4),
        days_off=draw.ratio(0.005, 0.03),
        cv=draw.between(0.1, 0.8),
        follow=draw.ratio(0.02, 0.3),
        keeps_settings=draw.chance(0.9),
        max_tokens=usual_limit(draw),
        temperature=usual_temperature(draw),
        end_users=0.0,
        ramp=draw.ratio(0.02, 0.3),
        fails_over=draw.ratio(0.3, 0.95),
        failover_s=draw.log_between(0.5, 8),
        rests_s=draw.log_between(20, 200),
        replaces=draw.ratio(0.2, 0.8),
        replaced_after_h=draw.log_between(2, 48),
        renewed=draw.ratio(0.05, 0.4),
        lies_low=0.0,
    )


def _careful(draw: Draw, record: Record) -> Scheme:
    cards = (3, 12) if record.shares_payment else (2, 7)
    return Scheme(
        level="careful",
        cards=_shared(draw, cards, (0.1, 0.5)),
        devices=_shared(draw, (2, 8), (0.3, 0.7)),
        domains=draw.count(2, 12),
        public_domains=draw.ratio(0.4, 0.9),
        exits=draw.log_between(0.15, 0.9),
        exits_each=draw.count(1, 5),
        exit_kinds=_kinds(draw, 2.0, 1.0, 2.0),
        fits=draw.ratio(0.2, 0.7),
        builds=draw.count(3, 12),
        templates=(3, 12),
        reworded=draw.ratio(0.05, 0.4),
        systems=draw.count(1, 7) if draw.chance(0.6) else 0,
        tasks_ratio=draw.ratio(0.3, 0.9),
        lot=draw.count(1, 25),
        aged=draw.ratio(0.15, 0.6),
        declared=draw.ratio(0.02, 0.25) if draw.chance(0.5) else 0.0,
        dilution=draw.ratio(0.1, 0.45),
        sigma=draw.between(0.2, 0.7),
        discipline=draw.pick(("even", "random", "random", "habit")),
        hours=draw.between(9, 17),
        zone_spread=draw.between(1, 8),
        days_off=draw.ratio(0.03, 0.2),
        cv=draw.between(0.6, 1.5),
        follow=draw.ratio(0.05, 0.5),
        keeps_settings=draw.chance(0.5),
        max_tokens=usual_limit(draw),
        temperature=usual_temperature(draw),
        end_users=draw.ratio(0.02, 0.2),
        ramp=draw.ratio(0.1, 0.5),
        fails_over=draw.ratio(0.5, 0.95),
        failover_s=draw.log_between(2, 60),
        rests_s=draw.log_between(60, 1800),
        replaces=draw.ratio(0.5, 0.95),
        replaced_after_h=draw.log_between(0.5, 36),
        renewed=draw.ratio(0.3, 0.8),
        lies_low=draw.ratio(0.05, 0.5),
    )


def _informed(draw: Draw, _: Record) -> Scheme:
    return Scheme(
        level="informed",
        cards=_shared(draw, (1, 2), (0.9, 0.98)),
        devices=_shared(draw, (1, 2), (0.9, 0.98)),
        domains=draw.count(1, 3),
        public_domains=draw.ratio(0.9, 0.98),
        exits=draw.between(1.0, 2.0),
        exits_each=draw.count(1, 3),
        exit_kinds={"proxy": 1.0},
        fits=draw.ratio(0.85, 0.98),
        builds=0,  # each account's own, from the catalogue
        templates=(1, 5),
        reworded=draw.ratio(0.7, 0.98),
        systems=0,
        tasks_ratio=draw.ratio(0.5, 0.98),
        lot=draw.count(1, 3),
        aged=draw.ratio(0.6, 0.95),
        declared=0.0,
        dilution=draw.ratio(0.4, 0.8),
        sigma=draw.between(0.7, 1.1),
        discipline="habit",
        hours=draw.between(8, 16),
        zone_spread=draw.between(6, 12),
        days_off=draw.ratio(0.1, 0.4),
        cv=draw.between(0.9, 1.8),
        follow=draw.ratio(0.2, 0.6),
        keeps_settings=False,
        max_tokens=None,
        temperature=None,
        end_users=draw.ratio(0.02, 0.2),
        ramp=draw.ratio(0.3, 0.7),
        fails_over=draw.ratio(0.1, 0.6),
        failover_s=draw.log_between(300, 7200),
        rests_s=draw.log_between(1800, 20_000),
        replaces=draw.ratio(0.6, 0.95),
        replaced_after_h=draw.log_between(4, 96),
        renewed=draw.ratio(0.9, 0.98),
        lies_low=draw.ratio(0.2, 0.8),
    )


_LEVELS: Final[dict[Level, Callable[[Draw, Record], Scheme]]] = {
    "naive": _naive,
    "careful": _careful,
    "informed": _informed,
}
