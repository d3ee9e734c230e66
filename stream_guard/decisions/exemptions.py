"""Who is left alone: by the policy, or by an operator's word on account, organisation or network.

Words are ordered by the operator's clock, not by arrival: the newest of a kind holds, so that it
does not matter in which order a tick brings them.  An exemption has an author and, if he said so,
an end.  A revocation says "not guilty on what was said so far": it takes the decision back and
grants a pardon, an exemption of limited length.
"""

from stream_guard.clock import to_ms
from stream_guard.decisions.durations import FOREVER
from stream_guard.decisions.networks import NETWORK, contains
from stream_guard.decisions.policy import Policy
from stream_guard.decisions.rows import MAX_NETWORKS, AccountRow, NetworksRow, OrgRow, Word
from stream_guard.records import Control
from stream_guard.topology import Out, Rows

NETWORKS = "x:networks"


def newest(old: Word | None, new: Word) -> Word:
    """The word that holds: the one spoken last, whatever came first."""
    return new if old is None or _order(new) >= _order(old) else old


def _order(word: Word) -> tuple[float, str, int, str]:
    return word.spoken_at, word.verb, word.until, word.author


def word_of(control: Control, without_expiry: int) -> Word:
    """A control as a word; `unexempt` has no validity at all."""
    until = to_ms(control.expires_at) if control.expires_at is not None else without_expiry
    return Word(control.verb, control.spoken_at, 0 if control.verb == "unexempt" else until, control.author)


def take_on_account(row: AccountRow, control: Control, now: int, policy: Policy) -> None:
    """Note a word on one account."""
    if control.verb in ("exempt", "unexempt"):
        row.exemption = newest(row.exemption, word_of(control, FOREVER))
    elif control.verb == "revoke" or (control.verb == "label" and control.value == "wrong"):
        row.pardon = newest(row.pardon, word_of(control, now + policy.pardon_ms))
        row.pardoned_at = now
    if _is_pardon_taken_back(row):
        row.pardon = None


def _is_pardon_taken_back(row: AccountRow) -> bool:
    """Whether the operator took a pardon back after he gave it; in whichever order a tick brought both."""
    exemption, pardon = row.exemption, row.pardon
    is_newer = bool(exemption and pardon and exemption.spoken_at > pardon.spoken_at)
    return is_newer and exemption is not None and exemption.verb == "unexempt"


def take_wide(rows: Rows, control: Control, now: int, out: Out) -> None:
    """Note a word on an organisation or a network."""
    if control.verb not in ("exempt", "unexempt"):
        out.count("words_refused")
        return
    word = word_of(control, FOREVER)
    if not control.subject.startswith(NETWORK):
        key = f"x:{control.subject}"
        org = rows.get(key) or OrgRow(word)
        rows.put(key, org)
        org.word = newest(org.word, word)
        return
    networks = rows.get(NETWORKS) or NetworksRow()
    rows.put(NETWORKS, networks)
    cidr = control.subject.removeprefix(NETWORK)
    if cidr not in networks.words and len(networks.words) >= MAX_NETWORKS:
        networks.words = {name: kept for name, kept in networks.words.items() if kept.until > now}
        if len(networks.words) >= MAX_NETWORKS:
            out.count("words_refused")
            return
    networks.words[cidr] = newest(networks.words.get(cidr), word)


def exempt_until(rows: Rows, account_id: str, row: AccountRow, policy: Policy, now: int) -> int:
    """Until when the account is left alone; 0 if it is not."""
    until = max(_own_until(row), _wide_until(rows, row), _policy_until(policy, account_id, row))
    return until if until > now else 0


def _own_until(row: AccountRow) -> int:
    exemption, pardon = row.exemption, row.pardon
    return max(exemption.until if exemption else 0, pardon.until if pardon else 0)


def _wide_until(rows: Rows, row: AccountRow) -> int:
    org = rows.get(f"x:org:{row.org_id}") if row.org_id else None
    until: int = org.word.until if org else 0
    networks = rows.get(NETWORKS) if row.network else None
    if networks is not None:
        found = (word.until for cidr, word in networks.words.items() if contains(cidr, row.network))
        until = max(until, *found, 0)
    return until


def _policy_until(policy: Policy, account_id: str, row: AccountRow) -> int:
    until = 0
    for exempt in policy.exempt:
        subject = exempt.subject
        if subject in (account_id, f"org:{row.org_id}") or (
            subject.startswith(NETWORK)
            and row.network
            and contains(subject.removeprefix(NETWORK), row.network)
        ):
            until = max(until, FOREVER if exempt.expires_at is None else to_ms(exempt.expires_at))
    return until
