"""How a step starts, stops and ends: order, hooks, signals, exit status, and what is said when it cannot begin."""

import json
import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from shipmate.emulator import Platform, RabbitMQNode, StepQueues
from tests.broker_facts import connection_names, prefetch
from tests.container import Container, Launch, eventually, fifo

pytestmark = pytest.mark.usefixtures("measured")

START_HEADERS = {
    "execId": "exec",
    "taskId": "flow",
    "workspaceId": "workspace",
    "containerId": "container",
    "userId": "user",
    "stepId": "step",
    "compId": "component",
}
STEP = "/v1/tasks/flow/steps/step"
STARTUP = "/sailor-support/hooks/task/flow/startup/data"


def calls(platform: Platform) -> list[tuple[str, str, int]]:
    """Return what the platform was asked."""
    return [(each.method, each.path, each.status) for each in platform.journal.requests]


def notes(path: Path) -> list[Any]:
    """Return what the hooks have noted."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def failed_start(container: Container, queues: StepQueues, function: str) -> str:
    """Check the end of a container that could not begin, and return the message of the error that it published."""
    (error,) = queues.take("error")
    headers = dict(error.headers)
    assert len(headers.pop("messageId")) == 36
    assert headers == {**START_HEADERS, "function": function}
    assert "errorInput" not in json.loads(error.body)
    assert container.wait() == 1
    assert queues.depth("input") == 1
    return str(error.error["message"])


def told_at_once(container: Container) -> str:
    """Return what a container that could not begin has said, once."""
    assert container.wait() == 1
    (record,) = container.records
    assert (record["name"], record["level"]) == ("sailor", 60)
    assert record["err"]["message"] == record["msg"]
    assert set(record["err"]) == {"message", "name", "stack", "code"}
    assert len(container.lines) == 1
    return str(record["msg"])


@pytest.mark.parametrize(
    "name",
    [
        "FLOW_ID EXEC_ID STEP_ID CONTAINER_ID WORKSPACE_ID USER_ID COMP_ID FUNCTION API_URI API_USERNAME "
        "API_KEY".split(),
        "AMQP_URI LISTEN_MESSAGES_ON PUBLISH_MESSAGES_TO DATA_ROUTING_KEY ERROR_ROUTING_KEY REBOUND_ROUTING_KEY "
        "SNAPSHOT_ROUTING_KEY MESSAGE_CRYPTO_IV MESSAGE_CRYPTO_PASSWORD".split(),
    ],
    ids=["always", "for messages"],
)
def test_a_missing_variable_is_one_line_and_status_one(launch: Launch, name: list[str]) -> None:
    """Contract 2.2, 2.3: all that are missing, by their names; nothing else happens."""
    first, last = told_at_once(launch(**{name[0]: "", name[-1]: ""})).split("; ")
    assert first.startswith(f"ELASTICIO_{name[0]} is missing")  # for the address, the choice of the transport follows
    assert last == f"ELASTICIO_{name[-1]} is missing"


def test_a_missing_variable_is_told_though_nothing_is_logged(launch: Launch) -> None:
    """On standard error, since the log is off."""
    container = launch(bare={"NODE_ENV": "test", "LOG_LEVEL": ""}, FLOW_ID="")
    assert container.wait() == 1
    assert container.lines == ["Error: ELASTICIO_FLOW_ID is missing"]


def test_a_vector_of_another_length_is_one_line_and_status_one(launch: Launch) -> None:
    """Contract 4.1: sixteen bytes, not characters."""
    text = told_at_once(launch(MESSAGE_CRYPTO_IV="too short"))
    assert text == "ELASTICIO_MESSAGE_CRYPTO_IV: expected a text of 16 bytes, found 9"


def test_a_broker_that_is_not_there_is_told_without_its_password(launch: Launch) -> None:
    """Contract 1.2: nothing can be published; the log says why, and nothing secret."""
    container = launch(AMQP_URI="amqp://user:very-secret-word@127.0.0.1:1/", AMQP_RECONNECT_TIMEOUT=1)
    assert container.wait() == 1
    assert "ConnectionRefusedError" in container.output
    assert "(4 attempts): 127.0.0.1:1, " in container.output
    assert "very-secret-word" not in container.output


def test_the_order_of_a_start_is_that_of_the_platform(
    launch: Launch, queues: StepQueues, platform: Platform, tmp_path: Path
) -> None:
    """Contract 17.10: step data, startup hook, the dance around old data, init, and then messages."""
    platform.startup_data["flow"] = {"old": 1}
    container = launch("hooked", {"TEST_NOTES": str(tmp_path / "notes")}, STARTUP_REQUIRED="true").ready()
    cfg = {"_account": "account", "region": "eu"}
    assert notes(tmp_path / "notes") == [["startup", cfg], ["init", cfg]]
    assert calls(platform) == [
        ("GET", STEP, 200),
        ("POST", STARTUP, 409),
        ("DELETE", STARTUP, 204),
        ("POST", STARTUP, 201),
    ]
    assert platform.startup_data["flow"] == {"subscription": 1}
    assert container.stop() == 0


def test_a_start_whose_error_cannot_be_published_ends_all_the_same(launch: Launch, queues: StepQueues) -> None:
    """Contract 15, DEF-21 and J-1: no process lives on that does not consume."""
    container = launch("unknown", ERROR_ROUTING_KEY=f"{queues.name}-nowhere", AMQP_PUBLISH_RETRY_ATTEMPTS=1)
    assert container.wait() == 1


def test_a_hook_that_fails_is_published_before_the_end(launch: Launch, queues: StepQueues) -> None:
    """Contract 1.5: its own headers, no input; nothing is consumed."""
    queues.publish({"body": {}})
    container = launch("hooked", {"TEST_FAIL": "init"}, STARTUP_REQUIRED="true")
    assert failed_start(container, queues, "hooked") == "init was told to fail"


def test_a_queue_that_is_not_there_is_published(launch: Launch, queues: StepQueues) -> None:
    """Contract 1.2: the broker's reason is in the error."""
    queues.publish({"body": {}})
    container = launch(LISTEN_MESSAGES_ON=f"{queues.name}-nowhere", AMQP_RECONNECT_TIMEOUT=1)
    text = failed_start(container, queues, "commands")
    assert text.startswith("ELASTICIO_LISTEN_MESSAGES_ON: the broker at ")
    assert "NOT_FOUND" in text


@pytest.mark.parametrize("confirms", ["true", "false"])
def test_an_exchange_that_is_not_there_ends_the_start(launch: Launch, queues: StepQueues, confirms: str) -> None:
    """It was taken for a lost broker, and tried again without end."""
    container = launch(
        PUBLISH_MESSAGES_TO=f"{queues.name}-nowhere",
        AMQP_PUBLISH_CONFIRM_ENABLED=confirms,
        AMQP_RECONNECT_ATTEMPTS=1_000_000,
    )
    assert container.wait() == 1
    fatal = container.records[-1]
    assert fatal["err"]["code"] == "broker_refused"
    assert fatal["msg"].startswith("ELASTICIO_PUBLISH_MESSAGES_TO: the broker at 127.0.0.1:")
    assert "NOT_FOUND" in fatal["msg"]


def test_an_exchange_that_is_deleted_ends_the_step(launch: Launch, queues: StepQueues) -> None:
    """The message stays with the broker, and the log names the variable."""
    container = launch(AMQP_RECONNECT_ATTEMPTS=1_000_000).ready()
    queues.channel.exchange_delete(queues.exchange)
    queues.publish({"body": {"return": {"body": 1}}})
    assert container.wait() == 1
    assert container.records[-1]["msg"].startswith("ELASTICIO_PUBLISH_MESSAGES_TO: the broker at ")
    assert "connection to the broker is lost" not in container.output
    queues.declare()
    eventually(lambda: queues.depth("input") == 1, queues)


def test_an_exchange_that_may_not_be_written_to_ends_the_step(launch: Launch, queues: StepQueues) -> None:
    """An internal one takes messages of other exchanges only, as one without permission takes none."""
    exchange = f"{queues.name}-internal"
    queues.channel.exchange_declare(exchange, "direct", internal=True)
    queues.publish({"body": {"return": {"body": 1}}})
    container = launch(PUBLISH_MESSAGES_TO=exchange, AMQP_RECONNECT_ATTEMPTS=1_000_000)
    assert container.wait() == 1
    assert container.records[-1]["msg"].startswith("ELASTICIO_PUBLISH_MESSAGES_TO: the broker at ")
    assert "ACCESS_REFUSED" in container.records[-1]["msg"]
    queues.channel.exchange_delete(exchange)


def test_the_shutdown_hook_needs_no_broker(launch: Launch, platform: Platform, tmp_path: Path) -> None:
    """Contract 17.10, 1.4: step data, startup data, hook, delete; status 0."""
    platform.startup_data["flow"] = {"subscription": 1}
    nothing = dict.fromkeys(("AMQP_URI", "MESSAGE_CRYPTO_IV", "MESSAGE_CRYPTO_PASSWORD", "LISTEN_MESSAGES_ON"), "")
    container = launch("hooked", {"TEST_NOTES": str(tmp_path / "notes")}, HOOK_SHUTDOWN="1", **nothing)
    assert container.wait() == 0
    cfg = {"_account": "account", "region": "eu"}
    assert notes(tmp_path / "notes") == [["shutdown", cfg, {"subscription": 1}]]
    assert calls(platform) == [("GET", STEP, 200), ("GET", STARTUP, 200), ("DELETE", STARTUP, 204)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_step_stops_at_once(launch: Launch, number: signal.Signals) -> None:
    """Contract 17.9."""
    assert launch().ready().stop(number) == 0


def test_a_busy_step_finishes_its_message_whatever_the_number_of_signals(
    launch: Launch, queues: StepQueues, tmp_path: Path
) -> None:
    """Contract 17.9: busy, and told twice."""
    reached, go_on = fifo(tmp_path, "reached"), fifo(tmp_path, "go-on")
    container = launch()
    queues.publish({"body": {"do": [["tell", reached], ["open", go_on]], "return": {"body": "done"}}})
    assert Path(reached).read_text() == "reached"
    container.send(signal.SIGTERM)
    container.wait_for("stopping")
    container.send(signal.SIGTERM)
    container.send(signal.SIGINT)
    queues.publish({"body": {"return": {"body": "not for this one"}}})
    Path(go_on).write_text("go on")
    assert container.wait() == 0
    assert queues.take("data")[0].message["body"] == "done"
    eventually(lambda: queues.depth("input") == 1, queues)  # the broker requeues it when the connection has closed
    assert queues.depth("data") == 0


def test_a_signal_during_init_waits_for_it(launch: Launch, queues: StepQueues, tmp_path: Path) -> None:
    """Contract 1.6: initialisation is finished first."""
    go_on = fifo(tmp_path, "go-on")
    path = tmp_path / "notes"
    container = launch("hooked", {"TEST_NOTES": str(path), "TEST_INIT_FIFO": go_on})
    eventually(lambda: [name for name, *_ in notes(path)] == ["init"], queues)
    container.send(signal.SIGTERM)
    Path(go_on).write_text("go on")
    assert container.wait() == 0


@pytest.mark.parametrize(
    ("setting", "address", "asked"),
    [("AMQP_URI", "amqp://guest:guest@127.0.0.1:{port}/", b"AMQP"), ("API_URI", "http://127.0.0.1:{port}", b"GET ")],
    ids=["the broker", "the platform"],
)
def test_a_signal_while_a_silent_server_is_waited_for_ends_it_at_once(
    launch: Launch, setting: str, address: str, asked: bytes
) -> None:
    """Who takes the connection and says nothing is waited for long, and nothing has begun that is to be finished."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        container = launch(**{setting: address.format(port=listener.getsockname()[1])})
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(4) == asked
            container.send(signal.SIGTERM)
            assert container.wait(8) == 0  # it gives the server 15 seconds and more


def test_a_signal_during_init_leaves_the_messages_to_others(launch: Launch, queues: StepQueues, tmp_path: Path) -> None:
    """What is told to end does not begin to consume."""
    go_on = fifo(tmp_path, "go-on")
    path = tmp_path / "notes"
    queues.publish({"body": 1})
    container = launch("hooked", {"TEST_NOTES": str(path), "TEST_INIT_FIFO": go_on})
    eventually(lambda: [name for name, *_ in notes(path)] == ["init"], queues)
    container.send(signal.SIGTERM)
    Path(go_on).write_text("go on")
    assert container.wait() == 0
    assert queues.depth("input") == 1


def test_it_stops_after_messages_that_could_not_be_processed(launch: Launch, queues: StepQueues) -> None:
    """Contract 17.9, without DEF-3: nothing of them is left over."""
    container = launch()
    queues.publish_raw(b"undecodable", {"messageId": "m1"})
    queues.publish({"body": {}, "headers": {"x-ipaas-object-storage-id": "not-there"}})
    messages = sorted(error.error["message"] for error in queues.take("error", 2))
    assert messages[0] == "Failed to get message body with id=not-there"
    eventually(lambda: queues.depth("dead") == 2, queues)
    assert container.stop() == 0


def test_a_publication_that_the_broker_never_takes_does_not_keep_the_process(
    launch: Launch, queues: StepQueues
) -> None:
    """Its input stays with the broker, without a word of error, and is there for the next container."""
    container = launch(bare={"SHIPMATE_STOP_SECONDS": "0"})
    queues.publish({"body": {"return": {"body": 1, "headers": {"x-eio-routing-key": "nowhere"}}}})
    container.wait_for("could not be routed", count=2)
    assert container.stop() == 0
    eventually(lambda: queues.depth("input") == 1, queues)
    assert (queues.depth("error"), queues.depth("dead")) == (0, 0)


def test_threads_that_never_end_do_not_keep_the_process(launch: Launch, queues: StepQueues, tmp_path: Path) -> None:
    """A component's own threads are its own affair."""
    never = fifo(tmp_path, "never")
    container = launch()
    queues.publish({"body": {"do": [["hang", never]], "return": {"body": 1}}})
    queues.take("data")
    assert container.stop() == 0


def test_connections_have_names_and_acknowledgements_a_connection_of_their_own(
    launch: Launch, queues: StepQueues, rabbitmq: RabbitMQNode
) -> None:
    """Contract 3.2."""
    launch(RABBITMQ_PREFETCH_SAILOR=7).ready()
    host = os.uname().nodename
    names = connection_names(rabbitmq)
    assert f'"{host}-read"' in names
    assert f'"{host}-write"' in names
    assert prefetch(rabbitmq, queues) == 7


def test_messages_are_processed_side_by_side(launch: Launch, queues: StepQueues, tmp_path: Path) -> None:
    """As many as are prefetched, each on a thread."""
    launch(RABBITMQ_PREFETCH_SAILOR=3)
    pipes = [fifo(tmp_path, f"reached-{number}") for number in range(3)]
    go_on = [fifo(tmp_path, f"go-on-{number}") for number in range(3)]
    for number in range(3):
        do = [["tell", pipes[number]], ["open", go_on[number]]]
        queues.publish({"body": {"do": do, "return": {"body": number}}})
    threads = [threading.Thread(target=lambda pipe=pipe: Path(pipe).read_text()) for pipe in pipes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    for pipe in reversed(go_on):
        Path(pipe).write_text("go on")
    assert {each.message["body"] for each in queues.take("data", 3)} == {0, 1, 2}


def test_a_signal_in_any_moment_of_the_start_ends_it_in_order(launch: Launch) -> None:
    """From the first line of the log on there is no moment in which a signal is lost."""
    for text in ('"msg": "the module has no hook init"', '"msg": "consuming"'):
        container = launch()
        container.wait_for(text)
        assert container.stop() == 0
