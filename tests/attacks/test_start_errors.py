"""Errors of a container that cannot start: they go to the platform and to the log, without secrets."""

import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shipmate.container.startup import Installation
from shipmate.container.step import Step
from shipmate.emulator import Platform, Received
from shipmate.logs.log import Redactor, configure
from shipmate.settings import StepSettings
from tests.memory_transport import MemoryTransport
from tests.station import WITHOUT_BROKER, Station

SECRETS = {
    "the environment": "environment-secret-1",
    "cfg": "cfg-secret-22",
    "keys in cfg": "oauth-secret-333",
    "flow variables": "variable-secret-4444",
    "the snapshot": "snapshot-secret-55555",
}
AMQP_URI = "amqp://user:broker-secret-666666@broker:5672/"
DESCRIPTOR = {"title": "t", "actions": {"go": {"title": "g", "main": "./go.py"}}}


def environ(platform: Platform) -> Mapping[str, str]:
    """Return the variables of a step, with a secret of the component."""
    values = {**WITHOUT_BROKER, "FUNCTION": "go", "AMQP_URI": AMQP_URI}
    own = {"MY_API_KEY": SECRETS["the environment"]}
    return {**platform.environ(), **{f"ELASTICIO_{name}": value for name, value in values.items()}, **own}


@pytest.mark.parametrize("place", ["import", "init"])
def test_what_a_start_publishes_and_logs_has_no_secret(
    platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    """A component that fails may quote whatever it knows."""
    platform.steps["flow"]["step"] = {
        "config": {"apiKey": SECRETS["cfg"], "oauth": {"access_token": SECRETS["keys in cfg"]}},
        "variables": {"api_token": SECRETS["flow variables"]},
        "snapshot": {"refresh_token": SECRETS["the snapshot"]},
    }
    variables = environ(platform)
    known = [*SECRETS.values(), platform.key, AMQP_URI, variables["ELASTICIO_MESSAGE_CRYPTO_PASSWORD"]]
    failure = f"raise RuntimeError({' and '.join(known)!r})"
    code = failure if place == "import" else f"def init(cfg):\n    {failure}\ndef process(*_): pass\n"
    (tmp_path / "go.py").write_text(code)
    (tmp_path / "component.json").write_text(json.dumps(DESCRIPTOR))
    transport = MemoryTransport()
    installation = Installation(tmp_path, variables, Redactor())
    installation.redactor.add_environment(variables)
    with configure(logging.DEBUG, installation.redactor, stream=sys.stdout, as_json=True):
        step = Step(StepSettings.from_environ(variables), installation, lambda settings, *, on_lost: transport)
        assert step.run() == 1
        step._events.close()
    (published,) = transport.published
    error: Any = Received(published.body, published.metadata, None, "", Station.cipher).error
    written = json.dumps(error) + capsys.readouterr().out
    assert [secret for secret in known if secret in written] == []
    assert "***" in written
