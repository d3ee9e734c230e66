"""The Kubernetes manifests against the schemas of Kubernetes 1.30 and later."""

from typing import Any

import pytest
from kubernetes_validate import utils as kubernetes

from stream_guard import __version__
from tests.deploy.files import DEPLOY, read_documents, settings_of

PATHS = sorted((DEPLOY / "kubernetes").glob("*.yml"))
OBJECTS: list[dict[str, Any]] = [document for path in PATHS for document in read_documents(path)]
BY_KIND = {document["kind"]: document for document in OBJECTS}
VERSIONS = [version for version in kubernetes.all_versions() if int(version.split(".")[1]) >= 30]


@pytest.mark.parametrize("document", OBJECTS, ids=lambda document: document["kind"])
def test_every_supported_kubernetes_takes_it(document: dict[str, Any]) -> None:
    for version in VERSIONS:
        kubernetes.validate(document, version, strict=True)


def test_the_schemas_do_look() -> None:
    with pytest.raises(kubernetes.ValidationError):
        kubernetes.validate({**BY_KIND["Service"], "spek": {}}, VERSIONS[-1], strict=True)


def test_every_variable_sets_something() -> None:
    settings = settings_of(BY_KIND["ConfigMap"]["data"])
    (port,) = container()["ports"]
    assert (
        settings.telemetry.metrics_port
        == port["containerPort"]
        == BY_KIND["Service"]["spec"]["ports"][0]["port"]
    )
    assert settings.telemetry.metrics_host == "0.0.0.0"


def container() -> dict[str, Any]:
    (only,) = BY_KIND["Deployment"]["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = only
    return found


def test_the_worker_is_not_root_and_can_write_only_where_it_must() -> None:
    pod = BY_KIND["Deployment"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod["automountServiceAccountToken"]
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["name"] for mount in container()["volumeMounts"]} == {
        volume["name"] for volume in pod["volumes"]
    }


def test_the_console_is_as_confined_as_the_worker_and_fits_its_service() -> None:
    documents = {each["kind"]: each for each in read_documents(DEPLOY / "kubernetes" / "console.yml")}
    deployment, service = documents["Deployment"]["spec"], documents["Service"]["spec"]
    pod = deployment["template"]["spec"]
    (only,) = pod["containers"]
    worker = BY_KIND["Deployment"]["spec"]["template"]["spec"]
    assert only["securityContext"] == container()["securityContext"]
    assert pod["securityContext"] == {
        name: value for name, value in worker["securityContext"].items() if name != "fsGroup"
    }
    assert not pod["automountServiceAccountToken"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == service["selector"] == labels
    assert only["image"] == f"stream-guard:{__version__}"
    assert only["args"] == ["console"]
    settings = settings_of({each["name"]: each["value"] for each in only["env"] if "value" in each})
    assert only["ports"][0]["containerPort"] == service["ports"][0]["port"] == settings.console.port
    (url,) = settings.console.metrics
    assert (
        url.split("/")[2]
        == f"{BY_KIND['Service']['metadata']['name']}:{container()['ports'][0]['containerPort']}"
    )
    (secret,) = (each["valueFrom"]["secretKeyRef"] for each in only["env"] if "valueFrom" in each)
    assert secret["optional"], "without a token the console can only be read"


def test_names_and_labels_fit_together() -> None:
    deployment = BY_KIND["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels
    assert BY_KIND["Service"]["spec"]["selector"] == labels
    assert BY_KIND["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    (source,) = container()["envFrom"]
    assert source["configMapRef"]["name"] == BY_KIND["ConfigMap"]["metadata"]["name"]
    assert container()["image"] == f"stream-guard:{__version__}"
    for probe in ("startupProbe", "livenessProbe"):
        assert container()[probe]["httpGet"]["port"] == container()["ports"][0]["name"]
