"""Reads the public data sets that the simulator's building blocks come from.

Input: a folder that holds the data sets as ``<owner>__<name>`` folders or ``.tar.xz`` archives of
such folders (docs/traffic.md lists them with addresses and licences).  Only `extract.py` and
`fit_basis.py` use this, once; the simulator itself lives on what they ship.
"""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stream_guard.errors import ConfigurationError

ARENA = "lmarena__arena-hard-auto"
FASTCHAT = "lm-sys__FastChat"
GPTEACHER = "teknium1__GPTeacher"
REASONING_TEACHER = "itsnamgyu__reasoning-teacher"
SERVEGEN = "alibaba__ServeGen"
AZURE = "Azure__AzurePublicDataset"
MOONCAKE = "kvcache-ai__Mooncake"
VPN_LISTS = "X4BNet__lists_vpn"


class Archives:
    """The data sets in one folder, by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def text(self, name: str, path: str) -> str:
        """One file of a data set; ConfigurationError if there is none."""
        for found, content in self.files(name, path):
            if found == path:
                return content
        message = f"{self._folder}: expected {name} with a file {path}"
        raise ConfigurationError(message)

    def lines(self, name: str, path: str) -> list[Any]:
        """One JSON Lines file of a data set."""
        return [json.loads(line) for line in self.text(name, path).split("\n") if line.strip()]

    def files(self, name: str, prefix: str) -> Iterator[tuple[str, str]]:
        """Path and text of every file of a data set whose path starts with ``prefix``, by path."""
        folder, archive = self._folder / name, self._folder / f"{name}.tar.xz"
        if folder.is_dir():
            paths = [path for path in folder.rglob("*") if path.is_file()]
            names = {path.relative_to(folder).as_posix(): path for path in paths}
            for found in sorted(names):
                if found.startswith(prefix):
                    yield found, names[found].read_text(encoding="utf-8")
        elif archive.is_file():
            yield from sorted(self._members(archive, name, prefix))
        else:
            message = f"{self._folder}: expected a folder {name} or an archive {name}.tar.xz"
            raise ConfigurationError(message)

    @staticmethod
    def _members(archive: Path, name: str, prefix: str) -> Iterator[tuple[str, str]]:
        with tarfile.open(archive) as tar:
            for member in tar:
                found = member.name.removeprefix("./").removeprefix(f"{name}/")
                if member.isfile() and found.startswith(prefix):
                    content = tar.extractfile(member)
                    if content is not None:
                        yield found, content.read().decode("utf-8")


def arena_questions(archives: Archives) -> list[dict[str, str]]:
    """The 1,250 arena-hard questions: prompt, category (v0.1 calls all of them by its own name)."""
    return [
        question
        for version in ("v0.1", "v2.0")
        for question in archives.lines(ARENA, f"data/arena-hard-{version}/question.jsonl")
    ]


def bench_questions(archives: Archives) -> list[dict[str, Any]]:
    """The 160 questions of MT-bench and Vicuna-bench: category, turns."""
    return [
        question
        for bench in ("mt_bench", "vicuna_bench")
        for question in archives.lines(FASTCHAT, f"fastchat/llm_judge/data/{bench}/question.jsonl")
    ]
