"""The AMQP transport: two connections, used by one thread at a time. No other package knows pika.

``broker`` is the face of the package, the transport of a step. ``routing`` turns publications into AMQP messages.
``connection`` keeps a connection and its channel open, ``consumer`` takes messages and acknowledges or rejects them,
``pending_acks`` acknowledges many messages with one frame. ``publisher`` publishes, waits for confirms and retries.
``lease`` is a lock between containers. ``adapter``, ``properties`` and ``fields`` adapt pika.

To settle a message is to acknowledge or to reject it; to leave it is to do neither, so that the broker redelivers it.

Source: contract §3.
"""

from shipmate.container.amqp.broker import Broker

__all__ = ["Broker"]
