"""The least work for a message in Python with pika: the limit for a runtime on this client library.

Consume, decrypt, parse, serialise, encrypt, publish, and acknowledge on the confirm; no functions, no checks, no log.
One asynchronous connection on one thread, with as many unconfirmed messages as the prefetch allows.
"""

import base64
import hashlib
import os
import signal
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from pika import BasicProperties, SelectConnection, URLParameters
from pika.channel import Channel

_BLOCK_BYTES = 16


def codec(environ: Mapping[str, str]) -> Callable[[bytes], bytes]:
    """Return a function that turns an encrypted input into an encrypted output."""
    key = hashlib.sha256(environ["ELASTICIO_MESSAGE_CRYPTO_PASSWORD"].encode()).digest()
    cipher = Cipher(AES(key), CBC(environ["ELASTICIO_MESSAGE_CRYPTO_IV"].encode()))

    def output_of(content: bytes) -> bytes:
        decryptor = cipher.decryptor()
        padded = decryptor.update(base64.b64decode(content)) + decryptor.finalize()
        message = orjson.loads(padded[: -padded[-1]])
        plain = orjson.dumps({"body": message["body"], "headers": {}})
        missing = _BLOCK_BYTES - len(plain) % _BLOCK_BYTES
        encryptor = cipher.encryptor()
        return base64.b64encode(encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize())

    return output_of


class Loop:
    """The connection, with one channel to read and one to write."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Start to connect."""
        self._queue = environ["ELASTICIO_LISTEN_MESSAGES_ON"]
        self._exchange = environ["ELASTICIO_PUBLISH_MESSAGES_TO"]
        self._routing_key = environ["ELASTICIO_DATA_ROUTING_KEY"]
        self._prefetch = int(environ["ELASTICIO_RABBITMQ_PREFETCH_SAILOR"])
        self._output_of = codec(environ)
        self._unconfirmed: dict[int, int] = {}
        self._published = 0
        self._is_stopping = False
        self._connection = SelectConnection(
            URLParameters(environ["ELASTICIO_AMQP_URI"]),
            on_open_callback=self._open_writing,
            on_close_callback=lambda connection, _: connection.ioloop.stop(),
        )

    def run(self) -> None:
        """Process messages until SIGTERM."""
        loop = self._connection.ioloop
        signal.signal(signal.SIGTERM, lambda *_: loop.add_callback_threadsafe(self._stop))
        loop.start()

    def _stop(self) -> None:
        """Cancel the consumer, and close when all outputs are confirmed."""
        self._is_stopping = True
        self._reading.basic_cancel(self._consumer_tag, callback=lambda _: self._close_when_done())

    def _close_when_done(self) -> None:
        if self._is_stopping and not self._unconfirmed:
            self._connection.close()

    def _open_writing(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._prepare_writing)

    def _prepare_writing(self, channel: Channel) -> None:
        self._writing = channel
        channel.confirm_delivery(self._on_confirm, callback=self._open_reading)

    def _open_reading(self, _agreed: Any) -> None:
        self._connection.channel(on_open_callback=self._prepare_reading)

    def _prepare_reading(self, channel: Channel) -> None:
        self._reading = channel
        channel.basic_qos(prefetch_count=self._prefetch, callback=lambda _: self._consume(channel))

    def _consume(self, channel: Channel) -> None:
        self._consumer_tag = channel.basic_consume(self._queue, self._on_message)

    def _on_message(self, _channel: Channel, method: Any, properties: BasicProperties, content: bytes) -> None:
        given = properties.headers or {}
        headers = {**given, "parentMessageId": given.get("messageId"), "messageId": str(uuid.uuid4())}
        made = BasicProperties(content_type="application/json", content_encoding="utf8", headers=headers)  # type: ignore[no-untyped-call]
        self._published += 1
        self._unconfirmed[self._published] = method.delivery_tag
        self._writing.basic_publish(self._exchange, self._routing_key, self._output_of(content), made, mandatory=True)

    def _on_confirm(self, frame: Any) -> None:
        last = frame.method.delivery_tag
        for number in [each for each in self._unconfirmed if each <= last] if frame.method.multiple else [last]:
            self._reading.basic_ack(self._unconfirmed.pop(number))
        self._close_when_done()


if __name__ == "__main__":
    Loop(os.environ).run()
