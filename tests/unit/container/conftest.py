"""A step on a transport in memory."""

from tests.station import start_in_memory

__all__ = ["start_in_memory"]
