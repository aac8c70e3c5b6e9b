"""The least work for a message in Python with pika: the limit for a runtime on this client library.

Consume, decrypt, parse, serialise, encrypt, publish, and acknowledge on the confirm; no functions, no checks, no log.
One asynchronous connection on one thread, with as many unconfirmed messages as the prefetch allows.

For ``oauth2``, a call of the API comes before: bytes that are ready, on open connections in the same loop, with a token
that does not expire.
"""

import base64
import hashlib
import json
import os
import signal
import socket
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from pika import BasicProperties, SelectConnection, URLParameters
from pika.channel import Channel

_BLOCK_BYTES = 16
_ANSWER_BYTES = 65_536
_USES = 10**9
_TIMEOUT_SECONDS = 10.0


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


class CallingLoop(Loop):
    """A loop that calls the API for each message, and publishes when it has answered."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Sign in, and start to connect."""
        url = urlsplit(environ["API_URI"])
        self._address = (url.hostname, url.port)
        with urllib.request.urlopen(f"http://{url.netloc}/sign-in?uses={_USES}", timeout=_TIMEOUT_SECONDS) as answer:
            token = json.load(answer)["access_token"]
        head = f"GET {url.path}/me HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
        self._request = head.encode()
        self._idle: list[socket.socket] = []
        super().__init__(environ)

    def _on_message(self, channel: Channel, method: Any, properties: BasicProperties, content: bytes) -> None:
        api = self._idle.pop() if self._idle else self._connected()
        publish = partial(super()._on_message, channel, method, properties, content)
        loop: Any = self._connection.ioloop
        loop.add_handler(api.fileno(), lambda *_: self._answered(api, publish), loop.READ)
        api.sendall(self._request)

    def _connected(self) -> socket.socket:
        api = socket.create_connection(self._address, _TIMEOUT_SECONDS)
        api.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return api

    def _answered(self, api: socket.socket, publish: Callable[[], None]) -> None:
        """Take an answer, which arrives in one piece: it is small, and the server is on this machine."""
        answer = api.recv(_ANSWER_BYTES)
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise ConnectionError(f"expected status 200, found {answer[:20]!r}")
        self._connection.ioloop.remove_handler(api.fileno())
        self._idle.append(api)
        publish()


if __name__ == "__main__":
    (CallingLoop if os.environ["ELASTICIO_FUNCTION"] == "oauth2" else Loop)(os.environ).run()
