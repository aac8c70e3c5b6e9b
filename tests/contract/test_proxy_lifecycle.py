"""A container at a sailor proxy as a process: how it starts, stops and ends, its log, and its cost when it is idle."""

import base64
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from shipmate.emulator import Platform, ProxyFault, SailorProxy
from shipmate.emulator.ports import free_port
from shipmate.emulator.sailor_proxy import MessageRules
from tests.container import Container, Launch, closing, fifo

pytestmark = pytest.mark.usefixtures("measured")

QUICK = {"PROXY_RECONNECT_INITIAL_DELAY": 20, "PROXY_RECONNECT_MAX_DELAY": 100, "PROXY_RECONNECT_JITTER_FACTOR": 0}
WORK = {"body": {"return": {"body": 1}}}


@pytest.fixture
def proxy() -> Iterator[SailorProxy]:
    """A proxy; the test fails if a client breaks the contract."""
    with SailorProxy() as started:
        yield started
        assert started.problems == []


@pytest.fixture
def launch(proxy: SailorProxy, platform: Platform) -> Iterator[Launch]:
    """Starts containers at the proxy; they are killed at the end."""
    with closing(Launch(proxy, platform)) as launch:
        yield launch


def waiting(path: Path, name: str = "go") -> tuple[dict[str, object], str]:
    """Return a message whose function waits, and the name of the pipe that lets it go on."""
    here, go = fifo(path, f"{name}-here"), fifo(path, name)
    return {"body": {"do": [["tell", here], ["open", go]], "return": {"body": "done"}}, "here": here}, go


def last_record(container: Container) -> dict[str, object]:
    return container.records[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_container_with_a_goodbye(
    launch: Launch, proxy: SailorProxy, number: signal.Signals
) -> None:
    """Proxy 12: polls are closed first; the proxy is left without a connection, and without a message in work."""
    container = launch(PROXY_PREFETCH_SAILOR=3).ready()
    proxy.wait_for("poll", 3)
    begun = time.monotonic()
    assert container.stop(number) == 0
    assert time.monotonic() - begun < 5
    proxy.wait_until(lambda: proxy.connections == 0)


def test_a_stop_waits_for_the_messages_in_work_and_takes_no_others(
    launch: Launch, proxy: SailorProxy, tmp_path: Path
) -> None:
    """A second signal changes nothing."""
    container = launch().ready()
    message, go = waiting(tmp_path)
    proxy.publish(message)
    Path(str(message["here"])).read_text()
    container.send(signal.SIGTERM)
    container.wait_for("SIGTERM: stopping")
    container.send(signal.SIGINT)
    (waiting_id,) = proxy.fill([WORK])
    Path(go).write_text("")
    assert container.wait() == 0
    assert [each.message["body"] for each in proxy.take("data")] == ["done"]
    assert [is_success for _, is_success in proxy.finished] == [True]
    assert proxy.depth("input") == 1
    assert waiting_id not in proxy.in_work


def test_a_stop_while_the_proxy_is_away_ends_the_work_when_it_comes_back(
    launch: Launch, proxy: SailorProxy, tmp_path: Path
) -> None:
    """Proxy 12: the message is claimed, its event sent, and its finish accepted before the end."""
    container = launch(**QUICK).ready()
    message, go = waiting(tmp_path)
    proxy.publish(message)
    Path(str(message["here"])).read_text()
    proxy.stop()
    container.wait_for("the connection to the sailor proxy was lost")
    container.send(signal.SIGTERM)
    container.wait_for("SIGTERM: stopping")
    Path(go).write_text("")
    proxy.start()
    assert container.wait() == 0
    assert [is_success for _, is_success in proxy.finished] == [True]


def test_a_stop_while_the_proxy_is_away_ends_without_work(launch: Launch, proxy: SailorProxy) -> None:
    container = launch().ready()
    proxy.stop()
    container.wait_for("the connection to the sailor proxy was lost")
    assert container.stop() == 0


def test_messages_that_cannot_be_finished_in_time_are_left(launch: Launch, proxy: SailorProxy) -> None:
    """SHIPMATE_STOP_SECONDS is over while the proxy refuses: the message comes again, elsewhere."""
    container = launch(bare={"SHIPMATE_STOP_SECONDS": "0"}, PROXY_OBJECT_REQUEST_RETRY_DELAY=50).ready()
    proxy.script("data", *[ProxyFault(status=503)] * 1000)
    (message_id,) = proxy.fill([WORK])
    proxy.wait_for("data", 3)
    assert container.stop() == 0
    assert proxy.finished == []
    proxy.clear_script()
    launch().ready()
    proxy.wait_until(lambda: proxy.finished == [(message_id, True)])


@pytest.mark.parametrize("status", [400, 404, 409])
def test_a_refused_claim_ends_the_process(launch: Launch, proxy: SailorProxy, tmp_path: Path, status: int) -> None:
    """Proxy 10.3: to run on would do the work twice; nothing is published any more."""
    container = launch(**QUICK).ready()
    message, _ = waiting(tmp_path)
    proxy.publish(message)
    Path(str(message["here"])).read_text()
    proxy.script("claim", ProxyFault(status=status))
    proxy.cut()
    assert container.wait() == 1
    assert last_record(container)["err"]["code"] == "claim_refused"  # type: ignore[index]
    assert [each.kind for each in proxy.requests].count("finish") == 0


def test_a_claim_that_is_refused_during_a_stop_ends_it_with_status_1(
    launch: Launch, proxy: SailorProxy, tmp_path: Path
) -> None:
    container = launch(**QUICK).ready()
    message, _ = waiting(tmp_path)
    proxy.publish(message)
    Path(str(message["here"])).read_text()
    container.send(signal.SIGTERM)
    container.wait_for("SIGTERM: stopping")
    proxy.script("claim", ProxyFault(status=409))
    proxy.cut()
    assert container.wait() == 1


def test_a_proxy_that_stays_away_ends_the_process(launch: Launch, proxy: SailorProxy) -> None:
    """PDEF-20: after the last attempt, with status 1."""
    container = launch(**QUICK, PROXY_RECONNECT_MAX_RETRIES=3).ready()
    proxy.stop()
    assert container.wait() == 1
    record = last_record(container)
    assert record["err"]["code"] == "proxy_lost"  # type: ignore[index]
    assert "(3 attempts)" in str(record["msg"])


def test_a_proxy_that_is_not_there_is_one_line_and_status_1(launch: Launch) -> None:
    """Proxy 4.2: nothing is reported, as there is nobody to report to."""
    port = free_port()
    container = launch(SAILOR_PROXY_URI=f"http://127.0.0.1:{port}")
    assert container.wait() == 1
    (record,) = container.records
    assert f"cannot reach the sailor proxy: 127.0.0.1:{port}, ELASTICIO_SAILOR_PROXY_URI" in record["msg"]
    assert record["err"]["code"] == "proxy_lost"


def test_a_start_that_fails_is_reported_to_the_proxy(launch: Launch, proxy: SailorProxy) -> None:
    """Proxy 7.4: the ids of the step and nothing else; no message is named, and no poll sent."""
    container = launch(
        "hooked", {"TEST_FAIL": "init"}, FIRST_ONE="1", ADDITIONAL_VARS_FOR_HEADERS="ELASTICIO_FIRST_ONE"
    )
    assert container.wait() == 1
    (error,) = proxy.take("error")
    assert error.error["message"] == "init was told to fail"
    assert "errorInput" not in json.loads(error.body)
    assert set(error.headers) == {
        "execId", "taskId", "workspaceId", "containerId", "userId", "stepId", "compId", "function", "messageId",
        "first_one",
    }  # fmt: skip
    assert [each.target for each in proxy.requests] == ["/message?type=error"]


def test_each_transport_loads_its_own_libraries_only(launch: Launch, proxy: SailorProxy) -> None:
    """Start-up time and memory."""
    container = launch(bare={"PYTHONPROFILEIMPORTTIME": "1"}).ready()
    assert container.stop() == 0
    modules = {line.rpartition("|")[2].strip() for line in container.lines if line.startswith("import time:")}
    assert "shipmate.container.proxy.transport" in modules
    assert not {"pika", "h2", "hyperframe"} & modules


def test_no_log_has_the_token_or_what_it_is_made_of(launch: Launch, proxy: SailorProxy) -> None:
    """Proxy 13: at the lowest level, with failures of every kind, nor the body of a message."""
    container = launch(bare={"LOG_LEVEL": "trace"}, **QUICK).ready()
    proxy.script("poll", ProxyFault(status=401), ProxyFault(status=500), ProxyFault(reset=11))
    proxy.script("data", ProxyFault(status=503, body=b"body-of-answer"), ProxyFault(at="done", cut=True))
    proxy.publish({"body": {"return": {"body": "body-of-message"}}})
    proxy.wait_until(lambda: len(proxy.finished) == 1)
    environ = launch.environ()
    (claims,) = proxy.clients.values()
    payload = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode().rstrip("=")
    assert container.stop() == 0
    for secret in (payload, environ["ELASTICIO_SAILOR_PROXY_JWT_SECRET"], environ["ELASTICIO_API_KEY"], "eyJhbGci"):
        assert secret not in container.output
    assert "body-of-message" not in container.output


def test_trouble_with_polls_is_one_line_for_each_change(launch: Launch, proxy: SailorProxy) -> None:
    """Proxy 5.2: a wrong secret is an error, however often it is refused."""
    proxy.script("poll", *[ProxyFault(status=401)] * 4)
    container = launch(**QUICK)
    proxy.wait_for("poll", 5)
    proxy.publish(WORK)
    proxy.take("data")
    assert container.stop() == 0
    about_polls = [(each["level"], each["msg"][:36]) for each in container.records if "polls" in each["msg"]]
    assert about_polls == [(50, "the sailor proxy refuses polls (stat"), (30, "the sailor proxy answers polls again")]


def test_an_idle_container_uses_no_processor(launch: Launch, proxy: SailorProxy) -> None:
    """It waits in one system call: for messages, for the next PING, for signals."""
    container = launch(PROXY_PREFETCH_SAILOR=20).ready()
    proxy.publish(WORK)
    proxy.take("data")
    process = psutil.Process(container.process.pid)
    proxy.wait_until(lambda: len(proxy.finished) == 1)
    time.sleep(0.5)  # until its threads have noticed that there is nothing to do
    before = process.cpu_times()
    time.sleep(1.0)
    after = process.cpu_times()
    assert after.user + after.system - before.user - before.system <= 0.02


def test_a_message_whose_metadata_cannot_be_read_goes_back_with_its_connection(platform: Platform) -> None:
    """Proxy 5.5: after the other work is claimed; no more often than once a minute."""
    with SailorProxy(messages=MessageRules(keep_seconds=0.2)) as proxy, closing(Launch(proxy, platform)) as launch:
        container = launch(PROXY_PREFETCH_SAILOR=2, **QUICK).ready()
        proxy.publish_raw(b"?", b"no JSON")
        container.wait_for("cannot be read, and goes back with its connection")
        proxy.wait_until(lambda: proxy.accepted == 2)
        proxy.publish(WORK)
        proxy.take("data")
        assert container.stop() == 0
        assert proxy.accepted == 2
