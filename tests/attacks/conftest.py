"""Fixtures of the attacks: a provider and an API on each path of requests, and a step on each transport."""

import pytest

from shipmate.http.client import LeanClient
from tests.behaviour.conftest import declared_queues, queues, start, start_amqp, start_in_memory
from tests.contract.conftest import bench as bench_of_contract
from tests.contract.conftest import servers
from tests.contract.workbench import Workbench

__all__ = ["bench_of_contract", "declared_queues", "queues", "servers", "start", "start_amqp", "start_in_memory"]


@pytest.fixture(params=["lean", "full"])
def bench(bench_of_contract: Workbench, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """Return a bench whose sessions take the lean path, or the full one of requests."""
    if request.param == "full":
        monkeypatch.setattr(LeanClient, "prepare", lambda *args: None)
    return bench_of_contract
