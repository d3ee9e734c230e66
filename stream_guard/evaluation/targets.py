"""What was aimed at, and whether it was met: computed from results, whatever they say.

A target is met if its point value is on the right side; the interval beside it says how sure that is.
For honest accounts, being sure takes account-days: with no false block in n days the upper end of the
interval is 3.7 / n, so below 1 per 100,000 only after 370,000 of them.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from stream_guard.evaluation.pooling import Pooled, PooledCampaign
from stream_guard.evaluation.summing import per_100k
from stream_guard.evaluation.tables import duration, percent, spread

GUARD = "stream-guard"
LARGEST = {"naive": 0.005, "careful": 0.02}
SMALL, SMALL_LARGEST = 0.05, 0.05  # from a twentieth of the record on
EARLY_LEAST = 0.9
PURITY_LEAST, COMPLETENESS_LEAST = 0.99, 0.95
NEWCOMER_MOST = 5
FALSE_BLOCKS_MOST, FALSE_SLOWED_MOST = 1.0, 10.0  # per 100,000 account-days


class Outcome(Struct, frozen=True):
    """One target and what was found."""

    what: str
    target: str
    found: str
    is_met: bool | None  # None: there is no line to meet


def targets(all_of_them: Iterable[Pooled]) -> list[Outcome]:
    """All targets that these results can speak of."""
    mine = [one for one in all_of_them if one.decider == GUARD]
    outcomes = [
        _harvest(campaign)
        for pool in mine
        for campaign in pool.campaigns.values()
        if campaign.kind != "resale"
    ]
    outcomes += [
        _early(campaign) for pool in mine for campaign in pool.campaigns.values() if campaign.kind == "resale"
    ]
    outcomes += _honest(mine)
    return outcomes + _grouping(mine) + _newcomers(mine)


def _harvest(one: PooledCampaign) -> Outcome:
    line = _line(one)
    found = f"{spread(one.ratio, one.seeds)}; "
    if one.stopped:
        found += f"blocked in {one.stopped} of {one.seeds} seeds"
        if one.delay_s is not None:
            found += f", first after {duration(one.delay_s)}" + (" at the median" if one.seeds > 1 else "")
    else:
        found += f"never blocked in {one.seeds} seeds"
    return Outcome(
        f"harvested: {_named(one)}",
        "-" if line is None else f"at most {percent(line, 1)}",
        found,
        None if line is None else one.ratio.value <= line,
    )


def _named(one: PooledCampaign) -> str:
    parts = [one.campaign, one.level, "" if one.scale is None else f"scale {one.scale:g}"]
    return ", ".join(part for part in parts if part)


def _line(one: PooledCampaign) -> float | None:
    """The largest harvest aimed at; none for campaigns below a twentieth of the record."""
    if one.level not in LARGEST or one.scale is None:
        return None
    if one.scale >= 1:
        return LARGEST[one.level]
    return SMALL_LARGEST if one.scale >= SMALL else None


def _early(one: PooledCampaign) -> Outcome:
    early = one.early
    return Outcome(
        f"stopped before half of their first day: {_named(one)}",
        f"at least {percent(EARLY_LEAST, 0)}",
        f"{percent(early.value, 1)} of {one.accounts:,} accounts "
        f"({percent(early.low, 1)} to {percent(early.high, 1)})",
        None if early.value is None else early.value >= EARLY_LEAST,
    )


def _honest(mine: Sequence[Pooled]) -> list[Outcome]:
    if not mine:
        return []
    days = sum(one.honest_total.account_days for one in mine)
    blocked = per_100k(sum(one.honest_total.blocked.count for one in mine), days)
    slowed = per_100k(sum(one.honest_total.throttled.count for one in mine), days)
    hit = sorted({kind for pool in mine for kind, one in pool.honest.items() if one.blocked.count})
    outcomes = [
        Outcome(
            what,
            f"fewer than {most:g} per 100,000 account-days",
            f"{rate.count:,} in {days:,} account-days: {rate.value:.2f} ({rate.low:.2f} to {rate.high:.2f})",
            rate.value < most,
        )
        for what, rate, most in (
            ("honest accounts blocked", blocked, FALSE_BLOCKS_MOST),
            ("honest accounts throttled or challenged", slowed, FALSE_SLOWED_MOST),
        )
        if rate.value is not None
    ]
    kinds = len({kind for pool in mine for kind in pool.honest})
    found = "none blocked" if not hit else f"blocked accounts in {', '.join(hit)}"
    return [*outcomes, Outcome("each honest kind", "no account blocked", f"{kinds} kinds: {found}", not hit)]


def _grouping(mine: Sequence[Pooled]) -> list[Outcome]:
    campaigns = [one for pool in mine for one in pool.campaigns.values() if one.level != "informed"]
    found = [one for one in campaigns if one.purity is not None]
    if not campaigns:
        return []
    purities = [end for one in found if one.purity is not None for end in one.purity[1:]]  # of all seeds
    completenesses = [end for one in campaigns for end in one.completeness[1:]]
    return [
        Outcome(
            "campaign grouping: purity",
            f"at least {PURITY_LEAST}",
            f"{min(purities):.3f} to {max(purities):.3f} in {len(found)} of {len(campaigns)} campaigns"
            if purities
            else "none found",
            bool(purities) and min(purities) >= PURITY_LEAST,
        ),
        Outcome(
            "campaign grouping: completeness",
            f"at least {COMPLETENESS_LEAST}",
            f"{min(completenesses):.3f} to {max(completenesses):.3f} in {len(campaigns)} campaigns",
            min(completenesses) >= COMPLETENESS_LEAST,
        ),
    ]


def _newcomers(mine: Sequence[Pooled]) -> list[Outcome]:
    campaigns = [one for pool in mine for one in pool.campaigns.values()]
    ones = [one for one in campaigns if one.newcomers and one.level != "informed"]
    if not ones:
        return []
    within = sum(
        one.newcomer_exchanges is not None and one.newcomer_exchanges <= NEWCOMER_MOST for one in ones
    )
    stopped, newcomers = sum(one.newcomers_stopped for one in ones), sum(one.newcomers for one in ones)
    medians = ", ".join(
        f"{one.campaign} {'never' if one.newcomer_exchanges is None else f'{one.newcomer_exchanges:g}'}"
        for one in ones
    )
    return [
        Outcome(
            "accounts that came after a campaign's first block: exchanges before their own, at the median",
            f"at most {NEWCOMER_MOST}",
            f"{medians}; {stopped:,} of {newcomers:,} were blocked",
            within == len(ones),
        )
    ]
