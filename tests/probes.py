"""Asks a container's port as a kubelet and Prometheus do."""

import http.client
import json
import time
from collections.abc import Callable
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

WITHIN_SECONDS = 1.0
LABELS = {"flow": "flow", "step": "step", "component": "component"}


class Probe:
    """The port of one container."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, path: str, seconds: float = 5.0) -> tuple[int, str]:
        """Return status and body; status 0 if nothing listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except ConnectionError:
            return 0, ""
        finally:
            connection.close()

    def says(self, path: str, status: int, reason: str = "") -> None:
        """Check that an answer becomes this one within a second."""
        self.becomes(lambda: self._fits(self.ask(path), status, reason), lambda: f"{path}: {self.ask(path)}")

    def _fits(self, answer: tuple[int, str], status: int, reason: str) -> bool:
        return answer[0] == status and (not reason or reason in json.loads(answer[1])["reason"])

    def becomes(self, condition: Callable[[], bool], found: Callable[[], Any]) -> None:
        """Check that a condition comes true within a second."""
        until = time.monotonic() + WITHIN_SECONDS
        while not condition():
            assert time.monotonic() < until, found()
            time.sleep(0.02)

    def metrics(self) -> dict[str, float]:
        """Return the samples: ``{'shipmate_messages_total{outcome="success"}': 3.0, ...}``, without common labels."""
        status, text = self.ask("/metrics")
        assert status == 200, text
        samples = {}
        for family in text_string_to_metric_families(text):
            for each in family.samples:
                own = {name: value for name, value in each.labels.items() if name not in (*LABELS, "function")}
                parts = ",".join(f'{name}="{value}"' for name, value in sorted(own.items()))
                samples[f"{each.name}{{{parts}}}" if own else each.name] = each.value
        return samples

    def counts(self, **expected: float) -> None:
        """Check that metrics become these within a second; ``success=3`` is one of messages, by outcome."""
        self.samples({f'shipmate_messages_total{{outcome="{name}"}}': value for name, value in expected.items()})

    def samples(self, expected: dict[str, float]) -> None:
        """Check that metrics become these within a second."""

        def found() -> dict[str, float | None]:
            samples = self.metrics()
            return {name: samples.get(name) for name in expected}

        self.becomes(lambda: found() == expected, found)
