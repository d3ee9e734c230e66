"""A topology as one Faust app, built by a function; nothing happens at import.

`make_app` wires; `run_worker` is the whole life of a worker process: topics, app, signals, exit
code (`exits.py`).  SIGTERM and Ctrl-C stop it after a last flush.

Faust's own tables, changelogs, exactly-once, web server and leader election are all off: what they
would do is done by the lanes (docs/adr/0002, 0003).
"""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faust
import structlog

from stream_guard.clock import Clock, SystemClock
from stream_guard.errors import BrokerUnavailable, ConfigurationError
from stream_guard.observer import NullObserver, Observer
from stream_guard.runtime.exits import EXIT_CONFIGURATION, EXIT_FAILED
from stream_guard.runtime.faust_lanes import FaustLanes
from stream_guard.runtime.faust_transport import ChunkSchema, ChunkTransport, LaneTables
from stream_guard.runtime.topics import ensure_topics
from stream_guard.runtime.transactions import Wiring
from stream_guard.settings import KafkaSettings
from stream_guard.topology import DEAD_LETTERS, Topology

log = structlog.get_logger(__name__)

# Rows are trees without cycles: reference counts free them, and walking all of them again and
# again is what the collector costs (25-40 % of all CPU with the stock thresholds).
GC_THRESHOLDS = (50_000, 20, 1_000)
POLL_RECORDS = 4_000
REBALANCE_TIMEOUT_S = 10.0


def make_app(
    topology: Topology, kafka: KafkaSettings, clock: Clock | None = None, observer: Observer | None = None
) -> faust.App:
    """A Faust app that runs every step of ``topology``; its topics must exist."""
    if DEAD_LETTERS not in topology.by_name:
        message = f"the topology has no stream {DEAD_LETTERS!r}: lanes write there what they can not use"
        raise ConfigurationError(message)
    Path(kafka.data_dir).mkdir(parents=True, exist_ok=True)
    app: Any = faust.App(
        kafka.app_id,
        broker=[f"kafka://{server.strip()}" for server in kafka.bootstrap.split(",")],
        store="memory://",
        datadir=kafka.data_dir,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=8,
        stream_wait_empty=True,
        stream_recovery_delay=0.0,
        broker_max_poll_records=POLL_RECORDS,
        broker_commit_interval=kafka.flush_s,
        broker_check_crcs=False,  # TCP and the broker check; 0.8 us per event (librdkafka's default, too)
        broker_session_timeout=kafka.session_timeout_s,
        broker_heartbeat_interval=kafka.session_timeout_s / 4,
        broker_rebalance_timeout=REBALANCE_TIMEOUT_S,
        TableManager=LaneTables,
    )
    app._new_transport = lambda: ChunkTransport(app.conf.broker_consumer, app)
    wiring = Wiring(kafka.bootstrap, kafka.app_id, topology)
    app.lanes = FaustLanes(app, wiring, kafka, clock or SystemClock(), observer or NullObserver())
    for step in topology.steps:
        channel = app.topic(
            topology.source(step).topic,
            schema=ChunkSchema(),
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
        )
        app.agent(channel, name=step.name)(app.lanes.agent)
    app.task(app.lanes.heartbeats)
    wired: faust.App = app
    return wired


def run_worker(
    topology: Topology,
    kafka: KafkaSettings,
    clock: Clock | None = None,
    observer: Observer | None = None,
    on_app: Callable[[faust.App], None] | None = None,
) -> int:
    """Run one worker until it is stopped; returns the exit code of the process.

    ``on_app`` may attach tasks to the app before it starts.  Must be called in the main thread: it
    handles signals and owns the event loop.
    """
    try:
        ensure_topics(topology, kafka)
        app = make_app(topology, kafka, clock, observer)
    except BrokerUnavailable as error:
        log.critical("broker_unavailable", error=str(error), exit_code=EXIT_FAILED)
        return EXIT_FAILED
    except ConfigurationError as error:
        log.critical("configuration_error", error=str(error), exit_code=EXIT_CONFIGURATION)
        return EXIT_CONFIGURATION
    if on_app is not None:
        on_app(app)
    gc.set_threshold(*GC_THRESHOLDS)
    worker = faust.Worker(app, quiet=True, override_logging=False, redirect_stdouts=False)
    worker.spinner = None  # it writes control characters, terminal or not
    try:
        worker.execute_from_commandline()
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else EXIT_FAILED
    log.info("worker_stopped", exit_code=code)
    return code
