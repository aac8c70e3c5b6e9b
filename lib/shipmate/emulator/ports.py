"""Ports for servers that stop and start again."""

import contextlib
import random
import socket
from typing import Final

HOST: Final = "127.0.0.1"
_BELOW_EPHEMERAL_PORTS: Final = range(15_000, 32_000)


def free_port() -> int:
    """Return a free port outside of the range that outgoing connections take while its server is stopped."""
    while True:
        port = random.SystemRandom().choice(_BELOW_EPHEMERAL_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
