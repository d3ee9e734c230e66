"""An account's row as others may see it: its conduct, and the profile that goes to each indicator."""

from stream_guard.accounts.observe import end_model_run
from stream_guard.accounts.row import AccountRow
from stream_guard.records import Conduct, Profile
from stream_guard.sketches.distinct import estimate


def conduct_of(row: AccountRow) -> Conduct:
    """The row's numbers, cumulative or exponentially weighted."""
    end_model_run(row)
    averages = row.averages
    seen = max(row.answered + row.failed, 1)
    hours = row.hours.copy()
    hours[row.hour % 24] += row.hour_requests
    return Conduct(
        first_at=row.first_at,
        last_at=row.last_at,
        created_at=row.created_at,
        answered=row.answered,
        refused=row.refused,
        failed=row.failed,
        active_hours=row.active_hours,
        log_gap_mean=averages.mean_of("log_gap"),
        log_gap_var=averages.log_gap.get(),
        log_input_mean=averages.mean_of("log_input"),
        log_input_var=averages.log_input.get(),
        log_output_mean=averages.mean_of("log_output"),
        log_output_var=averages.log_output.get(),
        limit_ratio_mean=averages.limit_ratio.get(),
        log_latency_mean=averages.log_latency.get(),
        tools_mean=row.tools / seen,
        reasoning_ratio=row.reasoning / seen,
        turn_mean=averages.turn.get(),
        mismatch_ratio=row.mismatched / seen,
        hidden_ratio=row.hidden / seen,
        networks=estimate(row.networks),
        clients=estimate(row.clients),
        templates=estimate(row.templates),
        hours=tuple(hours),
        active_slots=row.active_slots,
        labels=tuple(sorted(row.labels.items())),
        models=tuple(sorted(row.models.items())),
    )


def profile_of(account_id: str, row: AccountRow, conduct: Conduct) -> Profile:
    """The full profile, the same for every indicator."""
    sketch = row.sketch
    return Profile(
        account_id=account_id,
        requests=row.requests,
        unit=row.unit,
        conduct=conduct,
        indicators=tuple(sorted(row.indicators)),
        sketch=sketch.mean_bytes() if sketch else b"",
        sketch_spread=sketch.spread() if sketch else 0.0,
        sketched=len(sketch) if sketch else 0,
        score=row.score,
        segment=row.segment,
    )
