"""The files under test, read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stream_guard.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def read_documents(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def settings_of(environment: Mapping[str, str]) -> Settings:
    """What the program makes of it: ConfigurationError names a variable that sets nothing."""
    assert all(isinstance(value, str) for value in environment.values()), environment
    ours = {name: value for name, value in environment.items() if name.startswith("STREAM_GUARD_")}
    assert all("__" in name for name in ours), ours
    return load_settings(environment=ours)
