"""Does a campaign of the guard's hold one campaign of the truth, and all of it?

*Purity* of a found campaign: the share of its members that belong to the campaign of the truth that
most of them belong to.  *Completeness* of a true campaign: the share of its accounts (those that
asked at all) in the found campaign that holds most of them.  Whom a found campaign holds is told by
the newest decision on each account, since lists of members are cut short; merged campaigns count as
the one they were merged into.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct

from stream_guard.evaluation.reading import decoded
from stream_guard.evaluation.rulings import Table


class Found(Struct, gc=False):
    """A campaign as the guard tells it (`records.CampaignState`), as far as evaluation looks."""

    campaign_id: str
    status: str
    members: tuple[str, ...] = ()
    merged_into: str | None = None


class Grouping(Struct):
    """One campaign of the truth, and the found campaign that fits it best."""

    campaign_id: str | None
    purity: float | None
    completeness: float


def members_of(found: Mapping[str, Found], table: Table) -> dict[str, str]:
    """Account -> found campaign."""
    members: dict[str, str] = {}
    for campaign in found.values():
        if campaign.status != "merged":
            members |= dict.fromkeys(campaign.members, campaign.campaign_id)
    for account_id in table.accounts():
        newest = table.of(account_id)[-1]
        if newest.campaign_id and newest.action != "allow":
            members[account_id] = survivor(found, newest.campaign_id)
    return members


def survivor(found: Mapping[str, Found], campaign_id: str) -> str:
    """The campaign that it was merged into in the end."""
    seen = {campaign_id}
    while (state := found.get(campaign_id)) is not None and state.merged_into:
        if state.merged_into in seen:
            break
        campaign_id = state.merged_into
        seen.add(campaign_id)
    return campaign_id


def group(members: Mapping[str, str], true: Mapping[str, str | None]) -> dict[str, Grouping]:
    """Grouping of each true campaign; ``true``: account that asked -> its campaign, None if honest."""
    within: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    for account_id, campaign_id in members.items():
        if account_id in true:
            within[campaign_id][true[account_id]] += 1
    sizes = Counter(name for name in true.values() if name is not None)
    return {name: _best(name, size, within) for name, size in sorted(sizes.items())}


def _best(name: str, size: int, within: Mapping[str, Counter[str | None]]) -> Grouping:
    best = max(within, key=lambda found: (within[found][name], found), default=None)
    if best is None or within[best][name] == 0:
        return Grouping(None, None, 0.0)
    held = within[best][name]
    return Grouping(best, held / within[best].total(), held / size)


def purity(members: Mapping[str, str], true: Mapping[str, str | None]) -> float | None:
    """Over all found campaigns together: members that belong where most do, by all members."""
    within: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    for account_id, campaign_id in members.items():
        if account_id in true:
            within[campaign_id][true[account_id]] += 1
    total = sum(counts.total() for counts in within.values())
    return sum(_majority(counts) for counts in within.values()) / total if total else None


def _majority(counts: Counter[str | None]) -> int:
    return max((count for name, count in counts.items() if name is not None), default=0)


def read_found(lines: Iterable[bytes], place: str) -> dict[str, Found]:
    """The newest state of each campaign; ConfigurationError that names ``place`` and line if one is none."""
    return {state.campaign_id: state for _, state in decoded(lines, place, Found, "a campaign")}
