"""Detection: what is found, what is done about it, and what that costs of the budget for false blocks."""

from typing import Final

from stream_guard.telemetry.dashboards.looks import Board, Look, Row

COUNTED: Final = "stream_guard_stage_counted_total"
SPENT: Final = f'sum(increase({COUNTED}{{stage="decisions", what="blocks_within_cap"}}[1h]))'


def _counted(stage: str, what: str) -> str:
    """A rate; 0 before it happened for the first time."""
    return f'sum(rate({COUNTED}{{stage="{stage}", what="{what}"}}[$__rate_interval])) or vector(0)'


CAMPAIGNS: Final = Row(
    "Campaigns",
    (
        Look(
            "Active campaigns",
            "short",
            "Those that changed since the worker started.",
            {
                "campaigns": "sum(stream_guard_campaigns_active_campaigns)",
                "accounts in the largest": "max(stream_guard_campaigns_largest_accounts)",
            },
            "/campaigns",
        ),
        Look(
            "Changes",
            "short",
            "Published within the hour, by kind and state.",
            {
                "{{kind}} {{status}}": "sum by (kind, status) "
                "(increase(stream_guard_campaigns_changed_total[1h]))"
            },
            "/campaigns?all=1",
        ),
        Look(
            "Harvested",
            "short",
            "Answered exchanges of active campaigns, an estimate: flat means that the harvest is stopped.",
            {"exchanges": "sum(stream_guard_campaigns_harvested_exchanges)"},
            "/campaigns",
        ),
        Look(
            "Grown after action",
            "short",
            "Accounts that joined within the hour, after something was done.",
            {"accounts": "sum(increase(stream_guard_campaigns_grown_after_action_total[1h]))"},
            "/campaigns",
        ),
    ),
)
DECISIONS: Final = Row(
    "Decisions",
    (
        Look(
            "By action",
            "short",
            "Made within the hour; shadow ones are only recorded.",
            {
                "{{action}}, shadow {{shadow}}": "sum by (action, shadow) "
                "(increase(stream_guard_decisions_made_total[1h]))"
            },
            "/decisions?all=1&action=${__field.labels.action}",
        ),
        Look(
            "By reason",
            "short",
            "Within the hour; a decision may bear several.",
            {
                "{{reason}}, shadow {{shadow}}": "sum by (reason, shadow) "
                "(increase(stream_guard_decisions_reasons_total[1h])) > 0"
            },
            "/decisions?all=1&reason=${__field.labels.reason}",
        ),
        Look(
            "Cap on blocks",
            "short",
            "Blocks within the hour, right or false, those over the cap, and what the policy allows.",
            {
                "made": f"{SPENT} or vector(0)",
                "over the cap": "sum(increase(stream_guard_decisions_over_cap_total[1h]))",
                "allowed": "max(stream_guard_decisions_block_limit_accounts)",
            },
            "/decisions?action=block",
        ),
    ),
)
BUDGET: Final = Row(
    "Budget for false blocks",
    (
        Look(
            "Budget for false blocks",
            "short",
            "False blocks within thirty days: granted; known by operators' words; expected by the odds of "
            "those sentenced, given that their campaigns are campaigns.",
            {name: f"stream_guard:false_blocks_{name}:30d" for name in ("granted", "known", "expected")},
            "/audit",
        ),
        Look(
            "Blocks that ended",
            "short",
            "Within a day: revoked or exempt by an operator's word, withdrawn for want of evidence, expired.",
            {"{{how}}": "sum by (how) (increase(stream_guard_decisions_blocks_ended_total[1d]))"},
            "/decisions?all=1&action=allow",
        ),
    ),
)
EVIDENCE: Final = Row(
    "Evidence and calibration",
    (
        Look(
            "Evidence of campaigns",
            "short",
            "In nats, of campaigns founded within the day: near the line they are convicted narrowly.",
            {
                name: f"histogram_quantile({quantile}, sum by (le) "
                "(increase(stream_guard_campaigns_evidence_nats_bucket[1d])))"
                for name, quantile in (("a tenth below", 0.1), ("median", 0.5))
            },
            "/campaigns?all=1",
        ),
        Look(
            "Models",
            "ops",
            "Samples learnt, and refused for being too strange: see StreamGuardCalibrationDrift.",
            {
                "learnt": _counted("accounts", "samples_learnt"),
                "refused": _counted("accounts", "samples_refused"),
            },
        ),
        Look(
            "Groups",
            "ops",
            "Groups judged, and findings about them.",
            {
                "judged": _counted("groups", "groups_judged"),
                "findings": _counted("groups", "findings"),
                "withdrawn": _counted("groups", "findings_withdrawn"),
            },
        ),
        Look(
            "Reference of honest groups",
            "ops",
            "What groups are held against: learnt, and refused.",
            {
                "learnt": _counted("groups", "reference_learnt"),
                "refused": _counted("groups", "reference_refused"),
            },
        ),
    ),
)
DETECTION: Final = Board(
    "stream-guard-detection", "stream_guard: detection", (CAMPAIGNS, DECISIONS, BUDGET, EVIDENCE)
)
