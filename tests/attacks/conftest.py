"""Fixtures of the attacks."""

from tests.contract.conftest import bench

__all__ = ["bench"]
