"""A receiver of OTLP over HTTP, and a collector that passes on to it what it gets."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import decompress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shipmate.emulator import Reply, Request, Server
from shipmate.emulator.ports import free_port
from tests.container import SECONDS

_PROTOBUF = {"Content-Type": "application/x-protobuf"}


@dataclass(frozen=True)
class Received:
    """A span as it was received."""

    name: str
    trace: str
    own: str
    parent: str
    """Empty for the first span of a trace."""
    attributes: dict[str, Any]
    """Those of the span, and those of the process that has made it."""


def path_to(span: Received, spans: list[Received]) -> list[str]:
    """Return the names of the spans from the first one of the trace to this one."""
    above = [each for each in spans if each.own == span.parent]
    return [*(path_to(above[0], spans) if above else [span.parent] if span.parent else []), span.name]


def exporting(address: str) -> dict[str, str]:
    """Return the variables with which containers export their spans to a receiver or a collector."""
    return {
        "OTEL_SERVICE_NAME": "own",
        "OTEL_EXPORTER_OTLP_ENDPOINT": address,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*",
    }


class Receiver:
    """Keeps the spans that it gets; a context manager."""

    def __init__(self) -> None:
        self._spans: list[Received] = []
        self._changed = threading.Condition()
        self._server = Server(name="otlp")
        self._server.route("POST", "/v1/traces", self._take)

    def __enter__(self) -> "Receiver":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        """The address for exporters."""
        return self._server.url

    def wait_for(self, count: int) -> list[Received]:
        """Wait for so many spans, and return all that came."""
        with self._changed:
            met = self._changed.wait_for(lambda: len(self._spans) >= count, SECONDS)
            assert met, [span.name for span in self._spans]
            return list(self._spans)

    def _take(self, request: Request) -> Reply:
        body = decompress(request.body) if request.header("Content-Encoding") == "gzip" else request.body
        spans = [
            Received(
                each.name,
                each.trace_id.hex(),
                each.span_id.hex(),
                each.parent_span_id.hex(),
                {**_attributes(resource.resource), **_attributes(each)},
            )
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for each in scope.spans
        ]
        with self._changed:
            self._spans += spans
            self._changed.notify_all()
        return Reply(200, b"", _PROTOBUF)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of OTLP."""
    with Receiver() as started:
        yield started


@contextmanager
def collector(receiver: Receiver) -> Iterator[str]:
    """Run the collector Rotel in front of a receiver, and yield its address."""
    found = find_spec("rotel")
    assert found is not None
    assert found.origin is not None
    address = f"127.0.0.1:{free_port()}"
    options = {
        "otlp-http-endpoint": address,
        "otlp-grpc-endpoint": "127.0.0.1:0",
        "exporter": "otlp",
        "otlp-exporter-endpoint": receiver.url,
        "otlp-exporter-protocol": "http",
        "batch-timeout": "50ms",
    }
    program = Path(found.origin).with_name("rotel-agent")
    command = [str(program), "start", *(part for name, value in options.items() for part in (f"--{name}", value))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if "loading shared libraries" in line:
                pytest.skip(f"Rotel does not start with this Python: {line.strip()}")
            assert "Starting Rotel" in line, line
            yield f"http://{address}"
        finally:
            process.terminate()


def _attributes(owner: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in owner.attributes}
