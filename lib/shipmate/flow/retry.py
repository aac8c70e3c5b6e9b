"""Feeds the messages of errors to the steps at which they failed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shipmate.container.messages.codec import new_id
from shipmate.errors import BadInput
from shipmate.flow.errors_file import ErrorsFile
from shipmate.flow.graph import Flow
from shipmate.wording import did_you_mean_or_list


@dataclass(frozen=True, slots=True)
class StepInput:
    """A message for a step, or for a mapping."""

    step: str
    message: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, Any] = field(repr=False)
    """The AMQP headers, without those of the run."""


class Retry:
    """One retry of the errors in a file. The file is open while it is used."""

    def __init__(self, file: ErrorsFile, step: str | None = None) -> None:
        """Look through the file.

        Args:
            file: The errors.
            step: The id of a step, or of a mapping, to which the retry is limited.

        Raises:
            BadInput: A line is no error, the errors are of several flows, or none of them can be retried.
        """
        self._file, self._step = file, step
        self._end = file.size_bytes
        self._fed: dict[str, str] = {}
        """The ids of the errors that are fed, by the ids of their messages."""
        self.count = 0
        """The errors to retry."""
        self.without_input = 0
        """The errors that cannot be retried, since their message is not in the file."""
        self.flow: Mapping[str, Any] = {}
        """What the file says about the flow."""
        self._look()

    @property
    def fed(self) -> int:
        """The number of messages that are fed."""
        return len(self._fed)

    def inputs(self, flow: Flow) -> Iterator[StepInput]:
        """Yield the messages that failed, in the order of the file.

        Raises:
            BadInput: The flow has no such step any more.
        """
        for record in self._file.records(0, self._end):
            if self._is_chosen(record) and (message := record.get("input")) is not None:
                step, message_id = record["step"], new_id()
                headers = {"messageId": message_id, "retry": True}
                if (thread := record.get("thread")) is not None:
                    headers.update({"threadId": thread, "x-eio-meta-trace-id": thread})
                if (sender := sender_of(flow, step, message)) is not None:
                    headers["stepId"] = sender
                yield StepInput(step, message, headers)
                self._fed[message_id] = record["id"]  # it is in the queue, since the next one is asked for

    def check(self, flow: Flow) -> None:
        """Check that the flow has the steps of the errors.

        Raises:
            BadInput: A step does not exist any more.
        """
        known = _stations(flow)
        for record in self._file.records(0, self._end):
            if self._is_chosen(record) and record["step"] not in known:
                step = record["step"]
                raise BadInput(
                    f"expected a step of the flow {flow.name}, found {step!r} in {self._file.path}"
                    f"{did_you_mean_or_list(step, known)}"
                )

    def finish(self, *, is_complete: bool) -> int:
        """Remove the errors whose messages are processed: their new errors, if any, are in the file.

        Args:
            is_complete: Whether everything that was fed is processed. Otherwise only the errors that have come again
                are removed, since a message may be processed twice, but is not to be lost.

        Returns:
            The number of messages that failed again at the same step.
        """
        again = {
            self._fed[parent]
            for record in self._file.records(self._end)
            if (parent := record.get("parent")) in self._fed
        }
        done = set(self._fed.values()) if is_complete else again
        if done:
            self._file.remove(done)
        return len(again)

    def _look(self) -> None:
        flows: list[Mapping[str, Any]] = []
        steps: dict[str, None] = {}
        for record in self._file.records(0, self._end):
            steps[record["step"]] = None
            if not self._is_chosen(record):
                continue
            if isinstance(record.get("input"), dict):
                self.count += 1
            else:
                self.without_input += 1
            if isinstance(flow := record.get("flow"), dict) and flow not in flows:
                flows.append(flow)
        path = self._file.path
        if self._step is not None and self._step not in steps:
            raise BadInput(
                f"expected a step with errors, found {self._step!r}{did_you_mean_or_list(self._step, steps)}: {path}"
            )
        if not self.count:
            found = f"{self.without_input} without" if self.without_input else "none"
            raise BadInput(f"expected errors with their messages, found {found}: {path}")
        if len(flows) != 1:
            raise BadInput(f"expected the errors of one flow, found those of {len(flows)}: {path}")
        self.flow = flows[0]

    def _is_chosen(self, record: Mapping[str, Any]) -> bool:
        return self._step is None or record["step"] == self._step


def sender_of(flow: Flow, station: str, message: Mapping[str, Any]) -> str | None:
    """Return the id of the step or mapping that sent a message to a step or mapping, None for the first step.

    Of several senders it is one whose own messages are not in the passthrough, which lacks the direct sender.
    """
    senders = [
        edge.source if station == edge.mapper_id or edge.mapper is None else edge.mapper_id
        for edge in flow.edges
        if edge.source is not None and station in (edge.mapper_id, edge.target)
    ]
    passed = message.get("passthrough")
    passed = passed if isinstance(passed, Mapping) else {}
    return next((each for each in senders if each not in passed), senders[0] if senders else None)


def _stations(flow: Flow) -> list[str]:
    return [*(node.id for node in flow.nodes), *(edge.mapper_id for edge in flow.edges if edge.mapper is not None)]
