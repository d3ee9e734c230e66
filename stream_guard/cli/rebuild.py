"""`stream-guard rebuild`: Redis from the decisions topic."""

from stream_guard.cli.options import Config, Json, settings_from
from stream_guard.cli.output import progress_bar, say, show_json


def rebuild(config: Config = None, is_json: Json = False) -> None:
    """Write all decisions that Kafka holds to Redis again; the newest of each account wins.

    A worker does this by itself whenever Redis was lost. It is harmless while one is running.

    For example:

        stream-guard rebuild -c stream-guard.toml
    """
    from stream_guard.sinks import decision_log

    settings = settings_from(config)
    log = decision_log.DecisionLog(settings.kafka.bootstrap)
    with progress_bar("rebuild") as bar:
        done = decision_log.rebuild(log, settings.redis, bar.at)
    if is_json:
        show_json([done._asdict()])
        return
    say(f"{done.written:,} decisions written; {done.older:,} were known, {done.expired:,} had ended")
