"""Who is told: examples that Alertmanager accepts, and whom they tell."""

import subprocess

import pytest

from tests.deploy.files import DEPLOY
from tests.support.neighbours import need_binary

pytestmark = pytest.mark.prometheus
EXAMPLES = DEPLOY / "alertmanager" / "examples.yml"
ALERT = "StreamGuardNewCampaign"


def amtool(*arguments: object) -> str:
    program = need_binary("amtool", "prometheus-alertmanager")
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_alertmanager_accepts_the_examples() -> None:
    assert "3 receivers" in amtool("check-config", EXAMPLES)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"alertname": "StreamGuardWorkerDead", "severity": "critical"}, "pagerduty,slack"),
        ({"alertname": "StreamGuardBlocksOverCap", "severity": "critical"}, "pagerduty,webhook,slack"),
        ({"alertname": ALERT, "severity": "warning"}, "webhook,slack"),
        ({"alertname": "StreamGuardNoEvents", "severity": "warning"}, "slack"),
    ],
    ids=lambda value: value["alertname"] if isinstance(value, dict) else None,
)
def test_the_examples_tell_whom_they_say(labels: dict[str, str], told: str) -> None:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    assert amtool("config", "routes", "test", f"--config.file={EXAMPLES}", *pairs).strip() == told
