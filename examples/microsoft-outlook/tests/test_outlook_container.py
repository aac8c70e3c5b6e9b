"""The component as the platform runs it: a process of its own, at a real RabbitMQ."""

from typing import Any

from shipmate.emulator import Fault

LONG_AGO = "2020-01-01T00:00:00Z"


def test_mail_is_polled_with_keys_that_rotate(desk: Any, container: Any) -> None:
    """What the container has published when its message is settled: each mail once, snapshots, and the latest keys."""
    cfg = {"oauth": desk.keys, "folder": "inbox", "start": LONG_AGO}
    desk.graph.deltas.page_size = 2
    for number in range(3):
        desk.mailbox.deliver(f"mail {number}")
    first = container.run("poll_mail", cfg=cfg)
    assert [message["body"]["subject"] for message in first.data] == ["mail 0", "mail 1", "mail 2"]
    assert len(first.snapshots) == 2
    desk.mailbox.deliver("later")
    second = container.run("poll_mail", cfg=cfg)
    assert [message["body"]["subject"] for message in second.data] == ["later"]
    assert desk.provider.refreshes == len(desk.graph.requests) == 3
    assert desk.provider.is_valid(container.stored_keys["oauth"]["access_token"])
    assert container.stop() == 0


def test_a_throttled_mail_comes_again(desk: Any, container: Any) -> None:
    """The broker gets the rebound with its reason, and no error."""
    desk.graph.script(None, Fault(status=429, headers={"Retry-After": "100"}))
    msg = {"body": {"to": "bob@example.com", "subject": "Hello"}}
    emissions = container.run("send_mail", msg, {"oauth": desk.keys})
    assert (len(emissions.rebounds), emissions.errors, desk.mailbox.sent) == (1, [], [])
    assert container.run("send_mail", msg, {"oauth": desk.keys}).data
    assert len(desk.mailbox.sent) == 1
