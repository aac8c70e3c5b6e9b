"""That a watched step says the truth through its whole life: port, metrics, health file, at RabbitMQ and at a proxy."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from shipmate.container.operations.health_file import read_health
from shipmate.emulator import Platform, RabbitMQNode, SailorProxy, StepQueues
from shipmate.emulator.ports import free_port
from tests.broker_facts import unacknowledged
from tests.broker_gate import BrokerGate, broker_gate
from tests.container import Launch, closing, eventually, fifo
from tests.contract.test_proxy_lifecycle import QUICK
from tests.contract.test_step_delivery import PATIENT
from tests.forked import CONTAINERS, run
from tests.probes import LABELS, Probe

pytestmark = pytest.mark.usefixtures("measured")


@pytest.fixture
def probe() -> Probe:
    """The port that a container is to open."""
    return Probe(free_port())


def watched(probe: Probe, **more: object) -> dict[str, str]:
    """Return the variables of a container that opens the port."""
    return {"SHIPMATE_HTTP_PORT": str(probe.port), **{name: str(value) for name, value in more.items()}}


def asked(path: Path, *options: str) -> tuple[int, str]:
    """Return what ``shipmate health`` says."""
    environ = {**os.environ, "SHIPMATE_HEALTH_FILE": str(path)}
    done = run("shipmate", "health", *options, loaded=CONTAINERS, env=environ, cwd=Path.cwd())
    return done.returncode, done.stdout.strip()


@pytest.fixture
def gate(rabbitmq: RabbitMQNode) -> Iterator[BrokerGate]:
    """A way to the broker that the test may close."""
    with broker_gate(rabbitmq) as opened:
        yield opened


def test_a_step_says_the_truth_within_a_second(
    launch: Launch, queues: StepQueues, gate: BrokerGate, probe: Probe, tmp_path: Path
) -> None:
    """Consuming, stuck, broker lost and back, drain, death."""
    here, again, drain = (fifo(tmp_path, name) for name in ("here", "again", "drain"))
    file = tmp_path / "health"
    container = launch(
        bare=watched(probe, SHIPMATE_STUCK_SECONDS=1, SHIPMATE_HEALTH_FILE=file),
        RABBITMQ_PREFETCH_SAILOR=2,
        AMQP_URI=gate.uri,
        **PATIENT,
    ).ready()
    probe.says("/ready", 200, "consuming")
    probe.samples({"shipmate_ready": 1, "shipmate_live": 1, "shipmate_messages_in_work": 0})

    queues.publish({"body": {"do": [["tell", here], ["open", again]], "return": {"body": 1}}})
    Path(here).read_text()
    probe.samples({"shipmate_messages_in_work": 1})
    eventually(lambda: probe.ask("/live")[0] == 503, queues)
    probe.says("/live", 503, "SHIPMATE_STUCK_SECONDS allows 1")
    probe.says("/ready", 200)
    assert probe.metrics()["shipmate_oldest_message_seconds"] > 1
    Path(again).write_text("go on")
    queues.take("data")
    probe.says("/live", 200)
    probe.counts(success=1, error=0, rebound=0, left=0)

    gate.close()
    probe.says("/ready", 503, "no connection to the broker")
    probe.says("/live", 200, "consuming")
    probe.samples({"shipmate_ready": 0, "shipmate_live": 1})
    gate.open()
    eventually(lambda: probe.ask("/ready")[0] == 200, queues)
    probe.samples({'shipmate_reconnects_total{connection="read"}': 1})

    queues.publish({"body": {"do": [["tell", here], ["open", drain]], "return": {"body": 2}}})
    Path(here).read_text()
    container.send(signal.SIGTERM)
    probe.says("/ready", 503, "stopping")
    probe.says("/live", 200, "stopping")
    probe.samples({"shipmate_messages_in_work": 1, "shipmate_ready": 0})
    Path(drain).write_text("go on")
    assert container.wait() == 0
    assert probe.ask("/live")[0] == 0
    assert asked(file) == (1, f"{file} does not exist: the step does not run")


def test_a_step_that_starts_says_so(launch: Launch, queues: StepQueues, probe: Probe, tmp_path: Path) -> None:
    """The port is open before all else, and messages come after the hooks."""
    go_on = fifo(tmp_path, "go-on")
    file = tmp_path / "health"
    bare = {"TEST_NOTES": str(tmp_path / "notes"), "TEST_INIT_FIFO": go_on}
    container = launch("hooked", {**bare, **watched(probe, SHIPMATE_HEALTH_FILE=file)})
    container.wait_for("listening for probes")
    probe.says("/live", 200, "starting")
    probe.says("/ready", 503, "starting")
    probe.samples({"shipmate_ready": 0, "shipmate_live": 1})
    assert asked(file) == (0, "starting")
    assert asked(file, "--ready") == (1, "starting")
    Path(go_on).write_text("go on")
    container.ready()
    probe.says("/ready", 200, "consuming")


def test_the_counts_are_those_of_the_broker(launch: Launch, queues: StepQueues, probe: Probe) -> None:
    """Each outcome and each event: what the queues hold is what the metrics say."""
    launch(bare=watched(probe), RABBITMQ_PREFETCH_SAILOR=5).ready()
    for number in range(20):
        queues.publish({"body": {"do": [["emit", "data", {"body": number}]], "return": {"body": number}}})
    for _ in range(3):
        queues.publish({"body": {"do": [["raise", "failed"]]}})
    queues.publish_raw(b"undecodable", {"messageId": "m1"})
    queues.publish({"body": {"do": [["emit", "rebound", "later"]]}})
    queues.publish({"body": {"do": [["emit", "snapshot", {"a": 1}], ["emit", "end"]]}})
    queues.take("data", 40)
    queues.take("error", 4)
    queues.take("rebound")
    queues.take("snapshot")
    eventually(lambda: queues.depth("dead") == 4, queues)
    probe.counts(success=21, error=4, rebound=1, left=0)
    samples = {f'shipmate_emitted_total{{event="{name}"}}': 0.0 for name in ("httpReply", "updateKeys")}
    sent = {"data": 40.0, "error": 4.0, "rebound": 1.0, "snapshot": 1.0}
    samples |= {f'shipmate_emitted_total{{event="{name}"}}': count for name, count in sent.items()}
    probe.samples(
        {
            **samples,
            "shipmate_publish_seconds_count": 46,
            "shipmate_function_seconds_count": 25,
            "shipmate_rebounds_total": 1,
            "shipmate_messages_in_work": 0,
            'shipmate_errors_total{code="other"}': 3,
            'shipmate_errors_total{code="undecodable"}': 1,
        }
    )


def test_metrics_name_the_step_and_nothing_of_its_messages(launch: Launch, queues: StepQueues, probe: Probe) -> None:
    """Ids, texts and bodies of messages are no labels."""
    launch(bare=watched(probe)).ready()
    queues.publish(
        {"body": {"do": [["raise", "text-of-the-error"]]}, "id": "id-of-it"}, headers={"threadId": "thread-7"}
    )
    queues.take("error")
    probe.counts(error=1)
    _, text = probe.ask("/metrics")
    labels = {**LABELS, "function": "commands"}
    common = ",".join(f'{name}="{labels[name]}"' for name in sorted(labels))
    assert f"shipmate_live{{{common}}} 1.0" in text
    assert 'transport="amqp",version="' in text
    assert "process_cpu_seconds_total" in text
    assert not any(word in text for word in ("text-of-the-error", "id-of-it", "thread-7", "127.0.0.1"))


def test_repeated_publications_are_counted(launch: Launch, queues: StepQueues, probe: Probe) -> None:
    """And their message stays in work; who stops leaves it to the next container."""
    container = launch(bare=watched(probe, SHIPMATE_STOP_SECONDS=0)).ready()
    queues.publish({"body": {"return": {"body": 1, "headers": {"x-eio-routing-key": "nowhere"}}}})
    container.wait_for("could not be routed", count=2)
    assert probe.metrics()["shipmate_publication_retries_total"] >= 2
    probe.samples({"shipmate_messages_in_work": 1, "shipmate_publish_seconds_count": 0})
    assert container.stop() == 0


def test_a_killed_step_is_dead_at_once(launch: Launch, queues: StepQueues, probe: Probe, tmp_path: Path) -> None:
    """For the port, and for the file, which nobody has removed."""
    file = tmp_path / "health"
    container = launch(bare=watched(probe, SHIPMATE_HEALTH_FILE=file)).ready()
    eventually(lambda: read_health(str(file), "ready").is_well, queues)
    assert asked(file, "--ready") == (0, "consuming")
    container.send(signal.SIGKILL)
    container.wait()
    assert asked(file) == (1, f"process {container.process.pid} has ended")
    assert probe.ask("/live")[0] == 0


def test_a_stopped_process_does_not_answer_and_its_file_becomes_old(
    launch: Launch, queues: StepQueues, probe: Probe, tmp_path: Path
) -> None:
    """As one that hangs in code which lets no other thread run."""
    file = tmp_path / "health"
    container = launch(bare=watched(probe, SHIPMATE_HEALTH_FILE=file)).ready()
    container.send(signal.SIGSTOP)
    eventually(lambda: container.is_paused, queues)
    with pytest.raises(TimeoutError):
        probe.ask("/live", seconds=0.5)
    eventually(lambda: not read_health(str(file), "live").is_well, queues)
    assert asked(file)[0] == 1
    assert "was last written" in asked(file)[1]
    container.send(signal.SIGCONT)
    probe.says("/live", 200)


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"SHIPMATE_HTTP_PORT": "http"}, "SHIPMATE_HTTP_PORT: expected a port from 1 to 65535, found 'http'"),
        ({"SHIPMATE_HTTP_PORT": "70000"}, "SHIPMATE_HTTP_PORT: expected a port from 1 to 65535, found '70000'"),
        ({"SHIPMATE_STUCK_SECONDS": "0"}, "SHIPMATE_STUCK_SECONDS: expected whole seconds from 1 to 604800, found '0'"),
        ({"SHIPMATE_METRICS": "yes"}, "SHIPMATE_METRICS: expected true or false, found 'yes'"),
        (
            {"SHIPMATE_METRICS": "true"},
            "SHIPMATE_METRICS is true without a port for /metrics: set SHIPMATE_HTTP_PORT as well",
        ),
        (
            {"SHIPMATE_HTTP_PORT": "{port}", "SHIPMATE_HTTP_HOST": "nowhere.invalid"},
            "SHIPMATE_HTTP_HOST: expected an address of this machine, found 'nowhere.invalid'",
        ),
        (
            {"SHIPMATE_HTTP_PORT": "{port}", "SHIPMATE_HTTP_HOST": "192.0.2.7"},
            "SHIPMATE_HTTP_HOST: expected an address of this machine, found '192.0.2.7'",
        ),
        (
            {"SHIPMATE_HEALTH_FILE": "/nowhere/health"},
            "SHIPMATE_HEALTH_FILE: cannot write '/nowhere/health': no such file or directory",
        ),
    ],
)
def test_a_wrong_variable_ends_the_start_with_one_line(
    launch: Launch, probe: Probe, variables: dict[str, str], text: str
) -> None:
    """Before anything else happens; unlike the platform's variables, a bad value is no default."""
    container = launch(bare={name: value.format(port=probe.port) for name, value in variables.items()})
    assert container.wait() == 1
    (record,) = (each for each in container.records if each["level"] == 60)
    assert (record["msg"], record["err"]["code"]) == (text, "bad_setting")


def test_a_port_in_use_ends_the_start_with_one_line(launch: Launch, probe: Probe) -> None:
    """The second container on one machine."""
    launch(bare=watched(probe)).ready()
    second = launch(bare=watched(probe))
    assert second.wait() == 1
    (record,) = (each for each in second.records if each["level"] == 60)
    text = f"SHIPMATE_HTTP_PORT: port {probe.port} of 127.0.0.1 is in use by another process: set another port"
    assert record["msg"] == text


class TestProxy:
    """A step at a sailor proxy."""

    @pytest.fixture
    def proxy(self) -> Iterator[SailorProxy]:
        """A proxy; the test fails if a client breaks the contract."""
        with SailorProxy() as started:
            yield started
            assert started.problems == []

    @pytest.fixture
    def launch(self, proxy: SailorProxy, platform: Platform) -> Iterator[Launch]:
        """Starts containers at the proxy; they are killed at the end."""
        with closing(Launch(proxy, platform)) as launch:
            yield launch

    def test_it_says_the_truth_within_a_second(
        self, launch: Launch, proxy: SailorProxy, probe: Probe, tmp_path: Path
    ) -> None:
        """Consuming, proxy lost and back, drain, death; and the counts are those of the proxy."""
        here, drain = fifo(tmp_path, "here"), fifo(tmp_path, "drain")
        container = launch(bare=watched(probe), **QUICK).ready()
        probe.says("/ready", 200, "consuming")
        proxy.publish({"body": {"return": {"body": 1}}})
        proxy.publish({"body": {"do": [["raise", "failed"]]}})
        proxy.wait_until(lambda: len(proxy.finished) == 2)
        probe.counts(success=1, error=1)
        probe.samples({"shipmate_publish_seconds_count": 2, 'shipmate_emitted_total{event="data"}': 1})
        proxy.stop()
        probe.says("/ready", 503, "no connection to the sailor proxy")
        probe.says("/live", 200)
        proxy.start()
        container.wait_for("is back")
        probe.says("/ready", 200)
        probe.samples({'shipmate_reconnects_total{connection="proxy"}': 1})
        proxy.publish({"body": {"do": [["tell", here], ["open", drain]], "return": {"body": 2}}})
        Path(here).read_text()
        container.send(signal.SIGTERM)
        probe.says("/ready", 503, "stopping")
        probe.says("/live", 200, "stopping")
        Path(drain).write_text("go on")
        assert container.wait() == 0
        assert probe.ask("/live")[0] == 0


def test_an_unwatched_step_opens_no_port_and_imports_nothing_for_it(
    launch: Launch, queues: StepQueues, tmp_path: Path
) -> None:
    """Neither prometheus-client nor the runtime's own modules."""
    environ = launch.environ()
    script = (
        "import sys, threading\n"
        "from shipmate.container import step\n"
        "from shipmate.signals import SignalQueue\n"
        "step.end_process = lambda status: print('LOADED', *sys.modules, 'THREADS', *threading.enumerate())\n"
        "step.main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, **environ},
        cwd=Path(__file__).parents[1] / "components" / "container",
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"consuming"' in line:
            process.send_signal(signal.SIGTERM)
        if line.startswith("LOADED"):
            break
    process.kill()
    process.wait()
    process.stdout.close()
    assert line.startswith("LOADED")
    loaded = line.partition("THREADS")[0].split()
    assert not [name for name in loaded if name.startswith(("prometheus", "shipmate.container.operations"))]
    assert "shipmate-http" not in line


def test_hostile_clients_do_not_disturb_the_messages(launch: Launch, queues: StepQueues, probe: Probe) -> None:
    """Slow ones, garbage and a flood at the same time: every message is processed, and a probe is answered."""
    launch(bare=watched(probe), RABBITMQ_PREFETCH_SAILOR=20, DATA_RATE_LIMIT=100_000).ready()
    is_over = threading.Event()

    def attack(request: bytes) -> None:
        held = []
        while not is_over.is_set():
            with suppress(OSError):
                client = socket.create_connection(("127.0.0.1", probe.port), 5)
                held.append(client)
                client.sendall(request)
            if len(held) > 100:
                held.pop(0).close()
        for client in held:
            client.close()

    requests = (b"GET /live HTTP/1.1\r\nX-Slow: ", b"\0" * 50_000, b"GET /metrics HTTP/1.1\r\n\r\n", b"")
    attackers = [threading.Thread(target=attack, args=(request,)) for request in requests]
    for each in attackers:
        each.start()
    try:
        queues.fill({"body": {"return": {"body": number}}} for number in range(500))
        bodies = {each.message["body"] for each in queues.take("data", 500)}
        probe.says("/live", 200)
    finally:
        is_over.set()
        for each in attackers:
            each.join()
    assert bodies == set(range(500))
    probe.counts(success=500)


def test_unacknowledged_messages_are_those_in_work(
    launch: Launch, queues: StepQueues, rabbitmq: RabbitMQNode, probe: Probe, tmp_path: Path
) -> None:
    """Three functions at work."""
    launch(bare=watched(probe), RABBITMQ_PREFETCH_SAILOR=3).ready()
    pipes = [(fifo(tmp_path, f"here-{number}"), fifo(tmp_path, f"go-{number}")) for number in range(3)]
    for here, go_on in pipes:
        queues.publish({"body": {"do": [["tell", here], ["open", go_on]]}})
    for here, _ in pipes:
        Path(here).read_text()
    assert unacknowledged(rabbitmq, queues) == 3
    probe.samples({"shipmate_messages_in_work": 3})
    for _, go_on in pipes:
        Path(go_on).write_text("go on")
    probe.samples({"shipmate_messages_in_work": 0, 'shipmate_messages_total{outcome="success"}': 3})
