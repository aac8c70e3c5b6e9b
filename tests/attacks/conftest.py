"""Fixtures of the attacks: a provider and an API, and a step on each transport."""

from tests.behaviour.conftest import start, start_amqp, start_in_memory
from tests.contract.conftest import bench

__all__ = ["bench", "start", "start_amqp", "start_in_memory"]
