"""Takes from the public data sets what the simulator lives on, and writes it beside this file.

    python -m stream_guard.simulator.extract ARCHIVES [-o FOLDER]

Writes ``clients.npz`` (ServeGen), ``azure.npz``, ``mooncake.npz`` (lengths), ``prompts.npz``
(sketches, see `extract_prompts.py`) and ``networks.json`` (X4BNet), and the licences that go with
them.  `data/README.md` says what was changed.  The same archives give the same bytes.
"""

import argparse
import ast
import csv
import json
import random
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stream_guard.simulator import archives as sets
from stream_guard.simulator.archives import Archives
from stream_guard.simulator.extract_prompts import extract_prompts
from stream_guard.sketches.prompt import PromptSketcher
from stream_guard.sketches.tables import load_basis, load_embeddings

DATA: Final = Path(__file__).with_name("data")
QUANTILES: Final = np.linspace(0, 1, 17)
CLIENTS: Final = 160
PAIRS: Final = 800
PREFIXES: Final = {"vpn": 1200, "hosting": 1500, "relay": 300, "vpn6": 200, "hosting6": 400}
WINDOW_S: Final = 600
_LENGTHS: Final = {"input": ("input_tokens", "image_tokens"), "output": ("output_tokens",)}
_LICENCES: Final = {
    "ServeGen.Apache-2.0.txt": (sets.SERVEGEN, "LICENSE"),
    "AzurePublicDataset.CC-BY-4.0.txt": (sets.AZURE, "LICENSE"),
    "GPTeacher.MIT.txt": (sets.GPTEACHER, "LICENSE"),
    "reasoning-teacher.MIT.txt": (sets.REASONING_TEACHER, "LICENSE"),
    "lists_vpn.MIT.md": (sets.VPN_LISTS, "README.md"),
}

Arrays = dict[str, NDArray[Any]]


def extract_clients(archives: Archives) -> Arrays:
    """A spread of ServeGen's clients: rate by hour, burstiness, law and lengths."""
    traces: dict[str, str] = {}
    lengths: dict[str, dict[str, Any]] = {}
    for path, text in archives.files(sets.SERVEGEN, "data/"):
        client = path.rsplit("-", 1)[0]
        if path.endswith("-trace.csv"):
            traces[client] = text
        else:
            lengths[client] = json.loads(text)
    found = [_client(name, traces[name], lengths[name]) for name in sorted(traces) if name in lengths]
    usable = sorted((c for c in found if c is not None), key=lambda c: (c["family"], c["per_day"], c["name"]))
    chosen = [usable[i] for i in np.linspace(0, len(usable) - 1, CLIENTS).astype(int)]
    return {
        "name": np.array([c["name"] for c in chosen]),
        "per_day": np.array([c["per_day"] for c in chosen], np.float32),
        "hours": np.array([c["hours"] for c in chosen], np.uint16),
        "rate": np.stack([c["rate"] for c in chosen]),
        "cv": np.stack([c["cv"] for c in chosen]),
        "gamma": np.array([c["gamma"] for c in chosen], np.float32),
        "input": np.stack([c["input"] for c in chosen]),
        "output": np.stack([c["output"] for c in chosen]),
    }


def _client(name: str, trace: str, lengths: dict[str, Any]) -> dict[str, Any] | None:
    """One client, or None if it was hardly seen."""
    windows = [row for row in csv.reader(trace.splitlines()) if row]
    rates = np.array([float(row[1]) for row in windows])
    lively = [row for row in windows if float(row[1]) > 0 and row[3]]
    hours = rates[: len(rates) // 6 * 6].reshape(-1, 6).mean(axis=1)
    quantiles = {key: _quantiles(lengths, fields) for key, fields in _LENGTHS.items()}
    if len(lively) < 12 or (hours > 0).mean() < 0.03 or any(q is None for q in quantiles.values()):
        return None
    rate = np.zeros(336, np.uint8)  # square root of the share of the busiest hour: 255 is that hour
    rate[: len(hours)] = np.rint(255 * np.sqrt(hours / hours.max()))
    cv = np.array([float(row[2]) for row in lively])
    return {
        "name": name.removeprefix("data/"),
        "family": name.split("/")[1],
        "per_day": rates.mean() * 86_400,
        "hours": len(hours),
        "rate": rate,
        "cv": np.quantile(cv, [0.1, 0.25, 0.5, 0.75, 0.9]).astype(np.float32),
        "gamma": sum(row[3] == "Gamma" for row in lively) / len(lively),
        **quantiles,
    }


def _quantiles(lengths: dict[str, Any], fields: tuple[str, ...]) -> NDArray[np.float32] | None:
    """17 quantiles of the first field that was seen, all windows counting the same."""
    weights: dict[float, float] = {}
    for window in lengths.values():
        field = next((field for field in fields if field in window), fields[0])
        for value, share in ast.literal_eval(window.get(field, "{}")).items():
            weights[float(value)] = weights.get(float(value), 0.0) + float(share)
    if not weights or sum(weights.values()) <= 0:
        return None
    values = np.array(sorted(weights))
    cumulative = np.cumsum([weights[value] for value in values])
    index = np.searchsorted(cumulative / cumulative[-1], QUANTILES).clip(0, len(values) - 1)
    quantiles: NDArray[np.float32] = values[index].astype(np.float32)
    return quantiles


def extract_azure(archives: Archives) -> Arrays:
    """Context and generated tokens of requests drawn at random, by workload."""
    arrays: Arrays = {}
    for workload in ("code", "conv"):
        lines = archives.text(sets.AZURE, f"data/AzureLLMInferenceTrace_{workload}.csv").split("\n")[1:]
        pairs = [line.split(",")[1:3] for line in lines if line.strip()]
        arrays[workload] = np.array(_sample(pairs), dtype=np.int64).astype(np.uint16)
    return arrays


def extract_mooncake(archives: Archives) -> Arrays:
    """Input, output and known-prefix tokens of real conversation requests drawn at random."""
    seen: set[int] = set()
    rows = []
    for line in archives.lines(sets.MOONCAKE, "FAST25-release/traces/conversation_trace.jsonl"):
        blocks = line["hash_ids"]
        known = next((i for i, block in enumerate(blocks) if block not in seen), len(blocks))
        seen.update(blocks)
        rows.append([line["input_length"], line["output_length"], min(known * 512, line["input_length"])])
    return {"conversation": np.array(_sample(rows), dtype=np.uint32)}


def extract_networks(archives: Archives) -> dict[str, list[str] | list[int]]:
    """Real ranges of VPNs, hosting and relays, and the AS numbers that the lists name."""
    files = {
        "vpn": "output/vpn/ipv4.txt",
        "hosting": "output/datacenter/ipv4.txt",
        "relay": "input/vpn/ips/apple.txt",
        "vpn6": "output/vpn/ipv6.txt",
        "hosting6": "output/datacenter/ipv6.txt",
    }
    found: dict[str, list[str] | list[int]] = {}
    for kind, path in files.items():
        prefixes = archives.text(sets.VPN_LISTS, path).split()
        found[kind] = sorted(_rng(kind).sample(prefixes, min(PREFIXES[kind], len(prefixes))))
    for kind in ("vpn", "datacenter"):
        lines = archives.text(sets.VPN_LISTS, f"input/{kind}/ASN.txt").split("\n")
        found[f"{kind}_asn"] = [
            int(line.split("#")[0].strip()[2:]) for line in lines if line.startswith("AS")
        ]
    return found


def _rng(name: str) -> random.Random:
    return random.Random(f"stream_guard {name}")  # noqa: S311  # a choice of rows, no secret


def _sample(rows: list[Any]) -> list[Any]:
    return _rng("pairs").sample(rows, PAIRS)


def _write(path: Path, arrays: Arrays) -> None:
    np.savez_compressed(path, allow_pickle=False, **arrays)


def main(arguments: list[str] | None = None) -> None:
    """Extract and write everything."""
    parser = argparse.ArgumentParser(description="Extract the simulator's building blocks.")
    parser.add_argument("archives", type=Path, help="folder with the data sets or their archives")
    parser.add_argument("-o", "--output", type=Path, default=DATA)
    options = parser.parse_args(arguments)
    archives, output = Archives(options.archives), options.output
    (output / "LICENSES").mkdir(parents=True, exist_ok=True)
    for name, (data_set, path) in _LICENCES.items():
        (output / "LICENSES" / name).write_text(archives.text(data_set, path), encoding="utf-8")
    networks = json.dumps(extract_networks(archives), indent=0)
    (output / "networks.json").write_text(networks + "\n", encoding="utf-8")
    _write(output / "azure.npz", extract_azure(archives))
    _write(output / "mooncake.npz", extract_mooncake(archives))
    embeddings, basis = load_embeddings(), load_basis()
    sketcher = PromptSketcher(
        embeddings.tokenize, embeddings.project(basis), embeddings.function_words, basis
    )
    _write(output / "prompts.npz", extract_prompts(archives, embeddings, sketcher)._asdict())
    _write(output / "clients.npz", extract_clients(archives))


if __name__ == "__main__":
    main()
