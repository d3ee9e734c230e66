"""Decisions for tests of what comes after DECISIONS."""

from stream_guard.records import Action, Decision, pack_json

FAR = 4_000_000_000.0  # Unix seconds: expires long after these tests


def decision(
    account_id: str = "a1",
    action: Action = "block",
    decided_at: float = 1_700_000_000.0,
    expires_at: float | None = FAR,
    campaign_id: str | None = None,
    score: float = 0.9,
) -> Decision:
    """One decision; its id tells its account, action and time."""
    return Decision(
        decision_id=f"{account_id}-{action}-{decided_at}",
        account_id=account_id,
        action=action,
        limit_per_min=10 if action == "throttle" else None,
        reason_codes=("campaign_member",),
        campaign_id=campaign_id,
        score=score,
        evidence=(),
        decided_at=decided_at,
        expires_at=expires_at,
        policy_version="1",
        model_version="1",
        shadow=False,
        trigger="tick",
    )


def message(of: Decision) -> tuple[bytes, bytes]:
    """As the stream hands it to a sink."""
    return of.account_id.encode(), pack_json(of)
