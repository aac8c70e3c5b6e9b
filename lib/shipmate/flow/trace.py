"""Writes the path of each message: one line of JSON for everything that is published in a run."""

import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TextIO

from shipmate.container.messages.cipher import Cipher
from shipmate.container.messages.codec import epoch_ms
from shipmate.errors import BadInput
from shipmate.flow.identity import Run
from shipmate.flow.tap import Take
from shipmate.flow.topology import DEAD, INPUT, REPLY, Topology
from shipmate.jsonvalue import from_json
from shipmate.logs.redaction import Redactor
from shipmate.wording import file_problem

_log: Final = logging.getLogger("shipmate.flow")
_OWNER_ONLY: Final = 0o600
_OF_STATIONS: Final = ("data", "error", "rebound", "snapshot", DEAD)
_ABOUT_INPUT: Final = ("rebound", DEAD)
"""Events whose ids are those of the message that the step has received."""
_REASON: Final = 300


class TraceFile:
    """The file of a trace, which a run writes anew."""

    def __init__(self, path: Path, redactor: Redactor, *, keeps_bodies: bool = False) -> None:
        """Name the file; nothing is opened yet.

        Args:
            path: The file.
            redactor: Removes secrets.
            keeps_bodies: Whether the messages are written, too, without secrets and without their passthrough.
        """
        self.path = path
        self._redactor, self._keeps_bodies = redactor, keeps_bodies
        self._file: TextIO | None = None

    def open(self) -> None:
        """Create the file, or empty it; only its owner can read it.

        Raises:
            BadInput: The file cannot be written to.
        """
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _OWNER_ONLY)
            with suppress(OSError):
                os.fchmod(descriptor, _OWNER_ONLY)
            self._file = os.fdopen(descriptor, "w", buffering=1, encoding="utf-8")
        except (OSError, ValueError) as error:
            raise BadInput(
                f"expected a writable file for the trace, found {file_problem(error)}: {self.path}"
            ) from None

    def close(self) -> None:
        """Close the file; may be called again."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()

    def writer(self, topology: Topology, run: Run) -> Take:
        """Return the function that writes each publication; an error of the disk ends the trace, and not the run.

        Args:
            topology: The stations of the flow.
            run: The run, with the key of its messages.
        """
        cipher = Cipher(run.password, run.iv)
        return lambda key, headers, body: self._write(
            record_of(topology, key, headers, len(body), now_ms=epoch_ms()), headers, body, cipher
        )

    def _write(self, record: dict[str, Any], headers: Mapping[str, Any], body: bytes, cipher: Cipher) -> None:
        if self._file is None:
            return
        content = _content(record["event"], headers, body, cipher)
        if record["event"] == "error":
            error = content.get("error") if isinstance(content, Mapping) else None
            record["error"] = _named(self._redactor.redact_json(error))
        if self._keeps_bodies and content is not None:
            record["message"] = self._redactor.redact_json(_without_passthrough(content))
        try:
            self._file.write(json.dumps(record, default=str) + "\n")
        except (OSError, ValueError) as problem:
            _log.error("the trace ends here, since %s cannot be written to: %s", self.path, problem)
            self.close()


def record_of(
    topology: Topology, key: str, headers: Mapping[str, Any], size_bytes: int, *, now_ms: int
) -> dict[str, Any]:
    """Return the line of the trace for one publication, without its content.

    Args:
        topology: The stations of the flow.
        key: The routing key.
        headers: The AMQP headers.
        size_bytes: The size of the body.
        now_ms: The time in milliseconds since 1970.
    """
    event, _, rest = key.partition(".")
    known = event in _OF_STATIONS or event == INPUT
    station = topology.of_number(int(rest)).id if known and rest.isdecimal() else None
    record = {
        "time_ms": now_ms,
        "event": event if known or event == REPLY else "data",
        "step": None if event == INPUT else station or _text(headers.get("stepId")),
        "id": _text(headers.get("messageId")),
        "parent": None if event in (*_ABOUT_INPUT, INPUT) else _text(headers.get("parentMessageId")),
        "thread": _text(headers.get("threadId")),
        "to": _targets(topology, key),
        "container": _container(headers.get("containerId")),
        "started_ms": headers.get("start") if event not in _ABOUT_INPUT else None,
        "ended_ms": headers.get("end"),
        "bytes": size_bytes,
        "rebound": headers.get("reboundIteration"),
        "reason": (_text(headers.get("reboundReason")) or "")[:_REASON] or None if event == "rebound" else None,
        "retry": headers.get("retry"),
    }
    return {name: value for name, value in record.items() if value is not None}


def _targets(topology: Topology, key: str) -> list[str]:
    queues = {topology.queue(station): station.id for station in topology.stations}
    return [queues[queue] for queue in topology.targets.get(key, ()) if queue in queues]


def _content(event: str, headers: Mapping[str, Any], body: bytes, cipher: Cipher) -> Any:
    """Return the decrypted content of a publication, None if it has none or cannot be decoded."""
    with suppress(Exception):  # foreign bytes
        if event == "snapshot":
            return json.loads(body)
        if event == "error":
            envelope = json.loads(body)
            names = ("error", "errorInput")
            return {name: from_json(cipher.decode(envelope[name].encode(), 1)) for name in names if envelope.get(name)}
        return from_json(cipher.decode(body, float(headers.get("protocolVersion") or 1)))
    return None


def _without_passthrough(content: Any) -> Any:
    if not isinstance(content, Mapping):
        return content
    return {name: _without_passthrough(each) for name, each in content.items() if name != "passthrough"}


def _named(error: Any) -> dict[str, str]:
    error = error if isinstance(error, Mapping) else {}
    return {"name": str(error.get("name") or "Error"), "message": str(error.get("message") or "")}


def _container(value: object) -> int | None:
    number = str(value or "").rpartition("-")[2]
    return int(number) if number.isdecimal() else None


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)
