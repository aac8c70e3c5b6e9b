"""Which broker is used: the one that is named, one that runs on this machine, or a private one."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import pika
from pika.exceptions import AMQPError

from shipmate.emulator import RabbitMQNode

_VARIABLE: Final = "SHIPMATE_TEST_AMQP_URI"
_LOCAL: Final = "amqp://guest:guest@127.0.0.1:5672/"


class NoBroker(Exception):
    """The broker that is named does not let us in."""


@dataclass(frozen=True, slots=True)
class FoundBroker:
    """A broker that lets us in."""

    uri: str = field(repr=False)
    version: str
    origin: str
    """Where it comes from, for people."""


@contextmanager
def broker(environ: Mapping[str, str] = os.environ) -> Iterator[FoundBroker]:
    """Yield the broker to use, and end it afterwards if it was started for this.

    Raises:
        NoBroker: The one that is named does not let us in.
        OperatorError: There is none, and none can be started.
    """
    if named := environ.get(_VARIABLE):
        version = _version(named)
        if version is None:
            raise NoBroker(f"{_VARIABLE}: expected the address of a broker that lets us in")
        yield FoundBroker(named, version, f"the one of {_VARIABLE}")
    elif (version := _version(_LOCAL)) is not None:
        yield FoundBroker(_LOCAL, version, "the one on 127.0.0.1:5672")
    else:
        with RabbitMQNode() as node:
            yield FoundBroker(node.uri, _version(node.uri) or "unknown", "a private one with one scheduler")


def _version(uri: str) -> str | None:
    """Return the version of the broker at an address, None when it does not let us in."""
    try:
        connection = pika.BlockingConnection(pika.URLParameters(uri))
    except (AMQPError, OSError, ValueError):
        return None
    try:
        # The client has no public way to what the server said of itself.
        return str((connection._impl.server_properties or {}).get("version", "unknown"))
    finally:
        connection.close()
