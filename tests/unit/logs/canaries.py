"""Secrets that must not reach a log, exceptions that contain them, and a log to search."""

import io
import json
from typing import Any

from shipmate.logs import log
from shipmate.logs.log import TRACE
from shipmate.logs.redaction import Redactor

CANARY = "c4nary-of-the-coal-mine"
ODD_CANARY = 'c4nary "quoted" \\ und\nübel/\U0001f600 &+='


class Log:
    """A configured log that can be read."""

    def __init__(self, as_json: bool) -> None:
        self.redactor = Redactor()
        self.redactor.add(CANARY, ODD_CANARY)
        self.stream = io.StringIO()
        self.foreign = io.StringIO()
        self.configured = log.configure(
            TRACE, self.redactor, stream=self.stream, as_json=as_json, fields={"ELASTICIO_FLOW_ID": "f1", "tag": "f1"}
        )

    @property
    def text(self) -> str:
        return self.stream.getvalue() + self.foreign.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


class Coded(Exception):
    code = "coded"


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


def nested_error() -> BaseException:
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as cause:
            raise ValueError(f"outer {CANARY}") from cause
    except ValueError as error:
        error.add_note(f"note {CANARY}")
        return error
