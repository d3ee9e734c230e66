"""Members counted as witnesses: accounts that are plainly one customer speak once.

Each account is of one unit, named by the first of these that it shows and that did not form the group: its
organisation; the place where it was opened (sign-up address); the network it always comes from; its card.
Units are not joined further: the seats of an office, the students of a class and the members of a laboratory
are one witness each, whatever they pay with, while a farm that crosses a dozen cards with a dozen addresses
remains a dozen.  Power is lost there, never validity.

A unit is represented by the member with most requests (ties: the smallest name).
"""

from stream_guard.records import Profile, kind_of

PAYMENT = "payment:"
SIGN_UP = "signup_ip:"
NETWORK = "network:"


def representatives(indicator: str, profiles: list[Profile]) -> list[Profile]:
    """One profile per unit, sorted by account."""
    forming = kind_of(indicator) + ":"
    best: dict[str, Profile] = {}
    for profile in profiles:
        name = unit_of(profile, forming)
        other = best.get(name)
        if other is None or (-profile.requests, profile.account_id) < (-other.requests, other.account_id):
            best[name] = profile
    return sorted(best.values(), key=lambda profile: profile.account_id)


def unit_of(profile: Profile, forming: str = "") -> str:
    """The unit of an account in a group of the kind ``forming`` (with its colon)."""
    if profile.unit.startswith("org:"):
        return profile.unit
    place = place_of(profile, forming)
    if place:
        return place
    if forming != PAYMENT:
        card = next((shown for shown in profile.indicators if shown.startswith(PAYMENT)), "")
        if card:
            return card
    return "account:" + profile.account_id


def place_of(profile: Profile, forming: str = "") -> str:
    """Where an account is at home; empty where nobody can tell."""
    if forming != SIGN_UP:
        opened = next((shown for shown in profile.indicators if shown.startswith(SIGN_UP)), "")
        if opened:
            return opened
    networks = [shown for shown in profile.indicators if shown.startswith(NETWORK)]
    return networks[0] if len(networks) == 1 and forming != NETWORK else ""


def cards(profiles: list[Profile]) -> list[int]:
    """How many places stand behind each card, over the accounts that name no organisation."""
    behind: dict[str, set[str]] = {}
    for profile in profiles:
        if profile.unit.startswith("org:"):
            continue
        card = next((shown for shown in profile.indicators if shown.startswith(PAYMENT)), "")
        if card:
            behind.setdefault(card, set()).add(place_of(profile) or profile.account_id)
    return [len(behind[card]) for card in sorted(behind)]
