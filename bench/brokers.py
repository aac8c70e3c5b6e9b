"""The broker of a run: the named one, one that runs on this machine, or a private one."""

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
    """The named broker does not accept a connection."""


@dataclass(frozen=True, slots=True)
class FoundBroker:
    """A running broker."""

    uri: str = field(repr=False)
    version: str
    origin: str
    """Its origin in words, for the report."""


@contextmanager
def broker(environ: Mapping[str, str] = os.environ) -> Iterator[FoundBroker]:
    """Yield the broker of a run; a private one is started, and deleted at the end.

    Raises:
        NoBroker: The named broker does not accept a connection.
        OperatorError: No broker runs on this machine, and RabbitMQ is not installed or does not start.
    """
    if named := environ.get(_VARIABLE):
        version = _version(named)
        if version is None:
            raise NoBroker(f"{_VARIABLE}: expected the address of a running AMQP broker")
        yield FoundBroker(named, version, f"the one of {_VARIABLE}")
    elif (version := _version(_LOCAL)) is not None:
        yield FoundBroker(_LOCAL, version, "the one on 127.0.0.1:5672")
    else:
        with private() as found:
            yield found


@contextmanager
def private() -> Iterator[FoundBroker]:
    """Yield a broker of this run alone, which is deleted at the end.

    Raises:
        OperatorError: RabbitMQ is not installed or does not start.
    """
    with RabbitMQNode() as node:
        yield FoundBroker(node.uri, _version(node.uri) or "unknown", "a private one with one scheduler")


def _version(uri: str) -> str | None:
    """Return the version of the broker at an address, None if it does not accept a connection."""
    try:
        connection = pika.BlockingConnection(pika.URLParameters(uri))
    except (AMQPError, OSError, ValueError):
        return None
    try:
        # pika has no public access to the properties of the server.
        return str((connection._impl.server_properties or {}).get("version", "unknown"))
    finally:
        connection.close()
