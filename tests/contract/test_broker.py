"""The broker as the step sees it, at a real one."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest
from pika.channel import Channel

from shipmate.container.amqp import Broker
from shipmate.container.amqp.deliveries import AmqpDelivery
from shipmate.container.transport import Delivery
from shipmate.emulator import RabbitMQNode, StepQueues
from shipmate.errors import BrokerLost, OperatorError
from shipmate.settings import BrokerSettings, RateSettings, Secret
from tests.broker_facts import close_connections
from tests.container import eventually


class Taken:
    """What was delivered so far."""

    def __init__(self) -> None:
        self.deliveries: list[AmqpDelivery] = []
        self._has_more = threading.Semaphore(0)

    def __call__(self, delivery: Delivery) -> None:
        assert isinstance(delivery, AmqpDelivery)
        self.deliveries.append(delivery)
        self._has_more.release()

    def next(self) -> AmqpDelivery:
        assert self._has_more.acquire(timeout=10)
        return self.deliveries[-1]


@contextmanager
def opened(queues: StepQueues) -> Iterator[Broker]:
    """Open the connections of a step."""
    settings = BrokerSettings(
        uri=Secret(queues.uri),
        queue=queues.queue("input"),
        exchange=queues.exchange,
        data_key=queues.routing_key("data"),
        error_key=queues.routing_key("error"),
        rebound_key=queues.routing_key("rebound"),
        snapshot_key=queues.routing_key("snapshot"),
    )
    broker = Broker(settings, RateSettings(), on_lost=lambda error: None)
    broker.connect()
    broker.wait_until_open()
    try:
        yield broker
    finally:
        broker.close()
        broker._loop.close()  # a process that ends need not


def test_a_message_that_comes_again_while_it_is_left_is_told_of_again(
    queues: StepQueues, rabbitmq: RabbitMQNode
) -> None:
    """Its worker had seen a dead tag, and left it; its redelivery was adopted. Nobody else would process it."""
    taken = Taken()
    with opened(queues) as broker:
        broker.consume(taken, lambda: None)
        queues.publish({"body": 1})
        delivery = taken.next()
        close_connections(rabbitmq, "read")
        eventually(lambda: delivery.epoch == 1, queues)
        broker._submit(broker._leave_stale, delivery)
        assert taken.next() is delivery
        broker.settle(delivery, is_success=True)
    assert queues.depth("input") == 0


def test_a_channel_that_is_being_prepared_gets_one_consumer(
    queues: StepQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection may be lost, and be coming back, at the moment when the step begins to consume."""
    consuming = threading.Event()
    with opened(queues) as broker:
        prepare = broker._consumer.prepare

        def prepare_and_consume(channel: Channel, ready: Callable[[], None]) -> None:
            prepare(channel, ready)
            broker._consumer.begin(consuming.set)

        monkeypatch.setattr(broker._consumer, "prepare", prepare_and_consume)
        assert broker._read.channel is not None
        broker._submit(broker._read.channel.close)
        assert consuming.wait(10)
        broker.cancel()
        eventually(lambda: consumers(queues) == 0, queues)


def test_io_is_woken_for_what_is_asked_for_elsewhere(queues: StepQueues, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would be done when something arrives; the thread that does the I/O needs no waking."""
    woken: list[int] = []
    done = threading.Event()
    with opened(queues) as broker:
        wake = broker._loop.wake

        def counted() -> None:
            woken.append(threading.get_ident())
            wake()

        monkeypatch.setattr(broker._loop, "wake", counted)
        broker._submit(lambda: broker._submit(done.set))
        assert done.wait(10)
        assert woken == [threading.get_ident()]


def test_a_lock_is_held_until_the_last_refresh_of_the_process_ends(queues: StepQueues) -> None:
    """An account may have tokens in several fields: each is refreshed by itself, and under the same lock."""
    with opened(queues) as broker, opened(queues) as other:
        first, second = broker.lock("refresh.two"), broker.lock("refresh.two")
        assert not first.__enter__()
        assert not second.__enter__()
        first.__exit__()
        assert other.lock("refresh.two").__enter__()
        second.__exit__()
        free = other.lock("refresh.two")
        while free.__enter__():  # the broker has not yet deleted the queue
            pass
        free.__exit__()
        assert broker._locks == {}


def test_no_lock_is_waited_for_when_the_broker_is_lost(queues: StepQueues) -> None:
    """The process ends, and a wait would delay that by a minute."""
    with opened(queues) as broker:
        broker._give_up(BrokerLost("cannot reach the broker"))
        with pytest.raises(BrokerLost, match="cannot reach the broker"):
            broker.lock("refresh.lost").__enter__()


def consumers(queues: StepQueues) -> int:
    """Return how many consumers the input has."""
    count: int = queues.channel.queue_declare(queues.queue("input"), passive=True).method.consumer_count
    return count


def test_an_expression_that_fails_is_an_error(rabbitmq: RabbitMQNode) -> None:
    """Nothing else would say so: ``erl_call`` ends with 0."""
    assert rabbitmq.evaluate("{1 + 1, [a]}") == "{2, [a]}"
    for wrong, text in (("1 / 0", "badarith"), ("nothing:there()", "undef"), ("(", "syntax error")):
        with pytest.raises(OperatorError, match=text):
            rabbitmq.evaluate(wrong)


def test_calls_at_once_do_not_disturb_each_other(rabbitmq: RabbitMQNode) -> None:
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(rabbitmq.evaluate, map(str, range(40)))) == list(map(str, range(40)))


def test_no_directory_of_erlang_nodes_is_started(rabbitmq: RabbitMQNode) -> None:
    """RabbitMQ tries to have one each minute; it would run on for ever."""
    before = directories_of_nodes()
    assert rabbitmq.evaluate("rabbit_nodes_common:ensure_epmd()") == "ok"
    assert directories_of_nodes() <= before


def directories_of_nodes() -> set[int]:
    """Return the processes of ``epmd`` on this machine."""
    return {each.pid for each in psutil.process_iter(["name"]) if each.info["name"] == "epmd"}
