"""The port between a step and its transports."""

import inspect
from typing import Any

import pytest

from shipmate.container.amqp import Broker
from shipmate.container.transport import Delivery, Transport
from tests.memory_transport import MemoryTransport

MEMBERS = sorted(name for name in vars(Transport) if not name.startswith("_"))


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("transport", [Broker, MemoryTransport])
def test_every_transport_has_the_whole_port(transport: type, name: str) -> None:
    """What the tests run on takes the same arguments as what the platform runs on."""
    declared, own = getattr(Transport, name), getattr(transport, name, None)
    if inspect.isfunction(declared):
        assert own is not None
        assert list(inspect.signature(own).parameters) == list(inspect.signature(declared).parameters)
    else:
        assert hasattr(transport, name) or name in vars(transport())


@pytest.mark.parametrize(("value", "message_id"), [("m", "m"), ("", None), (7, None), (None, None)])
def test_only_text_tells_messages_apart(value: Any, message_id: str | None) -> None:
    """Contract 3.7: other ids go on as they came, and no redelivery is recognised by them."""
    assert Delivery(b"", {"messageId": value}, False, None).message_id == message_id
    assert Delivery(b"", {}, False, None).message_id is None
