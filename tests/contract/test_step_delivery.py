"""That nothing is lost and nothing is done twice without need, whatever the broker does."""

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipmate.emulator import Platform, RabbitMQNode, StepQueues
from tests.broker_facts import close_connections, unacknowledged
from tests.broker_gate import broker_gate
from tests.container import Container, Launch, closing, eventually, fifo

PATIENT = {"AMQP_RECONNECT_ATTEMPTS": 200, "AMQP_RECONNECT_TIMEOUT": 50}


def test_a_message_whose_connection_is_lost_is_processed_once(
    launch: Launch, queues: StepQueues, rabbitmq: RabbitMQNode, tmp_path: Path
) -> None:
    """Contract 17.7: the redelivery is taken for the same message, and acknowledged by its new tag."""
    reached, go_on = fifo(tmp_path, "reached"), fifo(tmp_path, "go-on")
    container = launch(RABBITMQ_PREFETCH_SAILOR=2, **PATIENT)
    queues.publish({"body": {"do": [["tell", reached], ["open", go_on]], "return": {"body": "once"}}})
    Path(reached).read_text()
    close_connections(rabbitmq, "read")
    container.wait_for("the broker was lost")
    eventually(lambda: unacknowledged(rabbitmq, queues) == 1, queues)
    Path(go_on).write_text("go on")
    assert [each.message["body"] for each in queues.take("data")] == ["once"]
    eventually(lambda: unacknowledged(rabbitmq, queues) == 0, queues)
    assert (queues.depth("input"), queues.depth("data"), queues.depth("dead")) == (0, 0, 0)
    assert container.stop() == 0


def test_two_messages_with_one_id_are_both_processed(launch: Launch, queues: StepQueues, tmp_path: Path) -> None:
    """Contract 17.7, without DEF-1: side by side, on one channel."""
    launch(RABBITMQ_PREFETCH_SAILOR=2)
    pipes = [fifo(tmp_path, f"reached-{number}") for number in range(2)]
    for number, pipe in enumerate(pipes):
        queues.publish({"body": {"do": [["tell", pipe]], "return": {"body": number}}}, headers={"messageId": "same"})
    for pipe in reversed(pipes):
        Path(pipe).read_text()
    assert {each.message["body"] for each in queues.take("data", 2)} == {0, 1}
    eventually(lambda: queues.depth("input") == 0, queues)


def test_a_lost_write_connection_is_opened_again(
    launch: Launch, queues: StepQueues, rabbitmq: RabbitMQNode, tmp_path: Path
) -> None:
    """Contract 3.6: what is emitted meanwhile is published afterwards."""
    reached, go_on = fifo(tmp_path, "reached"), fifo(tmp_path, "go-on")
    container = launch(**PATIENT)
    queues.publish({"body": {"do": [["tell", reached], ["open", go_on]], "return": {"body": "kept"}}})
    Path(reached).read_text()
    close_connections(rabbitmq, "write")
    container.wait_for("the broker was lost")
    Path(go_on).write_text("go on")
    assert queues.take("data")[0].message["body"] == "kept"
    assert container.stop() == 0


def test_a_refused_message_is_published_again_until_it_is_taken(
    launch: Launch, queues: StepQueues, platform: Platform
) -> None:
    """Contract 17.6: nacks are counted in a header, and the input is acknowledged only afterwards."""
    limited = StepQueues(queues.uri, name=f"{queues.name}-limited", output_limit=1)
    with limited, closing(Launch(limited, platform)) as start:
        container = start(AMQP_PUBLISH_RETRY_DELAY=1, AMQP_PUBLISH_MAX_RETRY_DELAY=10)
        limited.publish({"body": {"return": {"body": 1}}})
        eventually(lambda: limited.depth("data") == 1, limited)
        limited.publish({"body": {"return": {"body": 2}}})
        container.wait_for("the broker refused it", count=3)
        first, second = limited.take("data", 2)
        assert (first.message["body"], second.message["body"]) == (1, 2)
        assert second.headers["retry"] >= 3
        assert container.stop() == 0
        assert limited.depth("input") == 0


def test_a_step_whose_queue_is_deleted_ends(launch: Launch, queues: StepQueues) -> None:
    """Contract 17.8, without DEF-6: it never lives on without consuming."""
    container = launch(AMQP_RECONNECT_TIMEOUT=5).ready()
    queues.channel.queue_delete(queues.queue("input"))
    assert container.wait() == 1
    assert "the broker cancelled the consumer" in container.output
    queues.declare()


def test_a_step_subscribes_again_after_it_was_cancelled(launch: Launch, queues: StepQueues) -> None:
    """Contract 17.8: the queue may have come back meanwhile."""
    container = launch(**PATIENT).ready()
    queues.channel.queue_delete(queues.queue("input"))
    container.wait_for("the broker was lost")
    queues.declare()
    queues.publish({"body": {"return": {"body": "again"}}})
    assert queues.take("data")[0].message["body"] == "again"
    assert container.stop() == 0


def test_a_step_without_a_broker_ends_by_a_signal_or_without_patience(launch: Launch, rabbitmq: RabbitMQNode) -> None:
    """SIGTERM ends it in any phase.

    Contract 17.8, without DEF-5: reconnects are exhausted, and the orchestrator starts it again.
    """
    with broker_gate(rabbitmq) as gate:
        patient, impatient = launch(AMQP_URI=gate.uri, **PATIENT), launch(AMQP_URI=gate.uri)
        patient.ready()
        impatient.ready()
    patient.wait_for("the broker was lost")
    assert patient.stop() == 0, patient.output[-1800:]
    assert impatient.wait() == 1
    assert "cannot reach the broker (4 attempts)" in impatient.output


@pytest.mark.timeout(60)
class TestBroker:
    """A broker that stops."""

    @pytest.fixture
    def queues(self, own_rabbitmq: RabbitMQNode) -> Iterator[StepQueues]:
        """The queues of a step at the broker that may be stopped."""
        made = StepQueues(own_rabbitmq.uri, name="stopped")
        yield made
        made.close()
        made.connect()
        made.delete()
        made.close()

    def test_with_patience_the_step_goes_on(
        self, launch: Launch, queues: StepQueues, own_rabbitmq: RabbitMQNode, tmp_path: Path
    ) -> None:
        """Messages that the broker kept are processed; the one in work is published when it is back."""
        reached, go_on = fifo(tmp_path, "reached"), fifo(tmp_path, "go-on")
        container = launch(**{**PATIENT, "AMQP_RECONNECT_ATTEMPTS": 2000})
        do = [["tell", reached], ["open", go_on]]
        queues.publish({"body": {"do": do, "return": {"body": "in work"}}}, properties={"delivery_mode": 2})
        Path(reached).read_text()
        queues.publish({"body": {"return": {"body": "waiting"}}}, properties={"delivery_mode": 2})
        eventually(lambda: queues.depth("input") == 1, queues)
        queues.close()
        own_rabbitmq.stop()
        Path(go_on).write_text("go on")
        own_rabbitmq.start()
        queues.connect()
        bodies = Counter(each.message["body"] for each in queues.take("data", 2))
        assert bodies == {"in work": 1, "waiting": 1}
        eventually(lambda: queues.depth("input") == 0, queues)
        assert container.stop() == 0

    def test_a_broker_short_of_memory_is_waited_for(
        self, launch: Launch, queues: StepQueues, own_rabbitmq: RabbitMQNode, tmp_path: Path
    ) -> None:
        """A blocked connection holds publications back, no answers; the process can be stopped, and loses nothing."""
        first = launch(bare={"SHIPMATE_STOP_SECONDS": "1"}, RABBITMQ_PREFETCH_SAILOR=2).ready()
        go_on, end, next_one = (fifo(tmp_path, name) for name in ("go-on", "end", "next"))
        queues.publish({"body": {"do": [["open", go_on]], "return": {"body": "held"}}})
        queues.publish({"body": {"do": [["open", end]]}})
        queues.publish({"body": {"do": [["tell", next_one]]}})
        eventually(lambda: queues.depth("input") == 1, queues)
        short_of_memory = "vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1}), rabbit_alarm:get_alarms()"
        eventually(lambda: "memory" in own_rabbitmq.evaluate(short_of_memory), queues)
        try:
            Path(go_on).write_text("go on")
            first.wait_for("the broker blocks publishing")
            Path(end).write_text("end")
            # The broker delivers the third one when it has the answer to the second.
            Path(next_one).read_text()
            assert first.stop() == 0
        finally:
            own_rabbitmq.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.4)")
        second = launch().ready()
        Path(go_on).write_text("go on")
        assert queues.take("data")[0].message["body"] == "held"
        assert second.stop() == 0


def test_a_killed_container_loses_nothing(launch: Launch, queues: StepQueues, tmp_path: Path) -> None:
    """What it had begun is delivered to the next one."""
    reached = fifo(tmp_path, "reached")
    never = fifo(tmp_path, "never")
    container: Container = launch(RABBITMQ_PREFETCH_SAILOR=2)
    queues.publish({"body": {"do": [["tell", reached], ["open", never]], "return": {"body": "begun"}}})
    Path(reached).read_text()
    container.send(signal.SIGKILL)
    assert container.wait() == -signal.SIGKILL
    launch()
    Path(reached).read_text()
    Path(never).write_text("go on")
    assert queues.take("data")[0].message["body"] == "begun"
