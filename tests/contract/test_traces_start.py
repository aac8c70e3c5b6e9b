"""What a container does about traces before it connects."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shipmate.emulator import Platform
from tests.container import Container
from tests.station import environ_without_broker

STUB = "raise ImportError('not here')\n"


@pytest.fixture
def started(platform: Platform, tmp_path: Path) -> Iterator["Start"]:
    """Starts containers that have no broker."""
    start = Start(platform, tmp_path)
    yield start
    for container in start.containers:
        container.close()


class Start:
    """Starts containers in which a module is missing."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self._platform = platform
        self._folder = folder
        self.containers: list[Container] = []

    def __call__(self, missing: str = "", **environ: str) -> Container:
        """Start a container; ``missing`` is the path of a module that cannot be imported."""
        if missing:
            module = self._folder / missing
            module.parent.mkdir(parents=True, exist_ok=True)
            module.write_text(STUB)
            environ["PYTHONPATH"] = str(self._folder)
        given = environ_without_broker(self._platform, FUNCTION="commands")
        container = Container({**given, "ELASTICIO_AMQP_RECONNECT_ATTEMPTS": "0", **environ})
        self.containers.append(container)
        return container


@pytest.mark.parametrize(
    ("missing", "environ", "text"),
    [
        ("opentelemetry/__init__.py", {}, "SHIPMATE_TRACES: expected the extra otel, found none: pip install"),
        (
            "opentelemetry/instrumentation/__init__.py",
            {},
            "SHIPMATE_TRACES: expected an SDK of OpenTelemetry, found none: pip install opentelemetry-distro",
        ),
        (
            "",
            {"OTEL_TRACES_EXPORTER": "none-such"},
            "SHIPMATE_TRACES: expected an SDK of OpenTelemetry that starts, found: Requested component 'none-such'",
        ),
        ("", {"OTEL_PYTHON_CONFIGURATOR": "none-such"}, "SHIPMATE_TRACES: expected a distribution of OpenTelemetry"),
    ],
    ids=["no API", "no SDK", "no exporter", "another distribution"],
)
def test_traces_that_are_asked_for_and_cannot_be_made_end_the_start(
    started: Start, missing: str, environ: dict[str, str], text: str
) -> None:
    """An operator must not miss them for weeks: one line says what to install."""
    container = started(missing, SHIPMATE_TRACES="true", **environ)
    assert container.wait() == 1
    fatal = [each["msg"] for each in container.records if each["level"] == 60]
    assert len(fatal) == 1
    assert fatal[0].startswith(text)


@pytest.mark.parametrize("value", [None, "false"])
def test_a_container_without_traces_needs_no_package(started: Start, value: str | None) -> None:
    """It ends because there is no broker."""
    container = started("opentelemetry/__init__.py", **({} if value is None else {"SHIPMATE_TRACES": value}))
    assert container.wait() == 1
    assert "OpenTelemetry" not in container.output
    assert "not here" not in container.output
    assert "cannot reach the broker" in container.output
