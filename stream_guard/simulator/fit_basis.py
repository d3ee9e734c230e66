"""Fits the 33 directions of the prompt sketch; made `stream_guard/sketches/basis.npz`.

    python -m stream_guard.simulator.fit_basis ARCHIVES [-o BASIS.npz]

Texts: the 1,250 prompts of arena-hard-auto and the 160 questions of FastChat's benches (both
Apache-2.0): ordinary prompts, no labels, no customer.  Mean token embedding of the first 1,024
characters, normalised; uncentred singular value decomposition; the first 33 right vectors.
Centre and scale are those of the projected, normalised texts without direction 0.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream_guard.simulator.archives import Archives, arena_questions, bench_questions
from stream_guard.sketches.prompt import MAX_CHARS, SEMANTIC, UNIT, Basis
from stream_guard.sketches.tables import BASIS_PATH, Embeddings, load_embeddings


def ordinary_prompts(archives: Archives) -> list[str]:
    """The texts that the basis is fitted on."""
    arena = [question["prompt"] for question in arena_questions(archives)]
    return arena + [question["turns"][0] for question in bench_questions(archives)]


def fit(texts: Iterable[str], embeddings: Embeddings) -> Basis:
    """Directions, centre and scale from ``texts``."""
    means = np.stack(
        [
            embeddings.table[embeddings.tokenize(text[:MAX_CHARS])].astype(np.float64).mean(axis=0)
            for text in texts
        ]
    )
    directions = np.linalg.svd(_unit(means), full_matrices=False)[2][: SEMANTIC + 1].T
    projected = _unit(means @ directions)[:, 1:]
    scale = projected.std(axis=0) / UNIT
    return Basis(
        directions.astype(np.float32),
        projected.mean(axis=0).astype(np.float32),
        scale.astype(np.float32),
    )


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9)
    return unit


def main(arguments: list[str] | None = None) -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description="Fit the basis of the prompt sketch.")
    parser.add_argument("archives", type=Path, help="folder with the data sets or their archives")
    parser.add_argument("-o", "--output", type=Path, default=BASIS_PATH)
    options = parser.parse_args(arguments)
    basis = fit(ordinary_prompts(Archives(options.archives)), load_embeddings())
    np.savez_compressed(options.output, directions=basis.directions, centre=basis.centre, scale=basis.scale)


if __name__ == "__main__":
    main()
