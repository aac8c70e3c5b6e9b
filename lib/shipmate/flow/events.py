"""What happens to messages in a run: results of the last steps, and errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shipmate.container.messages.codec import new_id
from shipmate.flow.collector import Collected
from shipmate.logs.redaction import Redactor

_UNKNOWN = "Not Available"


@dataclass(frozen=True, slots=True)
class Result:
    """A message of a last step."""

    step: str
    id: str | None
    thread: str | None
    message: Mapping[str, Any] = field(repr=False)
    """The message without its passthrough."""

    @classmethod
    def from_collected(cls, collected: Collected) -> "Result":
        """Return the result that the collector has taken."""
        value = collected.value if isinstance(collected.value, Mapping) else {}
        message = {name: each for name, each in value.items() if name != "passthrough"}
        headers = collected.headers
        return cls(collected.station.id, _text(headers, "messageId"), _text(headers, "threadId"), message)

    def line(self) -> dict[str, Any]:
        """Return the line for standard output: ``{"step": "step_2", "id": ..., "thread": ..., "message": {...}}``."""
        return {"step": self.step, "id": self.id, "thread": self.thread, "message": self.message}


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of a message, or of a step that could not start."""

    id: str
    time: str
    """The moment in ISO 8601, in UTC."""
    step: str
    thread: str | None
    parent: str | None
    """The id of the message that failed, None if the step could not start."""
    name: str
    message: str
    stack: str
    input: Mapping[str, Any] | None = field(repr=False)
    """The message that failed, as the step got it; None if the step could not start or not decode it."""

    @classmethod
    def from_collected(cls, collected: Collected, *, seconds: float, redactor: Redactor) -> "Failure":
        """Return the error that the collector has taken, without secrets but for its input.

        Args:
            collected: The error event.
            seconds: The time since 1970.
            redactor: Removes secrets.
        """
        value = collected.value if isinstance(collected.value, Mapping) else {}
        error = redactor.redact_json(value.get("error"))
        if not isinstance(error, Mapping):
            error = {"message": error if isinstance(error, str) else "the error could not be decoded"}
        given = value.get("errorInput")
        headers = collected.headers
        return cls(
            id=new_id(),
            time=datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            step=collected.station.id,
            thread=_text(headers, "threadId"),
            parent=_text(headers, "parentMessageId"),
            name=str(error.get("name") or "Error"),
            message=str(error.get("message") or ""),
            stack=str(error.get("stack") or _UNKNOWN),
            input=given if isinstance(given, Mapping) else None,
        )

    @property
    def error(self) -> dict[str, str]:
        """The value of the error event: ``{"name": ..., "message": ..., "stack": ...}``."""
        return {"name": self.name, "message": self.message, "stack": self.stack}

    def record(self, flow: Mapping[str, Any], *, has_input: bool) -> dict[str, Any]:
        """Return the record for the errors file.

        Args:
            flow: What a retry needs to find the flow again.
            has_input: Whether the record contains the message that failed.
        """
        record = {
            "id": self.id,
            "time": self.time,
            "flow": flow,
            "step": self.step,
            "thread": self.thread,
            "parent": self.parent,
            **self.error,
        }
        return {**record, "input": self.input} if has_input and self.input is not None else record


def _text(headers: Mapping[str, Any], name: str) -> str | None:
    value = headers.get(name)
    return None if value is None or value == "" else str(value)
