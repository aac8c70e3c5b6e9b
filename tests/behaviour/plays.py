"""Random plays for a component that follows commands: messages, and what they make the component do."""

import random
import string
from dataclasses import dataclass
from typing import Any
from uuid import UUID

REPLY_TO = "<reply_to>"
"""Stands for the address of the station's replies."""


@dataclass(frozen=True)
class Play:
    """One message."""

    message: dict[str, Any]
    headers: dict[str, Any]
    protocol: int


def chance_of(seed: int) -> random.Random:
    """Return the chance of a test, the same in each run."""
    return random.Random(seed)  # noqa: S311 - no secrets


def settings_of(chance: random.Random) -> dict[str, Any]:
    """Return the variables of a container."""
    return {
        "PROTOCOL_VERSION": chance.choice([1, 2]),
        "OUTGOING_MESSAGE_SIZE_LIMIT": chance.choice([10_485_760, 3_000]),
        "EMIT_LIGHTWEIGHT_MESSAGE": chance.choice(["true", "false"]),
        "OBJECT_STORAGE_SIZE_THRESHOLD": 500,
        "NO_SELF_PASSTRHOUGH": chance.choice(["1", ""]),
        "DATA_RATE_LIMIT": 1000,
        "ERROR_RATE_LIMIT": 1000,
        "SNAPSHOT_RATE_LIMIT": 1000,
    }


def play_of(chance: random.Random) -> Play:
    """Return one message with the commands for its function."""
    has_caller = chance.random() < 0.3
    body: dict[str, Any] = {"do": [_command(chance, has_caller) for _ in range(chance.randrange(5))]}
    if chance.random() < 0.6:
        body["return"] = chance.choice([_message(chance), _message(chance), None, {}, ["text"], "", {"headers": {}}])
    message: dict[str, Any] = {"body": body}
    if chance.random() < 0.4:
        message["headers"] = {"h": _json(chance)}
    if chance.random() < 0.4:
        message["passthrough"] = {"step_0": {"body": _json(chance)}, "step_1": {"body": {}, "headers": {"a": "b"}}}
    return Play(message, _headers(chance, has_caller), chance.choice([1, 2]))


def _headers(chance: random.Random, has_caller: bool) -> dict[str, Any]:
    headers: dict[str, Any] = {"messageId": str(UUID(int=chance.getrandbits(128), version=4))}
    if has_caller:
        headers["reply_to"] = REPLY_TO
    possible = {
        "threadId": None,
        "parentMessageId": "before",
        "stepId": None,
        "X-Eio-Meta-Trace-Id": "trace-ä",
        "x-eio-meta-number": 7,
        "x-eio-meta-list": ["a", 1],
        "custom": "dropped",
        "retry": 2,
        "reboundIteration": chance.choice([1, "1", -3]),
    }
    return {**headers, **{name: value for name, value in possible.items() if chance.random() < 0.3}}


def _command(chance: random.Random, has_caller: bool) -> list[Any]:
    emit = chance.choice(["emit", "try"])
    event = chance.choices(
        ["data", "error", "snapshot", "updateSnapshot", "rebound", "httpReply", "updateKeys", "raise", "exit", "given"],
        [8, 2, 2, 2, 1, 2, 1, 1, 0.3, 1],
    )[0]
    if event in ("raise", "exit", "given"):
        return [event, *(["it failed: ö"] if event == "raise" else [])]
    if event == "httpReply" and not has_caller:
        event = "data"
    return [emit, event, _value(chance, event)]


def _value(chance: random.Random, event: str) -> Any:
    if event == "data":
        return _message(chance)
    if event == "error":
        return chance.choice([{"message": "no", "name": "Mine"}, "a text", {"code": 7}])
    if event == "rebound":
        return chance.choice(["later", "später €", {"an": "object"}])
    if event == "httpReply":
        return {"statusCode": chance.choice([200, 404]), "body": _json(chance), "headers": {"content-type": "a/b"}}
    if event == "updateKeys":
        return {"oauth": {"access_token": f"token-{chance.randrange(10)}"}}
    return chance.choice([{"a": chance.randrange(9)}, {"b": {"c": [1]}}, {"$set": {"d": 1}}, {}, "no object", 7])


def _message(chance: random.Random) -> dict[str, Any]:
    message: dict[str, Any] = {"body": _json(chance)}
    if chance.random() < 0.3:
        message["id"] = f"own-{chance.randrange(1000)}"
    if chance.random() < 0.4:
        message["headers"] = {"kept": "k", **({"X-EIO-Routing-Key": REPLY_TO} if chance.random() < 0.3 else {})}
    if chance.random() < 0.2:
        message["passthrough"] = {"mine": {"body": _json(chance)}}
    return message


def _json(chance: random.Random, depth: int = 2) -> Any:
    kind = chance.randrange(8 if depth else 5)
    if kind == 0:
        return chance.choice([None, True, False, 2**70, -0.5, 1e300, ""])
    if kind == 1:
        return chance.randrange(-1000, 1000)
    if kind == 2:
        return "".join(chance.choices(string.ascii_letters + 'äß€😀\ud800\n\0"\\', k=chance.randrange(20)))
    if kind == 3 and chance.random() < 0.2:
        return "big " * chance.choice([200, 2_000, 60_000])
    if kind < 6:
        return {f"k{number}": _json(chance, max(0, depth - 1)) for number in range(chance.randrange(3))}
    return [_json(chance, depth - 1) for _ in range(chance.randrange(3))]
