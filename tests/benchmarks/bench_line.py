"""What an event costs: decoding, ACCOUNTS with all its River models, all stages in the local runtime.

    python -m tests.benchmarks.bench_line --events 1000000 --accounts 5000

CPU time of one process.  ACCOUNTS is the difference of two passes over the same bytes, one that only
decodes and one that also processes; its rows are packed every `FLUSH` events, as a lane that flushes
five times a second at 100,000 events a second would do, and that is given apart.
"""

import argparse
import gc
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from time import process_time
from typing import Any

from stream_guard.accounts.stage import Accounts
from stream_guard.bootstrap import build_decoder, build_topology
from stream_guard.records import RequestEvent
from stream_guard.runtime.local import LocalRuntime
from stream_guard.runtime.outlet import Messages
from stream_guard.runtime.rows import LaneRows
from stream_guard.settings import Settings
from tests.benchmarks.line_traffic import Message, sampled, steady

FLUSH = 20_000
CHUNK = 4_000
SHAPES: dict[str, Callable[[int, int], Iterator[Message]]] = {"steady": steady, "sampled": sampled}


class NullOut:
    """Takes what a stage emits, and counts it."""

    at = offset = 0

    def __init__(self) -> None:
        self.emitted = 0

    def emit(self, stream: str, key: str, record: Any) -> None:
        self.emitted += 1

    def broadcast(self, stream: str, keys: Iterable[str], record: Any) -> None:
        self.emitted += sum(1 for _ in keys)

    def count(self, what: str, by: int = 1) -> None:
        """Nothing: only cost counts here."""


def bench_accounts(messages: list[Message]) -> dict[str, float]:
    """CPU us per event of decoding, of ACCOUNTS, and of packing its rows."""
    settings = Settings()
    decode = build_decoder(settings).decode
    started = process_time()
    for _, value in messages:
        decode(value)
    decoding = process_time() - started
    stage, out = Accounts(settings.accounts), NullOut()
    rows, packing, packed = LaneRows(stage.row, 1_000_000), 0.0, 0
    started = process_time()
    for i, (_, value) in enumerate(messages, start=1):
        event: RequestEvent = decode(value)
        out.at = round(event.occurred_at * 1000)
        stage.process(rows, "", event, out)
        if i % FLUSH == 0:
            before = process_time()
            packed += len(rows.take())
            packing += process_time() - before
    spent = process_time() - started - packing - decoding
    rows.take()
    sizes = [len(value) for key, value in rows.packed.items() if key.startswith("a:")]
    number = len(messages)
    return {
        "decode_us": round(1e6 * decoding / number, 2),
        "decode_per_cpu_s": round(number / decoding),
        "accounts_us": round(1e6 * spent / number, 2),
        "accounts_per_cpu_s": round(number / spent),
        "packing_us": round(1e6 * packing / number, 2),
        "rows_packed": packed,
        "records_emitted_per_event": round(out.emitted / number, 2),
        "accounts": len(sizes),
        "bytes_per_account_mean": round(sum(sizes) / len(sizes)),
        "bytes_per_account_max": max(sizes),
    }


def bench_local(messages: list[Message]) -> dict[str, float]:
    """CPU us per event of the whole line in the local runtime, frames between stages included."""
    topology = build_topology(Settings())
    sunk: defaultdict[str, int] = defaultdict(int)

    def sink(stream: str, _partition: int, out: Messages) -> None:
        sunk[stream] += len(out)

    runtime = LocalRuntime(topology, sink, followers=("control",))
    requests = topology.stream("requests")
    started = process_time()
    for start in range(0, len(messages), CHUNK):
        chunks: defaultdict[int, Messages] = defaultdict(list)
        for key, value in messages[start : start + CHUNK]:
            chunks[requests.partition(key.decode())].append((key, value))
        for partition in sorted(chunks):
            runtime.append("requests", partition, chunks[partition])
    runtime.finish()
    spent = process_time() - started
    number = len(messages)
    return {"line_us": round(1e6 * spent / number, 2), "line_per_cpu_s": round(number / spent), **sunk}


def run(shape: str, events: int, accounts: int) -> dict[str, Any]:
    """Both measurements on one shape of traffic."""
    messages = list(SHAPES[shape](events, accounts))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 1_000)  # as every runtime of ours sets it
    return {"shape": shape, "events": len(messages), **bench_accounts(messages), **bench_local(messages)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--accounts", type=int, default=5_000)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="steady")
    chosen = parser.parse_args()
    print(json.dumps(run(chosen.shape, chosen.events, chosen.accounts), indent=2))  # noqa: T201 - run by hand


if __name__ == "__main__":
    main()
