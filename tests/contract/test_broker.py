"""The broker as the step sees it, at a real one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shipmate.amqp import Broker, Delivery
from shipmate.emulator import StepQueues
from shipmate.settings import BrokerSettings, Secret
from tests.broker import RabbitMQ
from tests.container import eventually


class Deliveries:
    """What was delivered so far."""

    def __init__(self) -> None:
        self.taken: list[Delivery] = []
        self.lost: list[BaseException] = []
        self.has_more = threading.Event()

    def take(self, delivery: Delivery) -> None:
        self.taken.append(delivery)
        self.has_more.set()

    def next(self) -> Delivery:
        assert self.has_more.wait(10)
        self.has_more.clear()
        return self.taken[-1]


@contextmanager
def consuming(queues: StepQueues, deliveries: Deliveries) -> Iterator[Broker]:
    """Consume the inputs of a step."""
    settings = BrokerSettings(
        uri=Secret(queues.uri),
        queue=queues.queue("input"),
        exchange=queues.exchange,
        data_key=queues.routing_key("data"),
        error_key=queues.routing_key("error"),
        rebound_key=queues.routing_key("rebound"),
        snapshot_key=queues.routing_key("snapshot"),
    )
    broker = Broker(settings, on_delivery=deliveries.take, on_lost=deliveries.lost.append)
    broker.connect()
    broker.wait_until_open()
    broker.consume(lambda: None)
    try:
        yield broker
    finally:
        broker.close()
        broker._loop.close()  # a process that ends need not


def test_a_message_that_comes_again_while_it_is_left_is_told_of_again(queues: StepQueues, rabbitmq: RabbitMQ) -> None:
    """Its worker had seen a dead tag, and left it; its redelivery was adopted. Nobody else would process it."""
    deliveries = Deliveries()
    with consuming(queues, deliveries) as broker:
        queues.publish({"body": 1})
        delivery = deliveries.next()
        for line in rabbitmq.ctl("list_connections", "pid", "client_properties").splitlines():
            if '-read"' in line:
                rabbitmq.ctl("close_connection", line.split("\t")[0], "closed by a test")
        eventually(lambda: delivery.incarnation == 1, queues)
        broker.leave_stale(delivery)
        assert deliveries.next() is delivery
        broker.settle(delivery, is_good=True)
    assert queues.depth("input") == 0
