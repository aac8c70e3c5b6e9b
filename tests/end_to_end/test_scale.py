"""Many containers and steps in small numbers: what `python -m bench scale` measures is there at all."""

from pathlib import Path

import pytest

from bench import idle_steps, scale, shared_queue
from bench.shared_queue import Crowd
from shipmate.emulator import RabbitMQNode

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for logs, and for the byte code of all containers."""
    return tmp_path_factory.mktemp("scale")


def test_containers_of_one_account_share_a_queue_and_use_no_refresh_token_twice(
    rabbitmq: RabbitMQNode, folder: Path
) -> None:
    crowd = Crowd(2, wait_ms=100, token_life_seconds=1, seconds=2.5)
    outcome = shared_queue.run(crowd, rabbitmq.uri, folder, name="test-scale")

    assert outcome.reused == 0
    assert outcome.expired >= 1
    assert abs(outcome.refreshes - outcome.expired) <= 1  # one may be under way at the end
    assert outcome.messages_per_second > 0
    assert outcome.fairness > 0.8


def test_steps_that_do_nothing_have_two_connections_and_come_back_after_a_kill_of_the_broker(
    own_rabbitmq: RabbitMQNode, folder: Path
) -> None:
    outcome = idle_steps.run(2, own_rabbitmq, folder, idle_seconds=0.5, settle_seconds=0.5)

    assert outcome.start.platform_calls == 2
    assert outcome.idle.broker_sockets == 2
    assert (outcome.idle.platform_calls, outcome.restart.platform_calls) == (0, 0)


def test_light_steps_open_what_steps_open_and_refresh_once(own_rabbitmq: RabbitMQNode) -> None:
    outcome = scale.light(4, own_rabbitmq, is_killed=False)

    assert outcome.open.sockets - outcome.queues_declared.sockets == 8
    assert outcome.refresh["refreshes"] == 1
    assert len(outcome.refresh["waits_seconds"]) == 4
