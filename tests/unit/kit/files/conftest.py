"""The desk of the sessions' tests, for transfers with a session of the runtime."""

from tests.unit.session.conftest import desk

__all__ = ["desk"]
