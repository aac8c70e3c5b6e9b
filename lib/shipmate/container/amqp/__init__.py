"""The broker: two connections, used by one thread at a time. Nothing else knows the client library.

``link`` keeps a connection and its channel open, ``consumer`` takes messages and answers them, ``deliveries`` decides
what a redelivery means and ``tags`` what to acknowledge together, ``publisher`` waits for confirms and tries again,
``inflight`` counts what is under way, ``lease`` is a lock between containers, ``routing`` turns publications into AMQP
messages, and ``broker`` is the transport that a step sees.

Source: contract §3.
"""

from shipmate.container.amqp.broker import Broker

__all__ = ["Broker"]
