"""The control of an emulated sailor proxy, over HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from shipmate.emulator import SailorProxy
from shipmate.emulator.sailor_proxy.control import ProxyControl
from tests.unit.emulator.raw_client import SECONDS, RawClient


@pytest.fixture
def proxy() -> Iterator[SailorProxy]:
    """A proxy."""
    with SailorProxy() as started:
        yield started


@pytest.fixture
def control(proxy: SailorProxy) -> Iterator[ProxyControl]:
    """The control of the proxy."""
    with ProxyControl(proxy) as started:
        yield started


def post(control: ProxyControl, path: str, arguments: Any = None) -> requests.Response:
    """Send arguments."""
    return requests.post(control.url + path, json=arguments, timeout=SECONDS)


def test_messages_go_in_and_events_come_out(proxy: SailorProxy, control: ProxyControl) -> None:
    given = {"message": {"body": 1}, "headers": {"threadId": "t"}, "count": 2}
    sent = post(control, "/messages", given).json()
    with RawClient(proxy) as client:
        first = client.done(client.poll())
        assert (first.metadata["messageId"], first.metadata["threadId"]) == (sent[0], "t")
        body = proxy.cipher.encode(b'{"body":2}', 1)
        client.done(client.post("data", body, sent[0]))
        client.done(client.post("rebound", b"", sent[0], reboundReason="busy"))
        error = proxy.cipher.encode(b'{"message":"no"}', 1).decode()
        client.done(client.post("error", json.dumps({"error": error}).encode(), sent[0]))
        client.done(client.finish(sent[0], "error"))
    events = control.url + "/events"
    assert [each["message"] for each in requests.get(events + "/data", timeout=SECONDS).json()] == [{"body": 2}]
    (rebound,) = requests.get(events + "/rebound", timeout=SECONDS).json()
    assert (rebound["headers"]["reboundReason"], "message" in rebound) == ("busy", False)
    (failed,) = requests.get(events + "/error?count=1", timeout=SECONDS).json()
    assert failed["message"] == {"message": "no"}
    state = requests.get(control.url + "/state", timeout=SECONDS).json()
    assert (state["waiting"], state["error"], state["success"], state["problems"]) == (1, 1, 0, [])


def test_events_that_do_not_come_are_404(control: ProxyControl) -> None:
    assert requests.get(control.url + "/events/data?timeout_seconds=0.01", timeout=SECONDS).status_code == 404


def test_failures_can_be_asked_for(proxy: SailorProxy, control: ProxyControl) -> None:
    assert post(control, "/faults", {"kind": "poll", "fault": {"status": 503}, "times": 1}).status_code == 204
    with RawClient(proxy) as client:
        assert client.done(client.poll()).status == 503
        assert post(control, "/cut").status_code == 204
        client.closed()
    assert post(control, "/restart", {"forgets": True}).status_code == 204


@pytest.mark.parametrize(
    ("path", "arguments"), [("/faults", {"fault": {"color": 1}}), ("/restart", {"x": 1}), ("/messages", [])]
)
def test_wrong_arguments_are_400(control: ProxyControl, path: str, arguments: Any) -> None:
    assert post(control, path, arguments).status_code == 400
