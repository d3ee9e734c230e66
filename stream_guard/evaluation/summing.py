"""From the books to results."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from statistics import median_low
from typing import Any

from stream_guard.evaluation.counts import DAY_S, Book, CampaignBook, Counts
from stream_guard.evaluation.grouping import Found, Grouping, group, members_of, purity
from stream_guard.evaluation.intervals import of_rate, of_share
from stream_guard.evaluation.results import CampaignResult, HonestResult, Rate, Result

PER = 100_000
HALF_A_DAY_S = DAY_S / 2
EMPTY = Book()


def per_100k(count: int, account_days: int) -> Rate:
    """A count per 100,000 account-days."""
    if not account_days:
        return Rate(count, None, None, None)
    low, high = of_rate(count, account_days / PER)
    return Rate(count, count * PER / account_days, low, high)


def share(count: int, of: int) -> Rate:
    """A count as a share."""
    if not of:
        return Rate(count, None, None, None)
    return Rate(count, count / of, *of_share(count, of))


def summed(
    counts: Counts,
    found: Mapping[str, Found],
    planned: Mapping[str, int] | None,
    about: Mapping[str, Any],
) -> Result:
    """Everything; ``about`` goes into the result as it is."""
    asked = {a: t.campaign_name for a, t in counts.truth.items() if _asked(counts, a)}
    members = members_of(found, counts.table)
    groupings = group(members, asked)
    of_campaign, of_kind = _sorted_accounts(counts, asked)
    campaigns = {
        name: _campaign(counts, name, accounts, groupings[name], (planned or {}).get(name))
        for name, accounts in sorted(of_campaign.items())
    }
    honest = {kind: _honest(counts, kind, accounts) for kind, accounts in sorted(of_kind.items())}
    everybody = _honest(counts, "all", [one for accounts in of_kind.values() for one in accounts])
    exchanges = sum(one.exchanges for one in campaigns.values())
    return Result(
        events=counts.requests,
        unlabelled_accounts=len(counts.unlabelled),
        days=_days(counts),
        harvested_ratio=sum(one.harvested for one in campaigns.values()) / exchanges if exchanges else None,
        false_blocks=everybody.blocked.count,
        false_blocks_per_100k_account_days=everybody.blocked,
        honest_requests_refused=everybody.requests_refused,
        purity=purity(members, asked),
        campaigns=campaigns,
        honest=honest,
        honest_total=everybody,
        blocks_by_reason=_reasons(counts),
        **about,
    )


def _asked(counts: Counts, account_id: str) -> bool:
    book = counts.books.get(account_id)
    return book is not None and (book.requests > 0 or bool(counts.table.of(account_id)))


def _sorted_accounts(
    counts: Counts, asked: Iterable[str]
) -> tuple[defaultdict[str, list[str]], defaultdict[str, list[str]]]:
    """Accounts by campaign, and by honest kind."""
    of_campaign: defaultdict[str, list[str]] = defaultdict(list)
    of_kind: defaultdict[str, list[str]] = defaultdict(list)
    for account_id in asked:
        one = counts.truth[account_id]
        name = one.campaign_name
        if name is None:
            of_kind[one.kind or "unnamed"].append(account_id)
        else:
            of_campaign[name].append(account_id)
    return of_campaign, of_kind


def _campaign(
    counts: Counts, name: str, accounts: Sequence[str], grouping: Grouping, planned: int | None
) -> CampaignResult:
    books = [counts.books.get(account, EMPTY) for account in accounts]
    campaign = counts.campaigns[name]
    exchanges = planned if planned is not None else sum(book.exchanges for book in books)
    harvested = sum(book.served for book in books)
    newcomers = [book for book in books if campaign.blocked_at <= book.first_at < inf]
    return CampaignResult(
        campaign=name,
        kind=Counter(counts.truth[account].kind for account in accounts).most_common(1)[0][0],
        accounts=len(accounts),
        exchanges=exchanges,
        harvested=harvested,
        harvested_ratio=harvested / exchanges if exchanges else 0.0,
        **_acted_upon(counts, accounts),
        **_delay(campaign),
        found_as=grouping.campaign_id,
        purity=grouping.purity,
        completeness=grouping.completeness,
        newcomers=len(newcomers),
        newcomers_stopped=sum(book.blocked_at < inf for book in newcomers),
        newcomer_exchanges=_median(newcomers),
        early=share(sum(_is_early(book) for book in books), len(books)),
        by_hour=_by_hour(campaign),
    )


def _acted_upon(counts: Counts, accounts: Iterable[str]) -> dict[str, Any]:
    actions = Counter(action for account in accounts for action in _actions(counts, account))
    return {
        "blocked": actions["block"],
        "throttled": actions["throttle"],
        "challenged": actions["challenge"],
    }


def _actions(counts: Counts, account_id: str) -> set[str]:
    return {ruling.action for ruling in counts.table.of(account_id) if not ruling.shadow}


def _delay(campaign: CampaignBook) -> dict[str, Any]:
    if campaign.blocked_at == inf:
        return {"delay_s": None, "delay_exchanges": None}
    delay = max(0.0, campaign.blocked_at - campaign.first_at) if campaign.first_at < inf else 0.0
    return {"delay_s": delay, "delay_exchanges": campaign.before_block}


def _median(newcomers: Sequence[Book]) -> float | None:
    """Exchanges before the block, of the newcomer in the middle; those never blocked come last."""
    if not newcomers:
        return None
    middle = median_low(book.before_block if book.blocked_at < inf else inf for book in newcomers)
    return None if middle == inf else middle


def _is_early(book: Book) -> bool:
    return book.blocked_at < book.first_at + HALF_A_DAY_S


def _by_hour(campaign: CampaignBook) -> tuple[tuple[float, int, int], ...]:
    if not campaign.by_hour:
        return ()
    first = min(campaign.by_hour)
    return tuple((float(hour - first), *campaign.by_hour[hour]) for hour in sorted(campaign.by_hour))  # type: ignore[misc]


def _honest(counts: Counts, kind: str, accounts: Sequence[str]) -> HonestResult:
    books = [counts.books.get(account, EMPTY) for account in accounts]
    actions = [_actions(counts, account) for account in accounts]
    days = sum(book.days.bit_count() for book in books)
    blocked = sum("block" in done for done in actions)
    slowed = sum("block" not in done and bool(done & {"throttle", "challenge"}) for done in actions)
    return HonestResult(
        kind=kind,
        accounts=len(accounts),
        account_days=days,
        requests=sum(book.requests for book in books),
        blocked=per_100k(blocked, days),
        throttled=per_100k(slowed, days),
        blocked_share=share(blocked, len(accounts)),
        requests_refused=sum(book.blocked for book in books),
        requests_throttled=sum(book.throttled for book in books),
    )


def _reasons(counts: Counts) -> dict[str, tuple[int, int]]:
    """Accounts whose first block names the reason: honest, campaign."""
    honest, guilty = Counter[str](), Counter[str]()
    for account_id in counts.table.accounts():
        one = counts.truth.get(account_id)
        rulings = (r for r in counts.table.of(account_id) if r.action == "block" and not r.shadow)
        first = next(rulings, None)
        if one is not None and first is not None:
            (honest if one.campaign_name is None else guilty).update(set(first.reason_codes))
    names = sorted(honest | guilty, key=lambda name: (-honest[name] - guilty[name], name))
    return {name: (honest[name], guilty[name]) for name in names}


def _days(counts: Counts) -> float:
    """How long the log is, in UTC days that saw a request."""
    everything = 0
    for book in counts.books.values():
        everything |= book.days
    return float(everything.bit_count())
