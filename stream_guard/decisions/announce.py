"""Writing a decision down: only when something changes, and always the same for the same log.

``decision_id`` is a hash of the account, its running number, the trigger and the tick: no chance,
no clock.  What counts as a change: action, limit, campaign, shadow, or an expiry that moves out by
more than a tenth of the term.
"""

from hashlib import blake2b

from stream_guard.clock import to_seconds
from stream_guard.decisions.durations import FOREVER
from stream_guard.decisions.merge import Outcome, evidence_of, reasons_of
from stream_guard.decisions.rows import Held
from stream_guard.records import Decision, DecisionEvidence

DIGITS = 6  # of scores and evidence: enough to read, and no noise of the last bit


def decision_id(account_id: str, sequence: int, trigger: str, now: int) -> str:
    """24 hexadecimal digits that the same log gives again."""
    text = f"{account_id}\x1f{sequence}\x1f{trigger}\x1f{now}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def held_by(chosen: Outcome, campaign_id: str, old: Held | None, now: int) -> Held:
    """The outcome as a decision in force; ``since`` is kept while action, limit and shadow stay."""
    is_same = old is not None and strength_of(old) == (
        not chosen.is_shadow,
        chosen.action,
        chosen.limit_per_min,
    )
    return Held(
        action=chosen.action,
        limit_per_min=chosen.limit_per_min,
        campaign_id=campaign_id,
        is_shadow=chosen.is_shadow,
        since=old.since if old is not None and is_same else now,
        decided_at=now,
        expires_at=chosen.until,
        rule=chosen.rule.name,
    )


def strength_of(held: Held) -> tuple[bool, str, int | None]:
    """What a gateway does about it."""
    return not held.is_shadow, held.action, held.limit_per_min


def is_news(old: Held | None, new: Held) -> bool:
    """Whether the difference is worth a decision."""
    if old is None or strength_of(old) != strength_of(new) or old.campaign_id != new.campaign_id:
        return True
    if FOREVER in (old.expires_at, new.expires_at):
        return old.expires_at != new.expires_at
    return (new.expires_at - old.expires_at) * 10 > old.expires_at - old.decided_at


class Scribe:
    """Writes decisions of one policy and one set of models."""

    def __init__(self, policy_version: str, model_version: str) -> None:
        self._policy_version, self._model_version = policy_version, model_version

    def decision(self, account_id: str, sequence: int, trigger: str, held: Held, found: list[Outcome],
                 chosen: Outcome) -> Decision:  # fmt: skip
        """What is held of an account, with what was seen."""
        return Decision(
            decision_id=decision_id(account_id, sequence, trigger, held.decided_at),
            account_id=account_id,
            action=held.action,
            limit_per_min=held.limit_per_min,
            reason_codes=reasons_of(chosen, found),
            campaign_id=held.campaign_id or None,
            score=round(max(each.claim.verdict.score for each in found), DIGITS),
            evidence=tuple(
                DecisionEvidence(
                    line.name,
                    round(line.value, DIGITS),
                    round(line.expected, DIGITS),
                    round(line.weight, DIGITS),
                )
                for line in evidence_of(found)
            ),
            decided_at=to_seconds(held.decided_at),
            expires_at=None if held.expires_at >= FOREVER else to_seconds(held.expires_at),
            policy_version=self._policy_version,
            model_version=self._model_version,
            shadow=held.is_shadow,
            trigger=trigger,
        )

    def release(
        self, account_id: str, sequence: int, trigger: str, now: int, reason: str, *, is_shadow: bool
    ) -> Decision:
        """Nothing is held any more: allow, without evidence and without end."""
        return Decision(
            decision_id=decision_id(account_id, sequence, trigger, now),
            account_id=account_id,
            action="allow",
            limit_per_min=None,
            reason_codes=(reason,),
            campaign_id=None,
            score=0.0,
            evidence=(),
            decided_at=to_seconds(now),
            expires_at=None,
            policy_version=self._policy_version,
            model_version=self._model_version,
            shadow=is_shadow,
            trigger=trigger,
        )
