"""Results as a campaign makes them."""

import pytest

from bench.plan import Case
from bench.results import Result, Results


@pytest.fixture
def measured() -> Results:
    """Two rounds of three runtimes; the fastest one is noisy, and Node failed once."""
    throughput = Result(
        Case("throughput", 20, 1_000, 5000),
        {
            "shipmate": [_speed(6000), _speed(6100)],
            "bare": [_speed(8000), _speed(10_400)],
            "node": [_speed(4000), None],
        },
    )
    latency = Result(
        Case("latency", 1, 1_000, 1000),
        {name: [{"p50_ms": value, "p99_ms": 2 * value}] * 2 for name, value in (("shipmate", 0.6), ("node", 1.8))},
    )
    waiting = Result(
        Case("throughput", 20, 1_000, 1200, "oauth2", wait_ms=50),
        {
            "shipmate": [_call(390), _call(386)],
            "bare": [_call(392), _call(394)],
            "node": [_call(320), _call(400)],
        },
    )
    return Results(
        {"Date": "2030-01-02 03:04 UTC", "Processor": "Fast <One> & Only, 2 cores"},
        {"shipmate": "shipmate run", "bare": "bare pika loop", "node": "Node runtime 2.7.8"},
        [waiting, throughput, latency],
        rounds=2,
        void=["throughput echo prefetch 20 1 kB, Node runtime 2.7.8, round 2: ended with status 1"],
    )


def _speed(messages_per_second: float) -> dict[str, float]:
    return {"messages_per_second": messages_per_second, "cpu_ms_per_message": 1000 / messages_per_second}


def _call(messages_per_second: float) -> dict[str, float]:
    return {**_speed(messages_per_second), "api_cpu_ms_per_message": 0.04 if messages_per_second > 350 else 0.05}
