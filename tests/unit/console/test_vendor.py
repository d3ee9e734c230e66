"""What is not ours is as its authors published it, named with version and licence; no page asks for more."""

import re
from hashlib import sha256

import pytest

from stream_guard.console.desk import static_folder, templates

VENDOR = static_folder() / "vendor"
SUMS = [line.split() for line in (VENDOR / "SHA256SUMS").read_text(encoding="utf-8").splitlines()]
README = (VENDOR / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("digest", "name"), SUMS, ids=[name for _, name in SUMS])
def test_a_file_is_as_it_was_published(digest: str, name: str) -> None:
    assert sha256((VENDOR / name).read_bytes()).hexdigest() == digest
    package, version = re.fullmatch(r"(.+)-(\d+\.\d+\.\d+)\.min\.(?:js|css)", name).groups()  # type: ignore[union-attr]
    assert version in README
    licence = (VENDOR / f"{package}.LICENSE.txt").read_text(encoding="utf-8")
    assert "Permission" in licence


def test_nothing_lies_there_unnamed() -> None:
    there = {path.name for path in VENDOR.iterdir() if path.suffix in (".js", ".css")}
    assert there == {name for _, name in SUMS}


def test_pages_ask_for_files_that_are_there() -> None:
    loader = templates().loader
    assert loader is not None
    asked = {
        path
        for name in loader.list_templates()
        for path in re.findall(r'"/static/([^"]+)"', loader.get_source(templates(), name)[0])
    }
    assert {f"vendor/{name}" for _, name in SUMS} <= asked
    assert [path for path in asked if not (static_folder() / path).is_file()] == []
