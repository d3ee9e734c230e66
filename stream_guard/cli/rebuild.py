"""`stream-guard rebuild`: Redis from the decisions topic."""

from pathlib import Path

from stream_guard.cli.options import Config, Json, settings_from
from stream_guard.cli.output import progress_bar, say, show_json


def rebuild(config: Config = None, is_json: Json = False) -> None:
    """Write all decisions that Kafka holds to Redis again; the newest of each account wins.

    Operators' words that no decision has taken up yet are written, too.

    A worker does this by itself whenever Redis was lost. It is harmless while one is running.

    For example:

        stream-guard rebuild -c stream-guard.toml
    """
    from stream_guard.decisions.policy import load_policy
    from stream_guard.sinks.control import CONTROL_TOPIC
    from stream_guard.sinks.decision_log import DECISIONS_TOPIC, DecisionLog
    from stream_guard.sinks.decision_log import rebuild as write_all
    from stream_guard.sinks.words import standing_words

    settings = settings_from(config)
    policy = load_policy(Path(settings.policy) if settings.policy else None)
    decisions, said = (
        DecisionLog(settings.kafka.bootstrap, topic) for topic in (DECISIONS_TOPIC, CONTROL_TOPIC)
    )
    with progress_bar("rebuild") as bar:
        done = write_all(decisions, settings.redis, bar.at, lambda: standing_words(policy, said.everything()))
    if is_json:
        show_json([done._asdict()])
        return
    say(f"{done.written:,} decisions written; {done.older:,} were known, {done.expired:,} had ended")
