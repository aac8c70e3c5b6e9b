"""Starts counts, traces, port, metrics, health file and access log of a step, as the environment says."""

import json
import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Self

from shipmate import observation
from shipmate.container.operations.access_log import AccessLog
from shipmate.container.operations.health import Health, Verdict, Watched
from shipmate.container.operations.tally import Tally
from shipmate.container.operations.tracer_provider import tracing_of
from shipmate.errors import BadSetting
from shipmate.settings import StepSettings

if TYPE_CHECKING:
    from shipmate.container.operations.metrics import Metrics
    from shipmate.container.operations.server import Answer

_log: Final = logging.getLogger("shipmate.operations")
_KEPT_SECONDS: Final = 0.1
"""The time for which an answer is repeated, so that frequent requests cost little."""
_NO_EXTRA: Final = "the extra metrics is not installed: pip install 'shipmate[metrics]'"


class Watch:
    """Watches one step from before its start to its end."""

    def __init__(self, settings: StepSettings, transport: Watched, redact: Callable[[str], str]) -> None:
        """Prepare, without opening anything.

        Args:
            settings: The settings of the step.
            transport: The transport whose health counts.
            redact: Removes secrets from a text.

        Raises:
            BadSetting: Metrics or traces are asked for, and a package for them is not installed or does not start.
        """
        self._settings = settings
        self._traces = tracing_of(settings, redact)
        asked = settings.operations
        self._has_metrics = asked.needs_metrics is not False and find_spec("prometheus_client") is not None
        if asked.needs_metrics and not self._has_metrics:
            raise BadSetting(f"SHIPMATE_METRICS: {_NO_EXTRA}")
        self._transport_name = "amqp" if settings.broker is not None else "proxy"
        self._tally = Tally(connections=("read", "write") if settings.broker is not None else ("proxy",))
        self._health = Health(transport, self._tally, stuck_seconds=asked.stuck_seconds)
        self._metrics: Metrics | None = None
        self._lock = threading.Lock()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Open the port and write the file, before anything else happens.

        Raises:
            BadSetting: The port cannot be opened, or the file cannot be written.
        """
        with ExitStack() as stack:
            asked, traces = self._settings.operations, self._traces
            observers: list[observation.Observer] = [self._tally] if asked.has_health else []
            if traces is not None:
                observers.append(traces)
            if asked.has_access_log:
                observers.append(AccessLog())
            observation.use(*observers)
            stack.callback(observation.use)
            if traces is not None:
                stack.callback(traces.flush)
            if asked.port is not None:
                from shipmate.container.operations.server import Server

                pages = {"/live": self._live, "/ready": self._ready, "/metrics": self._metrics_page}
                server = Server(asked.host, asked.port, {path: _kept(page) for path, page in pages.items()})
                stack.callback(server.close)
                if self._has_metrics:
                    # Load prometheus-client now, while the start waits for the broker, not while messages are in work.
                    threading.Thread(target=self._loaded_metrics, name="shipmate-metrics", daemon=True).start()
                _log.info("listening for probes", extra={"host": asked.host, "port": server.port})
            if asked.health_file is not None:
                from shipmate.container.operations.health_file import HealthFile

                stack.callback(HealthFile(asked.health_file, self._health).close)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the port, remove the file, and export the last spans."""
        self._stack.close()

    def _live(self) -> "Answer":
        return _page(self._health.live())

    def _ready(self) -> "Answer":
        return _page(self._health.ready())

    def _metrics_page(self) -> "Answer":
        from shipmate.container.operations.server import Answer

        if self._settings.operations.needs_metrics is False:
            return Answer(404, b"SHIPMATE_METRICS is false\n")
        if not self._has_metrics:
            return Answer(501, f"{_NO_EXTRA}\n".encode())
        metrics = self._loaded_metrics()
        return Answer(200, metrics.text(), metrics.content_type)

    def _loaded_metrics(self) -> "Metrics":
        """Return the metrics; the first caller loads prometheus-client, which takes 40 ms."""
        from shipmate.container.operations.metrics import Metrics

        with self._lock:
            if self._metrics is None:
                self._metrics = Metrics(self._tally, self._health, self._settings.flow, transport=self._transport_name)
            return self._metrics


def _page(verdict: Verdict) -> "Answer":
    from shipmate.container.operations.server import Answer

    body = json.dumps({"ok": verdict.is_well, "reason": verdict.reason})
    return Answer(200 if verdict.is_well else 503, f"{body}\n".encode(), "application/json")


def _kept(page: "Callable[[], Answer]", clock: Callable[[], float] = time.monotonic) -> "Callable[[], Answer]":
    """Return a function that gives the same answer again for a short time."""
    answers: list[tuple[float, Answer]] = []

    def answer() -> "Answer":
        if not answers or clock() > answers[0][0] + _KEPT_SECONDS:
            answers[:] = [(clock(), page())]
        return answers[0][1]

    return answer
