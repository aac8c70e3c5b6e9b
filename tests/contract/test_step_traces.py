"""The traces of a container: what it exports over both transports, until its end, and how it starts without an SDK."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shipmate.emulator import Platform, SailorProxy, StepQueues, StepTraffic
from shipmate.emulator.ports import free_port
from tests.container import Container, Launch, closing
from tests.otlp import Receiver, receiver
from tests.probes import Probe
from tests.station import environ_without_broker

__all__ = ["receiver"]

pytestmark = pytest.mark.usefixtures("measured")

NEVER_MS = "600000"
STUB = "raise ImportError('not here')\n"


def exporting(address: str, **more: str) -> dict[str, str]:
    """Return the variables with which a container exports its spans when it ends, and not before."""
    return {
        "SHIPMATE_TRACES": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": address,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_BSP_SCHEDULE_DELAY": NEVER_MS,
        **more,
    }


@pytest.fixture(params=["amqp", "proxy"])
def traffic(request: pytest.FixtureRequest) -> Iterator[StepTraffic]:
    """The messages of a step, over each transport."""
    if request.param == "amqp":
        queues: StepQueues = request.getfixturevalue("queues")
        yield queues
        return
    with SailorProxy() as proxy:
        yield proxy
        assert proxy.problems == []


def test_the_last_spans_are_exported_when_a_container_stops(
    traffic: StepTraffic, platform: Platform, receiver: Receiver
) -> None:
    """Its process ends without the end of the interpreter, where an SDK exports them; metrics are counted as well."""
    probe = Probe(free_port())
    with closing(Launch(traffic, platform)) as launch:
        container = launch(bare=exporting(receiver.url, SHIPMATE_HTTP_PORT=str(probe.port))).ready()
        traffic.publish({"body": {"return": {"body": 1}}}, headers={"threadId": "t1"})
        traffic.take("data")
        probe.counts(success=1)
        assert container.stop() == 0
    (span,) = receiver.wait_for(1)
    assert (span.name, span.attributes["shipmate.thread.id"]) == ("process step", "t1")
    assert span.attributes["messaging.system"] == ("rabbitmq" if isinstance(traffic, StepQueues) else "sailor_proxy")


def test_a_collector_that_is_away_holds_up_no_end(queues: StepQueues, launch: Launch) -> None:
    """The spans are lost, and the work is done."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    container = launch(bare=exporting(nowhere, OTEL_EXPORTER_OTLP_TIMEOUT="60")).ready()
    queues.publish({"body": {"return": {"body": 1}}})
    queues.take("data")
    assert container.stop() == 0


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
            "SHIPMATE_TRACES: expected an OpenTelemetry SDK, found none: pip install opentelemetry-distro",
        ),
        (
            "",
            {"OTEL_TRACES_EXPORTER": "none-such"},
            "SHIPMATE_TRACES: expected an OpenTelemetry SDK that starts, found: Requested component 'none-such'",
        ),
        ("", {"OTEL_PYTHON_CONFIGURATOR": "none-such"}, "SHIPMATE_TRACES: expected an OpenTelemetry distribution"),
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
