"""The address of the broker."""

import pytest

from shipmate.container.amqp.link import parameters
from shipmate.errors import BadSetting


@pytest.mark.parametrize("uri", ["no address", "http://host/", "amqp://", "amqp://user:canary@host:port/"])
def test_an_address_that_is_none_is_refused(uri: str) -> None:
    """The text names the variable and what is expected, and has nothing of the value, which has a password in it."""
    with pytest.raises(BadSetting, match=r"^ELASTICIO_AMQP_URI: expected amqp://user:password@host:port/vhost$"):
        parameters(uri, "name")
