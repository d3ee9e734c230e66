"""The image, as far as it can be checked without building it."""

import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.deploy.files import DEPLOY, ROOT, settings_of

DOCKERFILE = DEPLOY / "docker" / "Dockerfile"
LINES = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def instructions(name: str) -> list[str]:
    return [line.removeprefix(name).strip() for line in LINES if line.startswith(name + " ")]


def left_out() -> set[str]:
    return set(re.findall(r"--no-install-package (\S+)", "\n".join(LINES)))


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_it_is_built_in_one_stage_and_runs_in_another_as_nobody_special() -> None:
    build, last = instructions("FROM")
    assert build.endswith(" AS build")
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", last)
    assert instructions("USER") == ["10001:10001"]
    assert any(line.startswith("HEALTHCHECK") for line in LINES)


def test_python_is_one_that_the_project_supports() -> None:
    version = re.search(r"python:([\d.]+)", instructions("FROM")[-1])
    assert version is not None
    assert SpecifierSet(PROJECT["project"]["requires-python"]).contains(version[1])


def test_it_installs_what_the_lock_file_says_with_a_pinned_uv() -> None:
    syncs = [line for line in instructions("RUN") if line.startswith("uv sync")]
    assert len(syncs) == 2
    assert all("--frozen --no-dev" in line for line in syncs)
    (pinned,) = re.findall(r"uv==([\d.]+)", "\n".join(LINES))
    assert SpecifierSet(PROJECT["tool"]["uv"]["required-version"]).contains(pinned)


def test_every_file_that_is_copied_exists_and_is_sent_to_the_builder() -> None:
    sent = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line[:1] == "!"
    }
    copied = {
        source.removeprefix("./")
        for line in instructions("COPY")
        if not line.startswith("--from")
        for source in line.split()[:-1]
    }
    assert copied == sent
    assert all((ROOT / source).exists() for source in copied)


def test_every_variable_sets_something() -> None:
    pairs = dict(pair.split("=", 1) for line in instructions("ENV") for pair in line.split())
    settings = settings_of(pairs)
    assert [str(settings.telemetry.metrics_port)] == instructions("EXPOSE")
    assert f":{settings.telemetry.metrics_port}/metrics" in "\n".join(LINES)


def test_what_is_left_out_is_required_otherwise_and_the_worker_does_without() -> None:
    required = {Requirement(line).name for line in PROJECT["project"]["dependencies"]}
    assert left_out()
    assert left_out() <= required
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({sorted(left_out())}))\n"
        "import stream_guard.bootstrap, stream_guard.runtime.faust_app, stream_guard.telemetry.observing\n"
        "import stream_guard.sinks.decision_log, stream_guard.cli"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
