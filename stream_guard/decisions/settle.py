"""Deciding one account anew: who is exempt is released, else the strongest of what stands holds.

Raising is immediate; lowering waits for the policy's minimum hold, or for the announced expiry.  A
verdict is believed for its rule's duration after it was last said, and saying it again renews it.
At its expiry a decision falls to what still holds, in the tick of that very minute.  What an operator
puts into shadow is lowered at once.

Glossary: *release* a decision "allow" that ends another; *return* to come under a decision again
within the policy's memory.
"""

from typing import NamedTuple
from zlib import crc32

from stream_guard.clock import MINUTE_MS
from stream_guard.decisions import budget, exemptions, standing, switches, timers
from stream_guard.decisions.announce import Scribe, held_by, is_news
from stream_guard.decisions.durations import FOREVER
from stream_guard.decisions.merge import RANK, Outcome, outcomes, strongest_of
from stream_guard.decisions.policy import Policy
from stream_guard.decisions.rows import AccountRow, Held
from stream_guard.records import Decision
from stream_guard.topology import Out, Rows

RETRY_MS = 10 * MINUTE_MS  # a block that was over the cap is tried again


class Case(NamedTuple):
    """One account to be settled."""

    account_id: str
    row: AccountRow
    now: int
    trigger: str
    in_shadow: switches.InShadow = frozenset()  # by an operator's word


class Settler:
    """Settles accounts by one policy; keeps nothing but what it was built with."""

    def __init__(self, policy: Policy, partitions: int, model_version: str) -> None:
        self._policy = policy
        self._partitions = partitions
        self._scribe = Scribe(policy.version, model_version)

    def settle(self, rows: Rows, case: Case, out: Out) -> None:
        """Decide anew, say so if anything changed, and see when to look again."""
        row, now = case.row, case.now
        exempt_until = exemptions.exempt_until(rows, case.account_id, row, self._policy, now)
        found = [_as_switched(each, case) for each in self._standing(row, now, out)]
        wakes = [each.until for each in found]
        if exempt_until:
            out.count("exempted", bool(found))
            wakes.append(exempt_until)
            if row.held is not None:
                self._release(case, out, "revoked" if _is_pardoned(row, now) else "exempt")
        else:
            wakes.append(self._decide(rows, case, found, out))
        self._sleep(rows, case, wakes)

    def _standing(self, row: AccountRow, now: int, out: Out) -> list[Outcome]:
        """What stands: claims that were pardoned, have ended or are nobody's business are dropped."""
        if row.held is None and row.ended_at and now - row.ended_at > self._policy.escalation.memory_ms:
            row.returns = row.ended_at = 0
        row.claims = [claim for claim in row.claims if claim.said_at > row.pardoned_at]
        is_return = row.held is None and row.ended_at > 0
        found = outcomes(row, self._policy, row.returns + is_return)
        out.count("unmatched", len(row.claims) - len(found))
        found = [each for each in found if each.until > now]
        row.claims = [each.claim for each in found]
        return found

    def _decide(self, rows: Rows, case: Case, found: list[Outcome], out: Out) -> int:
        """Hold what is strongest, or let go; returns when to look again."""
        row, now, old = case.row, case.now, case.row.held
        passed = self._within_budget(rows, case, found, out)
        chosen = strongest_of(passed)
        is_live = old is not None and old.expires_at > now
        if old is not None and is_live and (chosen is None or _is_lower(chosen, old)):
            reluctant_until = old.since + self._policy.hysteresis.min_hold_ms
            is_ordered = not old.is_shadow and switches.covers(case.in_shadow, old.rule)
            if now < reluctant_until and not is_ordered:
                return min(reluctant_until, old.expires_at)
        if chosen is None:
            if old is not None:
                self._release(case, out, "withdrawn" if is_live else "expired")
                row.ended_at = now
            return FOREVER
        self._hold(case, chosen, passed, out)
        return min(
            row.held.expires_at if row.held else FOREVER, now + RETRY_MS if passed != found else FOREVER
        )

    def _within_budget(self, rows: Rows, case: Case, found: list[Outcome], out: Out) -> list[Outcome]:
        """Outcomes as the cap on blocks lets them pass: over it, blocks are in shadow."""
        chosen, held = strongest_of(found), case.row.held
        if chosen is None or chosen.action != "block" or chosen.is_shadow:
            return found
        if held is not None and held.action == "block" and not held.is_shadow:
            return found
        partition = crc32(case.account_id.encode()) % self._partitions
        allowed = budget.share(self._policy.limits.blocks_per_hour, partition, self._partitions)
        if budget.spend(rows, case.now, allowed):
            out.count("blocks_within_cap")
            return found
        out.count("blocks_over_cap", held is None or held.action != "block")
        return [_in_shadow(each) if each.action == "block" else each for each in found]

    def _hold(self, case: Case, chosen: Outcome, found: list[Outcome], out: Out) -> None:
        """Keep ``chosen`` in force; announce it if that is news."""
        row, now, old = case.row, case.now, case.row.held
        campaigns = [chosen.claim.verdict.campaign_id, *(each.claim.verdict.campaign_id for each in found)]
        new = held_by(chosen, next(filter(None, campaigns), ""), old, now)
        if old is not None and old.expires_at > now and not is_news(old, new):
            return
        if old is None and row.ended_at:
            row.returns += 1
            out.count("returned")
        row.held = new
        row.sequence += 1
        _emit(self._scribe.decision(case.account_id, row.sequence, case.trigger, new, found, chosen), out)

    def _release(self, case: Case, out: Out, reason: str) -> None:
        """Take back what is held."""
        row, old = case.row, case.row.held
        if old is not None and old.action == "block" and not old.is_shadow:
            out.count(f"blocks_ended.{reason}")
        row.held = None
        row.sequence += 1
        is_shadow = old is not None and old.is_shadow
        _emit(
            self._scribe.release(
                case.account_id, row.sequence, case.trigger, case.now, reason, is_shadow=is_shadow
            ),
            out,
        )

    def _sleep(self, rows: Rows, case: Case, wakes: list[int]) -> None:
        """Set the alarm; forget an account of which nothing is held or remembered."""
        row, now = case.row, case.now
        _forget_words(row, now)
        if row.claims or row.held:
            standing.add(rows, case.account_id)
        else:
            standing.remove(rows, case.account_id)
        remembered = [word.until for word in (row.exemption, row.pardon) if word is not None]
        if row.held is None and row.ended_at:
            remembered.append(row.ended_at + self._policy.escalation.memory_ms + 1)
        if not (row.claims or row.held or remembered):
            rows.delete(f"a:{case.account_id}")
            return
        timers.wake(rows, case.account_id, row, min(wakes + remembered), now)


def _emit(decision: Decision, out: Out) -> None:
    out.count(f"decided.{decision.action}")
    if decision.shadow:
        out.count("shadowed")
    out.emit("decisions", decision.account_id, decision)


def _as_switched(outcome: Outcome, case: Case) -> Outcome:
    """The outcome as operators' switches leave it."""
    if outcome.is_shadow or not switches.covers(case.in_shadow, outcome.rule.name):
        return outcome
    return outcome._replace(is_shadow=True, notes=(*outcome.notes, "operator"))


def _in_shadow(outcome: Outcome) -> Outcome:
    return outcome._replace(is_shadow=True, notes=(*outcome.notes, "block_cap_reached"))


def _is_lower(chosen: Outcome, held: Held) -> bool:
    """Whether ``chosen`` is milder than what is held."""
    old = not held.is_shadow, RANK[held.action], -(held.limit_per_min or 0)
    return chosen.strength[:3] < old


def _is_pardoned(row: AccountRow, now: int) -> bool:
    return row.pardon is not None and row.pardon.until > now


def _forget_words(row: AccountRow, now: int) -> None:
    """Words that no longer say anything."""
    if row.exemption is not None and row.exemption.until <= now:
        row.exemption = None
    if row.pardon is not None and row.pardon.until <= now:
        row.pardon = None
