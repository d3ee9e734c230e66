"""What the topics said, as far as a console wants to show it.  Safe in any thread.

| kept | bound |
| --- | --- |
| an account's newest decisions, up to `HISTORY` | `keep_accounts`; the longest undecided leaves |
| the newest state of a campaign | `CAMPAIGNS`; the longest unchanged leaves |
| operators' words | `WORDS`, the oldest leaves |
| the newest profile of an account | `PROFILES`, the longest silent leaves |
| decisions per `SLOT_S` and action | `SLOTS` |

Messages may come twice: a decision is known by its version, a word by all it says.
"""

import heapq
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from threading import RLock
from typing import Any

import msgspec

from stream_guard.clock import to_ms
from stream_guard.records import REFERENCE, Action, CampaignState, Control, Decision, Profile, kind_of
from stream_guard.sinks.decision_store import ALL, Selection
from stream_guard.sinks.entry import Sequenced, decode_decision

HISTORY = 24
CAMPAIGNS = 5_000
WORDS = 20_000
PROFILES = 50_000
SLOT_S = 900  # of event time: a quarter of an hour
SLOTS = 24 * 3600 // SLOT_S
Version = tuple[int, int]

_decode_campaign = msgspec.json.Decoder(CampaignState).decode
_decode_frame = msgspec.msgpack.Decoder(tuple[str, int, list[tuple[int, Any, Profile]]]).decode


class Memory:
    """All that a console knows."""

    def __init__(self, keep_accounts: int = 50_000) -> None:
        self._keep = keep_accounts
        self._lock = RLock()
        self._decisions: OrderedDict[str, deque[tuple[Version, Decision]]] = OrderedDict()
        self._campaigns: OrderedDict[str, CampaignState] = OrderedDict()
        self._words: OrderedDict[Control, None] = OrderedDict()
        self._profiles: OrderedDict[str, Profile] = OrderedDict()
        self._slots: dict[int, Counter[Action]] = {}
        self.refused = 0  # messages that were not what their topic is for

    # ---- taking

    def take_decisions(self, messages: Iterable[Sequenced]) -> None:
        """Decisions with their places in the log."""
        for value, sequence in messages:
            try:
                decision = decode_decision(value)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.refused += 1
                continue
            self.take_decision(decision, sequence)

    def take_decision(self, decision: Decision, sequence: int) -> None:
        """One decision; one that is known changes nothing."""
        version = to_ms(decision.decided_at), sequence
        with self._lock:
            known = self._decisions.get(decision.account_id)
            if known is None:
                known = self._decisions[decision.account_id] = deque(maxlen=HISTORY)
            is_past = len(known) == HISTORY and version < known[0][0]
            if is_past or any(each.decision_id == decision.decision_id for _, each in known):
                return
            known.append((version, decision))
            if len(known) > 1 and known[-2][0] > version:
                ordered = sorted(known, key=lambda pair: pair[0])
                known.clear()
                known.extend(ordered)
            self._decisions.move_to_end(decision.account_id)
            if len(self._decisions) > self._keep:
                self._decisions.popitem(last=False)
            self._count(decision)

    def _count(self, decision: Decision) -> None:
        slot = int(decision.decided_at // SLOT_S)
        self._slots.setdefault(slot, Counter())[decision.action] += 1
        if len(self._slots) > SLOTS:
            del self._slots[min(self._slots)]

    def take_campaigns(self, messages: Iterable[Sequenced]) -> None:
        """States of campaigns; the one that comes last holds."""
        for value, _ in messages:
            try:
                state = _decode_campaign(value)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.refused += 1
                continue
            with self._lock:
                known = self._campaigns.get(state.campaign_id)
                if state.status == "merged" and known is not None:
                    # What it was is worth keeping; where it went is the news.
                    state = msgspec.structs.replace(
                        known, status="merged", merged_into=state.merged_into, changed_at=state.changed_at
                    )
                self._campaigns[state.campaign_id] = state
                self._campaigns.move_to_end(state.campaign_id)
                if len(self._campaigns) > CAMPAIGNS:
                    self._campaigns.popitem(last=False)

    def take_words(self, words: Iterable[Control]) -> None:
        """What operators said."""
        with self._lock:
            for word in words:
                self._words[word] = None
                if len(self._words) > WORDS:
                    self._words.popitem(last=False)

    def take_frames(self, messages: Iterable[Sequenced]) -> None:
        """Frames of `guard.profiles.v1`: of each account the profile that covers most requests."""
        for value, _ in messages:
            try:
                _, _, items = _decode_frame(value)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.refused += 1
                continue
            with self._lock:
                for _, _, profile in items:
                    self._take_profile(profile)

    def _take_profile(self, profile: Profile) -> None:
        known = self._profiles.get(profile.account_id)
        if profile.conduct is None or (known is not None and known.requests > profile.requests):
            return
        self._profiles[profile.account_id] = profile
        self._profiles.move_to_end(profile.account_id)
        if len(self._profiles) > PROFILES:
            self._profiles.popitem(last=False)

    # ---- asking

    def decision(self, account_id: str) -> Decision | None:
        """The newest decision on an account."""
        history = self.history(account_id)
        return history[0] if history else None

    def decision_by_id(self, decision_id: str) -> Decision | None:
        """One decision, as far as it is in memory.  Looks at all of them: for a person, not for a loop."""
        with self._lock:
            every = (each for history in self._decisions.values() for _, each in history)
            return next((each for each in every if each.decision_id == decision_id), None)

    def history(self, account_id: str) -> list[Decision]:
        """Decisions on an account, the newest first."""
        with self._lock:
            return [decision for _, decision in reversed(self._decisions.get(account_id, ()))]

    def newest(self, limit: int, selection: Selection = ALL) -> list[Decision]:
        """The newest decisions that hold or held, one per account."""
        with self._lock:
            found = (decision for decision in self._newest() if selection.takes(decision))
            return heapq.nlargest(limit, found, key=lambda each: (each.decided_at, each.account_id))

    def holding(self, now: float) -> Mapping[tuple[Action, bool], int]:
        """How many accounts are under each action at ``now``, in force and in shadow."""
        selection = Selection(holding_at=now)
        with self._lock:
            return Counter((each.action, each.shadow) for each in self._newest() if selection.takes(each))

    def reasons(self, now: float) -> Counter[str]:
        """First reason codes of what is held at ``now``."""
        selection = Selection(holding_at=now)
        with self._lock:
            return Counter(
                each.reason_codes[0]
                for each in self._newest()
                if each.action != "allow" and each.reason_codes and selection.takes(each)
            )

    def _newest(self) -> Iterator[Decision]:
        return (history[-1][1] for history in self._decisions.values())

    def slots(self) -> dict[int, Counter[Action]]:
        """Decisions by the slot of event time in which they were made."""
        with self._lock:
            return {slot: Counter(counts) for slot, counts in sorted(self._slots.items())}

    def campaign(self, campaign_id: str) -> CampaignState | None:
        """The newest state of a campaign."""
        with self._lock:
            return self._campaigns.get(campaign_id)

    def campaigns(self) -> list[CampaignState]:
        """All campaigns, the newest change first."""
        with self._lock:
            return sorted(self._campaigns.values(), key=lambda each: (-each.changed_at, each.campaign_id))

    def words(self) -> list[Control]:
        """What operators said, the newest first."""
        with self._lock:
            return sorted(self._words, key=lambda word: (-word.spoken_at, word.subject, word.verb))

    def profile(self, account_id: str) -> Profile | None:
        """What the account's models last published."""
        with self._lock:
            return self._profiles.get(account_id)

    def search(self, text: str, limit: int) -> tuple[list[str], list[str], list[str]]:
        """Accounts, campaigns and indicators whose name holds ``text``; exact ones first."""
        wanted = text.casefold()
        with self._lock:
            accounts = _matching(self._decisions, wanted, limit)  # who was decided upon comes first
            accounts = list(dict.fromkeys([*accounts, *_matching(self._profiles, wanted, limit)]))[:limit]
            campaigns = _matching(self._campaigns, wanted, limit)
            shown = (name for state in self._campaigns.values() for name, _ in state.indicators)
            indicators = _matching((n for n in shown if kind_of(n) != REFERENCE), wanted, limit)
        return accounts, campaigns, indicators

    def showing(self, indicator: str) -> list[CampaignState]:
        """Campaigns whose members show an indicator."""
        return [state for state in self.campaigns() if any(name == indicator for name, _ in state.indicators)]

    @property
    def size(self) -> int:
        """Accounts with a decision."""
        return len(self._decisions)


def _matching(names: Iterable[str], wanted: str, limit: int) -> list[str]:
    found = dict.fromkeys(name for name in names if wanted in name.casefold())
    return heapq.nsmallest(limit, found, key=lambda name: (name.casefold() != wanted, len(name), name))
