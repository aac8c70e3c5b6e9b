"""One account in several containers: who refreshes, who adopts, and that no refresh token is used twice."""

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from shipmate.emulator import DemoApi, Fault, OAuth2Provider, Platform, SailorProxy, StepQueues
from tests.container import Container, Launch, closing, eventually


@dataclass
class World:
    """A provider with rotation and reuse detection, an API, and what names them."""

    provider: OAuth2Provider
    api: DemoApi
    platform: Platform
    variables: dict[str, str]

    def refreshes(self) -> list[str]:
        """Return the refresh tokens that the provider was given."""
        requests = [each for each in self.provider.journal.requests if each.path == "/token"]
        return [each.form["refresh_token"] for each in requests]


@pytest.fixture
def world() -> Iterator[World]:
    """A step whose account has an expired token."""
    with OAuth2Provider() as provider, DemoApi(provider) as api:
        steps = {"flow": {"step": {"config": {"_account": "account"}}}}
        accounts = {"account": {"oauth": provider.issue(expired=True)}}
        with Platform(steps=steps, accounts=accounts) as platform:
            variables = {
                "TEST_API": api.url,
                "TEST_PROVIDER": provider.url,
                "TEST_CLIENT_ID": "demo-client",
                "TEST_CLIENT_SECRET": "demo-secret-of-nobody",
            }
            provider.clients.known["demo-client"] = "demo-secret-of-nobody"
            yield World(provider, api, platform, variables)


@pytest.fixture
def start(world: World, queues: StepQueues) -> Iterator[Launch]:
    """Starts containers of that step."""
    with closing(Launch(queues, world.platform)) as launch:
        yield launch


def launched(start: Launch, world: World, count: int) -> list[Container]:
    """Start so many containers, with 16 messages at once each."""
    settings = {"RABBITMQ_PREFETCH_SAILOR": 16, "PROXY_PREFETCH_SAILOR": 16, "DATA_RATE_LIMIT": 1000}
    made = [start("calls", world.variables, **settings) for _ in range(count)]
    return [container.ready() for container in made]


def test_sixteen_messages_at_once_are_one_refresh(start: Launch, world: World, queues: StepQueues) -> None:
    """One refresh in flight, one updateKeys; later messages use the new keys."""
    queues.fill({"body": {"number": number}} for number in range(40))
    (container,) = launched(start, world, 1)
    numbers = Counter(each.message["body"]["number"] for each in queues.take("data", 40))
    assert numbers == Counter(range(40))
    assert len(world.refreshes()) == 1
    saved = [each for each in world.platform.journal.requests if each.method == "PUT"]
    assert len(saved) == 1
    assert queues.depth("error") == 0
    assert container.stop() == 0
    assert "demo-secret-of-nobody" not in container.output


def test_three_containers_share_one_account(start: Launch, world: World, queues: StepQueues) -> None:
    """After each expiry one of them refreshes, the others adopt, and no message fails."""
    containers = launched(start, world, 3)
    expected: Counter[int] = Counter()
    for round_number in range(5):
        numbers = range(round_number * 60, round_number * 60 + 60)
        queues.fill({"body": {"number": number}} for number in numbers)
        expected.update(numbers)
        eventually(lambda: queues.depth("data") + queues.depth("error") >= 60, queues)
        assert [error.error["message"] for error in queues.drain("error")] == []
        received = Counter(each.message["body"]["number"] for each in queues.drain("data"))
        assert received == Counter(numbers)
        world.provider.expire_access_tokens()
    refreshes = world.refreshes()
    assert len(refreshes) == len(set(refreshes)) == 5
    assert [container.stop() for container in containers] == [0, 0, 0]


def test_a_container_that_was_idle_through_several_refreshes_fails_no_message(
    start: Launch, world: World, queues: StepQueues
) -> None:
    """What it adopts may have expired as well: then it refreshes itself."""
    first, second = launched(start, world, 2)
    second.send(signal.SIGSTOP)  # it sleeps, and its messages with it
    eventually(lambda: second.is_paused, queues)
    queues.publish({"body": {"number": 1}})
    queues.publish({"body": {"number": 2}})
    queues.take("data", 1)
    world.provider.expire_access_tokens()
    second.send(signal.SIGCONT)
    queues.take("data", 1)
    assert queues.depth("error") == 0
    refreshes = world.refreshes()
    assert len(refreshes) == len(set(refreshes)) == 2
    assert [first.stop(), second.stop()] == [0, 0]


def test_a_refused_refresh_token_is_an_error_per_message_and_no_more_calls(
    start: Launch, world: World, queues: StepQueues
) -> None:
    """One clear error for each message, and no more calls to the provider."""
    world.provider.revoke()
    (container,) = launched(start, world, 1)
    queues.fill({"body": {"number": number}} for number in range(20))
    errors = queues.take("error", 20, timeout_seconds=20)
    assert {error.error["name"] for error in errors} == {"ReauthorizationRequired"}
    assert len(world.refreshes()) == 1
    assert container.stop() == 0


def test_a_signal_waits_for_the_refresh_to_be_saved(start: Launch, world: World, queues: StepQueues) -> None:
    """What was rotated reaches the platform."""
    (container,) = launched(start, world, 1)
    before = world.platform.accounts["account"]["oauth"]["access_token"]
    queues.publish({"body": {"number": 1}})
    world.provider.journal.wait_for(1, server=world.provider.name)
    assert container.stop() == 0
    assert world.platform.accounts["account"]["oauth"]["access_token"] != before
    assert queues.depth("data") == 1


def test_keys_that_could_not_be_saved_are_saved_before_the_end(start: Launch, world: World, queues: StepQueues) -> None:
    """The provider has rotated them, and with the process they would be lost: nobody else has them."""
    before = world.platform.accounts["account"]["oauth"]["refresh_token"]
    world.platform.script("/v1/accounts/account", Fault(status=500), times=9)
    container = start("calls", world.variables, API_REQUEST_RETRY_DELAY=1).ready()
    queues.publish({"body": {"number": 1}})
    assert queues.take("error")[0].error["name"] == "KeysNotSaved"
    assert world.platform.accounts["account"]["oauth"]["refresh_token"] == before
    assert container.stop() == 0
    assert world.platform.accounts["account"]["oauth"]["refresh_token"] != before
    assert len(world.refreshes()) == 1


@dataclass
class Waiting:
    """Two containers with one message each: the first one refreshes, and the second one waits for the lock."""

    first: Container
    second: Container
    answer: threading.Event
    """Lets the provider answer the first token request."""


@pytest.fixture
def wait_behind(start: Launch, world: World, queues: StepQueues) -> Iterator[Callable[..., Waiting]]:
    """Makes one container wait for another one, whose token request the provider answers as a fault says."""
    answer = threading.Event()
    settings = {"RABBITMQ_PREFETCH_SAILOR": 1, "PROXY_PREFETCH_SAILOR": 1}

    def reads() -> int:
        return sum(each.method == "GET" and "/steps/" in each.path for each in world.platform.journal.requests)

    def begin(fault: Fault, **variables: str) -> Waiting:
        world.provider.script("/token", replace(fault, hold=answer))
        first = start("calls", world.variables, **settings).ready()
        queues.publish({"body": {"number": 1}})
        world.provider.journal.wait_for(1, server=world.provider.name)
        second = start("calls", {**world.variables, **variables}, **settings).ready()
        before = reads()
        queues.publish({"body": {"number": 2}})
        eventually(lambda: reads() > before, queues)  # it looks for newer keys after a pause
        return Waiting(first, second, answer)

    yield begin
    answer.set()


def numbers_of(queues: StepQueues, count: int) -> Counter[int]:
    """Return the numbers of the messages that were processed."""
    return Counter(each.message["body"]["number"] for each in queues.take("data", count))


def test_a_container_that_is_killed_during_its_refresh_leaves_no_lock_behind(
    wait_behind: Callable[..., Waiting], world: World, queues: StepQueues
) -> None:
    """The next one refreshes, and both messages are processed."""
    waiting = wait_behind(Fault(status=503))
    waiting.first.send(signal.SIGKILL)
    assert numbers_of(queues, 2) == Counter([1, 2])
    assert len(world.refreshes()) == 2
    assert "no refresh lock" not in waiting.second.output
    assert waiting.second.stop() == 0


def test_a_container_that_stops_while_it_waits_for_the_lock_finishes_its_message(
    wait_behind: Callable[..., Waiting], world: World, queues: StepQueues
) -> None:
    """With the keys of the other one, and without a token request of its own."""
    waiting = wait_behind(Fault())
    waiting.second.send(signal.SIGTERM)
    waiting.second.wait_for('"code": "stopping"')
    waiting.answer.set()
    assert waiting.second.wait() == 0
    assert numbers_of(queues, 2) == Counter([1, 2])
    assert len(world.refreshes()) == 1


def test_a_container_whose_time_to_stop_is_over_does_not_wait_for_the_refresh_of_another_one(
    wait_behind: Callable[..., Waiting], world: World, queues: StepQueues
) -> None:
    """It leaves its message unsettled, and uses no token: the other container may hang for a minute."""
    waiting = wait_behind(Fault(), SHIPMATE_STOP_SECONDS="0")
    waiting.second.send(signal.SIGTERM)
    assert waiting.second.wait() == 0
    eventually(lambda: queues.depth("input") == 1, queues)  # the broker requeues it when the connection has closed
    assert queues.depth("error") == 0
    waiting.answer.set()
    assert numbers_of(queues, 2) == Counter([1, 2])
    assert len(world.refreshes()) == 1


@pytest.fixture
def proxy() -> Iterator[SailorProxy]:
    """Return a sailor proxy, which has no lock for its containers."""
    with SailorProxy() as running:
        yield running


@pytest.fixture
def start_on_proxy(world: World, proxy: SailorProxy) -> Iterator[Launch]:
    """Starts containers of that step on the proxy."""
    with closing(Launch(proxy, world.platform)) as launch:
        yield launch


def answers_of_a_round(world: World, proxy: SailorProxy, numbers: range) -> tuple[int, list[str]]:
    """Let the token expire, send messages to all containers at once; return the number of outputs, and the errors."""
    world.provider.expire_access_tokens()
    proxy.fill({"body": {"number": number}} for number in numbers)
    proxy.wait_until(lambda: proxy.depth("data") + proxy.depth("error") >= len(numbers), 30)
    return len(proxy.drain("data")), [each.error["name"] for each in proxy.drain("error")]


def test_without_a_lock_and_with_a_grace_period_no_message_fails(
    start_on_proxy: Launch, world: World, proxy: SailorProxy
) -> None:
    """Decision 8: whoever refreshes at the same moment, all containers agree on the keys that were stored last."""
    world.provider.grants.rules = replace(world.provider.grants.rules, grace_uses=9)
    containers = launched(start_on_proxy, world, 3)
    for number in range(2):
        assert answers_of_a_round(world, proxy, range(number * 60, number * 60 + 60)) == (60, [])
    stored = world.platform.accounts["account"]["oauth"]["access_token"]
    assert world.provider.grants.state(stored) == "valid"
    assert [container.stop() for container in containers] == [0, 0, 0]


def test_without_a_lock_a_refresh_token_is_used_once_as_a_rule(
    start_on_proxy: Launch, world: World, proxy: SailorProxy
) -> None:
    """Decision 8: of the containers that met the 401 together one asks, and the others find its keys."""
    world.provider.grants.rules = replace(world.provider.grants.rules, grace_uses=9)
    containers = launched(start_on_proxy, world, 2)
    for number in range(5):
        answers_of_a_round(world, proxy, range(number * 60, number * 60 + 60))
    assert len(world.refreshes()) - len(set(world.refreshes())) <= 3
    assert [container.stop() for container in containers] == [0, 0]


def test_without_a_lock_an_operator_sees_that_reuse_detection_has_struck(
    start_on_proxy: Launch, world: World, proxy: SailorProxy
) -> None:
    """Decision 8: here a refresh takes longer than the longest pause, so that both containers use one token."""
    world.provider.script("/token", Fault(delay_seconds=2.5), times=9)
    containers = launched(start_on_proxy, world, 2)
    outputs, errors = answers_of_a_round(world, proxy, range(60))
    assert len(world.refreshes()) > len(set(world.refreshes()))
    assert outputs < 60
    assert set(errors) == {"ReauthorizationRequired"}
    assert any("at the same moment: its keys are used" in each.output for each in containers)
    assert any("Another container may have used it at the same moment" in each.output for each in containers)
    assert [container.stop() for container in containers] == [0, 0]
