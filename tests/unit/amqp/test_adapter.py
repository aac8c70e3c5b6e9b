"""What the client library is fitted with, where that can be seen without a broker."""

import socket
from typing import Any

from pika.adapters.select_connection import IOLoop

from shipmate.amqp.adapter import Services


def test_a_connection_that_ends_as_soon_as_it_is_made_is_a_failure_like_others() -> None:
    """A balancer without anybody behind it takes connections and resets them; that must not end the I/O thread."""
    loop = IOLoop()
    told: list[Any] = []

    def on_done(outcome: Any) -> None:
        told.append(outcome)
        loop.stop()

    made = Services(loop).create_streaming_connection(lambda: None, socket.socket(), on_done)
    assert told == []
    loop.start()
    loop.close()
    assert isinstance(told[0], ValueError)
    made.cancel()
