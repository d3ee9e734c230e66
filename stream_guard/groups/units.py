"""Members counted as witnesses: accounts that are plainly one customer speak once.

Two members are one unit if their profiles name the same customer (`Profile.unit`: the organisation) or the
same payment instrument; the second only in groups that payment did not form.  Three seats of one office are
one witness, and so are three accounts of a farm on one card: power is lost there, never validity.

A unit is represented by the member with most requests (ties: the smallest name).
"""

from stream_guard.records import Profile, kind_of

PAYMENT = "payment:"


def representatives(indicator: str, profiles: list[Profile]) -> list[Profile]:
    """One profile per unit, sorted by account."""
    joins_payment = kind_of(indicator) != "payment"
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := parent.setdefault(name, name)) != name:
            parent[name] = name = parent[above]
        return name

    for profile in profiles:
        own = root("unit:" + profile.unit) if profile.unit else root("account:" + profile.account_id)
        if not joins_payment:
            continue
        for shown in profile.indicators:
            if shown.startswith(PAYMENT):
                parent[root(shown)] = own
                own = root(own)
    best: dict[str, Profile] = {}
    for profile in profiles:
        name = root("unit:" + profile.unit if profile.unit else "account:" + profile.account_id)
        other = best.get(name)
        if other is None or (-profile.requests, profile.account_id) < (-other.requests, other.account_id):
            best[name] = profile
    return sorted(best.values(), key=lambda profile: profile.account_id)


def cards(profiles: list[Profile]) -> list[int]:
    """How many accounts stand behind each card, over the accounts that name no organisation."""
    behind: dict[str, int] = {}
    for profile in profiles:
        if profile.unit.startswith("org:"):
            continue
        card = next((shown for shown in profile.indicators if shown.startswith(PAYMENT)), "")
        if card:
            behind[card] = behind.get(card, 0) + 1
    return [behind[card] for card in sorted(behind)]
