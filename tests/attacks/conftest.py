"""A step on each transport, as in the tests of behaviour."""

from tests.behaviour.conftest import start, start_amqp, start_in_memory

__all__ = ["start", "start_amqp", "start_in_memory"]
