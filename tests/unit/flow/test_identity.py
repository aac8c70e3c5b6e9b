"""The variables of the containers of a flow."""

import pytest

from shipmate.emulator import Platform
from shipmate.flow.identity import Run
from tests.unit.flow.runs import two_steps


@pytest.mark.parametrize(
    "name", ["SHIPMATE_HTTP_PORT", "SHIPMATE_HEALTH_FILE", "SHIPMATE_METRICS", "ELASTICIO_HOOK_SHUTDOWN"]
)
def test_what_is_meant_for_one_container_is_not_set_for_all(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Two containers cannot open the same port, and a flow is not a shutdown."""
    made = two_steps()
    run = Run(made, platform, "run")
    monkeypatch.setenv(name, "9090")
    monkeypatch.setenv("OTHER", "kept")
    environ = run.process_environ(made.stations[0], "amqp://here", container=1, own={name: "from .env"})
    assert name not in environ
    assert environ["OTHER"] == "kept"
