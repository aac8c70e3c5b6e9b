"""Carries out the commands in ``do`` of the body, one after the other, and returns the body's ``return``.

``["emit", event, value]``, ``["try", event, value]`` (an emit whose failure is caught), ``["log", level, text]``,
``["print", text]``, ``["raise", text]``, ``["exit"]``, ``["open", fifo]`` (waits until the test writes to it),
``["tell", fifo]``, ``["thread", event, value]`` (an emit on a thread of its own, not waited for),
``["hang", fifo]`` (starts a thread that never ends), and ``["given"]`` (emits what the function was given).
"""

import threading
from pathlib import Path

from shipmate import EmitError


def process(context, msg, cfg, snapshot):
    """Do what the message says."""
    if not isinstance(msg["body"], dict):
        return {"body": msg["body"]}
    for step, *arguments in msg["body"].get("do", []):
        DO[step](context, (msg, cfg, snapshot), *arguments)
    return msg["body"].get("return")


def _try(context, _, event, value):
    try:
        context.emit(event, value)
    except EmitError as error:
        context.emit("data", {"body": {"caught": str(error)}})


def _raise(context, _, text):
    raise ValueError(text)


def _exit(context, _):
    raise SystemExit(3)


def _given(context, given):
    msg, cfg, snapshot = given
    body = {"msg": msg, "cfg": cfg, "snapshot": snapshot, "variables": dict(context.flow_variables)}
    context.emit("data", {"body": body})


def _thread(context, _, event, value):
    threading.Thread(target=context.emit, args=(event, value)).start()


def _hang(context, _, fifo):
    threading.Thread(target=Path(fifo).read_text).start()


DO = {
    "emit": lambda context, _, event, *value: context.emit(event, *value),
    "try": _try,
    "log": lambda context, _, level, text: getattr(context.logger, level)(text, extra={"field": {"inner": 1}}),
    "print": lambda context, _, text: print(text, flush=True),  # noqa: T201 - authors do
    "raise": _raise,
    "exit": _exit,
    "open": lambda context, _, fifo: Path(fifo).read_text(),
    "tell": lambda context, _, fifo: Path(fifo).write_text("reached"),
    "thread": _thread,
    "given": _given,
    "hang": _hang,
}
