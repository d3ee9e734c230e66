"""Every place where we hold on to the inside of Faust and aiokafka.

Both are pinned.  When an upgrade moves one of these, the test that fails names what leans on it:
look there (`runtime/faust_transport.py`, `runtime/faust_lanes.py`), and at the upgrade's diff,
before you change the expectation.
"""

import asyncio
import inspect
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition, conn
from aiokafka.consumer import fetcher, subscription_state
from aiokafka.errors import ProducerFenced
from aiokafka.producer.message_accumulator import BatchBuilder
from faust.app.base import App
from faust.streams import Stream
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer, ConsumerThread, ThreadDelegateConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types.tuples import ConsumerMessage
from mode import Worker
from mode.utils.futures import notify

from stream_guard.runtime.faust_app import make_app
from stream_guard.runtime.faust_transport import (
    ChunkConsumer,
    ChunkConsumerThread,
    ChunkSchema,
    ChunkTransport,
    LaneRecovery,
    LaneTables,
    NoReadOffset,
)
from stream_guard.settings import KafkaSettings
from tests.support.toy import build_toy


def source(what: Any) -> str:
    """Its text in one line, so that a reformatting does not matter."""
    return " ".join(inspect.getsource(getattr(what, "fun", what)).split())  # a ServiceTask holds its function


def parameters(what: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(what).parameters)


@pytest.fixture
def app(tmp_path: Path) -> Any:
    return make_app(build_toy(), KafkaSettings(data_dir=str(tmp_path / "deep" / "data")))


def test_the_versions_whose_insides_we_know() -> None:
    assert (version("faust-streaming"), version("aiokafka")) == ("0.15.3", "0.14.0")


# ---- how our classes get in


def test_the_app_makes_its_transport_through_new_transport(app: Any) -> None:
    assert "self._transport = self._new_transport()" in source(App)
    assert isinstance(app.transport, ChunkTransport)
    assert app.transport.Consumer is ChunkConsumer


def test_the_app_makes_tables_and_recovery_of_the_class_that_the_settings_name(app: Any) -> None:
    assert isinstance(app.tables, LaneTables)
    assert isinstance(app.tables.recovery, LaneRecovery)
    assert app.tables.recovery is app.tables.recovery


def test_the_data_folder_is_made_with_its_parents(app: Any) -> None:
    assert Path(app.conf.datadir).parent.is_dir()


def test_the_consumer_makes_its_thread_through_new_consumer_thread() -> None:
    assert "self._thread = self._new_consumer_thread()" in source(ThreadDelegateConsumer.__init__)


def test_nothing_of_fausts_own_state_is_on(app: Any) -> None:
    conf = app.conf
    assert conf.processing_guarantee.name == "AT_LEAST_ONCE"
    assert not conf.web_enabled
    assert conf.topic_disable_leader
    assert not conf.topic_allow_declare
    assert conf.stream_wait_empty
    assert len(app.tables) == 0


# ---- reading committed records in chunks


def test_stock_reads_committed_only_in_its_own_transactions() -> None:
    text = source(AIOKafkaConsumerThread._create_worker_consumer)
    assert 'isolation_level: str = "read_uncommitted"' in text
    assert 'if self.consumer.in_transaction: isolation_level = "read_committed"' in text
    assert "fetch_max_wait_ms=1500" in text


def test_the_consumer_looks_at_isolation_level_and_fetch_wait_when_it_starts() -> None:
    text = source(AIOKafkaConsumer.start)
    assert "isolation_level=self._isolation_level" in text
    assert "fetch_max_wait_ms=self._fetch_max_wait_ms" in text


def test_a_connection_looks_at_the_readers_limit_when_it_is_made() -> None:
    text = source(conn.AIOKafkaConnection.connect)
    assert "asyncio.StreamReader(limit=READER_LIMIT, loop=loop)" in text


def test_without_tables_partitions_are_dealt_in_turn() -> None:
    assert "else RoundRobinPartitionAssignor" in source(AIOKafkaConsumerThread._create_worker_consumer)


def test_the_thread_fetches_through_fetch_records() -> None:
    assert parameters(AIOKafkaConsumerThread._fetch_records) == parameters(ChunkConsumerThread._fetch_records)
    text = source(AIOKafkaConsumerThread.getmany)
    assert "self._fetch_records, _consumer, active_partitions, timeout=timeout, max_records=" in text


def test_the_thread_seeks_through_seek_wait() -> None:
    assert parameters(AIOKafkaConsumerThread._seek_wait) == ["self", "consumer", "partitions"]
    assert "self.call_thread(self._seek_wait, consumer, partitions)" in source(
        AIOKafkaConsumerThread.seek_wait
    )
    assert "self._thread.seek_wait(partitions)" in source(ThreadDelegateConsumer.seek_wait)


def test_the_fetcher_drains_what_is_there_and_moves_positions() -> None:
    assert parameters(fetcher.Fetcher.fetched_records) == ["self", "partitions", "timeout", "max_records"]
    assert "if drained or not timeout: return drained" in source(fetcher.Fetcher.fetched_records)
    assert parameters(fetcher.Fetcher._create_fetch_waiter) == ["self"]
    text = source(fetcher.Fetcher.__init__)
    for name in ("self._records", "self._subscriptions", "self._closed"):
        assert name in text


def test_a_transactions_end_marker_moves_the_position_without_a_record() -> None:
    text = source(fetcher.PartitionRecords._unpack_records)
    assert "if next_batch.is_control_batch: self.next_fetch_offset = next_batch.next_offset continue" in text


def test_batches_are_unpacked_where_we_bundle_them() -> None:
    text = source(fetcher.PartitionRecords._unpack_records)
    assert "records = self._records while records.has_next(): next_batch = records.next_batch()" in text
    assert "if record.offset < self.next_fetch_offset:" in text
    assert "consumer_record = self._consumer_record(tp, record)" in text
    assert "self.next_fetch_offset = record.offset + 1 yield consumer_record" in text
    assert "for msg in self._partition_records: ret_list.append(msg)" in source(fetcher.FetchResult.getall)
    assert "self._partition_records = None" in source(fetcher.FetchResult.getall)  # when it has no more


def test_positions_are_found_in_the_subscriptions_assignment() -> None:
    asyncio.run(_look_at_positions())


async def _look_at_positions() -> None:
    state = subscription_state.SubscriptionState()
    assert state.reassignment_in_progress in (True, False)
    assert callable(state.wait_for_assignment)
    with state.fetch_context():
        pass
    state.assign_from_user({TopicPartition("t", 0)})
    assert state.subscription is not None
    found = state.subscription.assignment.state_value(TopicPartition("t", 0))
    assert found is not None
    assert not found.has_valid_position
    found.await_reset(0)
    found.reset_to(7)
    assert (found.has_valid_position, found.position) == (True, 7)


def test_getmany_waits_for_records_and_yields_messages_with_their_partition() -> None:
    text = source(Consumer.getmany)
    assert "records, active_partitions = await self._wait_next_records(timeout)" in text
    assert "if records is None or self.should_stop: return" in text
    assert "yield tp, to_message(tp, record)" in text
    assert "await self.perform_seek()" in text


def test_a_consumer_message_is_made_of_these() -> None:
    assert parameters(ConsumerMessage.__init__)[1:13] == [
        "topic",
        "partition",
        "offset",
        "timestamp",
        "timestamp_type",
        "headers",
        "key",
        "value",
        "checksum",
        "serialized_key_size",
        "serialized_value_size",
        "tp",
    ]
    assert "generation_id" in parameters(ConsumerMessage.__init__)


def test_a_schema_may_hand_on_the_message_as_it_is() -> None:
    assert parameters(faust.Schema.loads_value) == parameters(ChunkSchema.loads_value)
    assert parameters(faust.Schema.loads_key) == parameters(ChunkSchema.loads_key)


# ---- no books on offsets


def test_stock_drops_what_lies_below_its_read_offset() -> None:
    text = source(Consumer._drain_messages)
    assert "get_read_offset = self._read_offset.__getitem__" in text
    assert "if r_offset is None or offset >= r_offset:" in text
    offsets = NoReadOffset()
    offsets["t"] = 5
    assert offsets["t"] is None


def test_gaps_are_entered_through_add_gap() -> None:
    assert parameters(Consumer._add_gap) == ["self", "tp", "offset_from", "offset_to"]


def test_acks_keep_the_set_that_a_revocation_waits_for() -> None:
    text = source(Consumer.wait_empty)
    assert "while not self.should_stop and self._unacked_messages:" in text
    assert "self._unacked_messages.discard(message)" in source(Consumer.ack)
    assert "notify(self._waiting_for_ack)" in source(Consumer.ack)
    assert parameters(notify)[0] == "fut"


def test_a_full_buffer_is_told_through_these() -> None:
    assert parameters(Consumer.on_buffer_full) == ["self", "tp"]
    assert parameters(Consumer.on_buffer_drop) == ["self", "tp"]


# ---- committing


def test_every_commit_ends_in_force_commit() -> None:
    assert parameters(Consumer.force_commit) == parameters(ChunkConsumer.force_commit)
    assert "return await self.force_commit(" in source(Consumer.commit)
    assert "await self.commit()" in source(Consumer._commit_handler)
    assert "await T(self.commit)()" in source(Consumer.wait_empty)
    assert "await self.wait_empty()" in source(Consumer.on_stop)
    assert "self.commit_interval = commit_interval or self.app.conf.broker_commit_interval" in source(
        Consumer.__init__
    )


def test_a_revocation_stops_the_flow_and_commits_before_it_returns() -> None:
    assert "self._on_partitions_revoked" in source(Consumer.on_partitions_revoked)
    text = source(App._on_partitions_revoked)
    order = [
        "consumer.stop_flow",
        "flow_control.suspend)",
        "flow_control.clear)",
        "self._consumer_wait_empty",
    ]
    assert sorted(order, key=text.index) == order
    assert "await consumer.wait_empty()" in source(App._consumer_wait_empty)


def test_offsets_and_commit_times_are_noted_where_we_note_them() -> None:
    assert "self._committed_offset = defaultdict(lambda: None)" in source(Consumer.__init__)
    assert "self.tp_last_committed_at = {}" in source(AIOKafkaConsumerThread.__post_init__)


# ---- recovery and seeking


def test_without_tables_recovery_only_resumes_the_streams() -> None:
    assert parameters(Recovery._resume_streams) == ["self", "generation_id"]
    text = source(Recovery._restart_recovery)
    assert "if not self.tables" in text
    assert "await T(self._resume_streams)(generation_id=generation_id)" in text


def test_streams_resume_by_seeking_to_committed_offsets() -> None:
    text = source(Recovery._resume_streams)
    assert text.index("consumer.perform_seek()") < text.index("consumer.resume_flow()")
    assert "_committed_offsets = await self.seek_to_committed()" in source(Consumer.perform_seek)
    assert "self._committed_offset.update(committed_offsets)" in source(Consumer.perform_seek)


def test_recoverys_wait_gives_way_to_a_stop_and_to_a_rebalance() -> None:
    text = source(Recovery._wait)
    assert "raise ServiceStopped()" in text
    assert "raise RebalanceAgain()" in text


def test_what_lanes_ask_of_the_consumer() -> None:
    for name in ("assignment", "highwater", "earliest_offsets", "pause_partitions", "resume_partitions"):
        assert callable(getattr(ThreadDelegateConsumer, name)), name
    assert "assert self._subscription.is_assigned(partition)" in source(AIOKafkaConsumer.highwater)
    assert "self.flow_active = False" in source(Consumer.stop_flow)
    assert issubclass(AIOKafkaConsumerThread, ConsumerThread)


def test_what_lanes_ask_of_the_app(app: Any) -> None:
    assert app.rebalancing is False
    assert app.consumer_generation_id == 0
    assert parameters(App.task)[0] == "self"
    assert "name" in parameters(App.agent)


def test_a_stream_skips_messages_of_an_older_generation() -> None:
    assert "message.generation_id" in source(Stream)


# ---- producing


def test_the_producer_takes_whole_batches_and_offsets_into_a_transaction() -> None:
    assert parameters(AIOKafkaProducer.create_batch) == ["self"]
    assert parameters(AIOKafkaProducer.send_batch) == ["self", "batch", "topic", "partition"]
    assert parameters(AIOKafkaProducer.send_offsets_to_transaction) == ["self", "offsets", "group_id"]
    for name in ("begin_transaction", "commit_transaction", "start", "stop"):
        assert inspect.iscoroutinefunction(getattr(AIOKafkaProducer, name)), name
    assert issubclass(ProducerFenced, Exception)


def test_a_full_batch_refuses_but_takes_a_first_record_of_any_size() -> None:
    batch = BatchBuilder(100, 0)
    assert batch.append(key=b"k", value=b"v" * 1000, timestamp=None) is not None
    assert batch.append(key=b"k", value=b"v", timestamp=None) is None
    assert batch.record_count() == 1


# ---- the process


def test_the_worker_leaves_logs_and_streams_alone_and_ends_by_system_exit(app: Any) -> None:
    for name in ("quiet", "override_logging", "redirect_stdouts"):
        assert name in parameters(Worker.__init__)
    assert "with exiting(file=self.stderr):" in source(Worker.execute_from_commandline)
    loop = asyncio.new_event_loop()
    worker = faust.Worker(app, quiet=True, override_logging=False, redirect_stdouts=False, loop=loop)
    assert worker.spinner is not None
    loop.close()
