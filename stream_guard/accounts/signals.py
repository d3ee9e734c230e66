"""What one account's own models say against it: at most a throttle, never a conviction.

- ``own_burst``: this hour's volume is beyond anything the account has done (a leaked key, a runaway
  loop).  Three conditions must hold together, since honest volume is heavy-tailed: the Gaussian of
  its own hours puts it beyond `BURST_SCORE`, it is `BURST_FACTOR` times its largest hour, and it is
  at least `BURST_REQUESTS`.
- ``population_outlier``: the half-space trees of its segment score it beyond their own quantile, and
  its pace has changed or it is new.  Informative: rare conduct is mostly rare, not abusive.

Each answers with a `Verdict` that replaces the account's last, or withdraws it.
"""

from math import expm1, inf, log1p

from stream_guard.accounts.row import AccountRow
from stream_guard.clock import DAY_MS
from stream_guard.records import Evidence, RequestEvent, Verdict

BURST = "own_burst"
BURST_SCORE = 1 - 1e-6
BURST_FACTOR = 8
BURST_REQUESTS = 300  # an hour; the busiest tenth of real API clients stays below it per account


def is_burst_checkpoint(row: AccountRow) -> bool:
    """A burst is looked for at every 64th request of an hour that is busy enough."""
    return row.hour_requests % 64 == 0 and row.hour_requests >= BURST_REQUESTS


def burst(row: AccountRow) -> Evidence | None:
    """Evidence that this hour is out of all proportion to the account's own past."""
    volume, count = row.volume, row.hour_requests
    if volume is None or not volume.is_warm or count < max(BURST_REQUESTS, BURST_FACTOR * row.most_in_hour):
        return None
    score = volume.score_one(log1p(count))
    if score < BURST_SCORE:
        return None
    return Evidence(
        name=BURST,
        value=float(count),
        expected=expm1(volume.usual),
        weight=log1p(count) - volume.usual,
        cause="own",
        family="when",
    )


def outlier(row: AccountRow, score: float, line: float) -> Evidence | None:
    """Evidence that the segment's trees have hardly seen conduct like this."""
    if line == inf or score <= line:
        return None
    changed = row.changed_at and row.last_at - row.changed_at < DAY_MS
    is_young = row.last_at - row.first_at < DAY_MS
    if not (changed or is_young):
        return None
    return Evidence(
        name="population_outlier", value=score, expected=line, weight=0.0, cause="own", family="what"
    )


def verdict(row: AccountRow, event: RequestEvent, evidence: Evidence | None) -> Verdict | None:
    """What to send: a new verdict, a withdrawal, or None where nothing changed."""
    kind = evidence.name if evidence else ""
    if kind == row.held:
        return None
    row.held = kind
    return Verdict(
        account_id=event.account_id,
        source="account",
        kind=kind,
        score=row.score,
        evidence=(evidence,) if evidence else (),
        reasons=(kind,) if kind else (),
        tier=row.tier,
        org_id=row.org_id,
        network=row.network,
        trigger=event.event_id,
    )
