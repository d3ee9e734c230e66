"""Loads what a `PromptSketcher` needs: the one module of `sketches/` that reads files.

Embeddings and tokenizer lie in the wheel of PyPI ``wordllama`` (MIT; weights 16 MB, tokenizer
1.8 MB), installed with the extra ``sketch``.  They are read directly: `WordLlama.load()` looks for
the tokenizer on a model hub first.  The basis lies beside this file; BASIS.md tells its origin.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from stream_guard.errors import ConfigurationError
from stream_guard.sketches.prompt import FUNCTION_WORDS, Basis, PromptSketcher, Tokenize

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BASIS_PATH = Path(__file__).with_name("basis.npz")
_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
_WORD_START = "▁"  # sentencepiece marks the start of a word with it


class Embeddings:
    """Token embeddings (vocabulary x 256, float16) and their tokenizer."""

    def __init__(self, folder: Path) -> None:
        # Only gateways and the fitting scripts need these packages: the extra `sketch`.
        from safetensors.numpy import load_file  # noqa: PLC0415
        from tokenizers import Tokenizer  # noqa: PLC0415

        self.table: NDArray[np.float16] = next(iter(load_file(folder / _WEIGHTS).values()))
        tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self.tokenize = _tokenize_with(tokenizer)
        self.function_words = _function_words(tokenizer, len(self.table))

    def project(self, basis: Basis) -> NDArray[np.float32]:
        """Embeddings times directions, block by block: the float32 copy of all would be 33 MB."""
        table = np.empty((len(self.table), basis.directions.shape[1]), np.float32)
        for start in range(0, len(table), 4000):
            block = self.table[start : start + 4000].astype(np.float32)
            table[start : start + 4000] = block @ basis.directions
        return table


def _tokenize_with(tokenizer: "Tokenizer") -> Tokenize:
    encode = tokenizer.encode

    def tokenize(text: str) -> list[int]:
        ids: list[int] = encode(text, add_special_tokens=False).ids
        return ids

    return tokenize


def _function_words(tokenizer: "Tokenizer", size: int) -> NDArray[np.bool_]:
    is_function = np.zeros(size, np.bool_)
    for word in sorted(FUNCTION_WORDS):
        for form in (word, word.capitalize()):
            token = tokenizer.token_to_id(_WORD_START + form)
            if token is not None:
                is_function[token] = True
    return is_function


def load_embeddings() -> Embeddings:
    """The embeddings in the installed ``wordllama``; ConfigurationError if it is not installed."""
    spec = find_spec("wordllama")
    if spec is None or spec.origin is None or find_spec("tokenizers") is None:
        message = "prompt sketches: package wordllama is missing; install stream-guard[sketch]"
        raise ConfigurationError(message)
    try:
        return Embeddings(Path(spec.origin).parent)
    except FileNotFoundError as error:
        message = f"prompt sketches: wordllama lacks a file, expected version 0.4: {error}"
        raise ConfigurationError(message) from error


def load_basis(path: Path = BASIS_PATH) -> Basis:
    """The basis in ``path``; ConfigurationError if it is none."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return Basis(arrays["directions"], arrays["centre"], arrays["scale"])
    except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
        message = f"{path}: expected a basis (npz with directions, centre, scale), got: {error}"
        raise ConfigurationError(message) from error


def load_sketcher(basis_path: Path = BASIS_PATH) -> PromptSketcher:
    """A sketcher on the shipped basis, or on another one.  Takes about 0.3 s."""
    embeddings = load_embeddings()
    basis = load_basis(basis_path)
    return PromptSketcher(embeddings.tokenize, embeddings.project(basis), embeddings.function_words, basis)
