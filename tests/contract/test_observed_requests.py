"""What the observers of a process learn of requests and refreshes, from real sessions and real servers."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests

from shipmate import observation
from shipmate.container.operations.tally import Tally
from shipmate.emulator import Fault
from shipmate.errors import ClientMisconfigured, KeysNotSaved, ReauthorizationRequired, TokenEndpointUnavailable
from tests.contract.workbench import Workbench


@pytest.fixture
def tally() -> Iterator[Tally]:
    """Counts what happens in this process during the test."""
    tally = Tally()
    observation.use(tally)
    yield tally
    observation.use()


def refreshes(tally: Tally) -> dict[str, int]:
    """Return the outcomes that have occurred."""
    return {name: count for name, count in tally.refreshes.total.items() if count}


def test_a_refresh_is_counted_once_with_its_requests(bench: Workbench, tally: Tally) -> None:
    """The 401, the token request, and the request that is sent again."""
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert refreshes(tally) == {"granted": 1}
    assert tally.requests.total == {("api", "4xx"): 1, ("token_endpoint", "2xx"): 1, ("api", "2xx"): 1}
    assert tally.lock_wait_seconds.total[0][-1] == ("+Inf", 1)
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert tally.requests.total["api", "2xx"] == 2


def test_the_lean_path_and_that_of_requests_count_alike(bench: Workbench, tally: Tally) -> None:
    """A stream takes the second one."""
    session = bench.session({"oauth": bench.provider.issue()})
    session.get(bench.api.url + "/me")
    session.get(bench.api.url + "/me", stream=True).close()
    assert tally.requests.total == {("api", "2xx"): 2}
    assert tally.request_seconds["api"].total[0][-1] == ("+Inf", 2)


def test_a_request_without_an_answer_is_an_error(bench: Workbench, tally: Tally) -> None:
    session = bench.session({"oauth": bench.provider.issue()})
    with pytest.raises(requests.ConnectionError):
        session.get("http://127.0.0.1:1/", timeout=1)
    assert tally.requests.total == {("api", "error"): 1}


def test_adopted_keys_are_counted(bench: Workbench, tally: Tally) -> None:
    """Another container has refreshed: no token request."""
    bench.stored.fields = {"oauth": bench.provider.refresh(bench.keys["refresh_token"])}
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert refreshes(tally) == {"adopted": 1}
    assert tally.adopted_keys.total == {(): 1}


def test_keys_that_are_adopted_after_a_refusal_are_counted(bench: Workbench, tally: Tally) -> None:
    """A winner that saves late; and a new sign-in, which is no refresh."""
    newer = bench.provider.issue()
    bench.provider.script("/token", Fault(status=400, body={"error": "invalid_grant"}))
    bench.stored.fields = bench.cfg()

    def save_late(reads: int) -> None:
        if reads == 5:
            bench.stored.fields = {"oauth": newer}

    bench.stored.on_read = save_late
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert refreshes(tally) == {"adopted": 1}
    assert tally.adopted_keys.total == {(): 1}


def test_a_refused_account_is_one_refused_refresh_and_its_new_sign_in_an_adoption(
    bench: Workbench, tally: Tally
) -> None:
    """Messages that only meet the refusal refresh nothing."""
    bench.stored.fields = bench.cfg()
    bench.provider.revoke()
    for _ in range(3):
        with pytest.raises(ReauthorizationRequired):
            bench.session().get(bench.api.url + "/me")
    assert refreshes(tally) == {"refused": 1}
    bench.stored.fields = {"oauth": bench.provider.issue()}
    bench.time.now += 10
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert refreshes(tally) == {"refused": 1}
    assert tally.adopted_keys.total == {(): 1}


@pytest.mark.parametrize(
    ("fault", "error", "outcome"),
    [
        (Fault(status=503), TokenEndpointUnavailable, "busy"),
        (Fault(status=400, body={"error": "invalid_client"}), ClientMisconfigured, "misconfigured"),
        (Fault(status=200, body={"odd": 1}), TokenEndpointUnavailable, "failed"),
    ],
)
def test_a_refresh_without_a_token_says_why(
    bench: Workbench, tally: Tally, fault: Fault, error: type[Exception], outcome: str
) -> None:
    bench.provider.script("/token", fault, times=3)
    with pytest.raises(error):
        bench.session().get(bench.api.url + "/me")
    assert refreshes(tally) == {outcome: 1}


def test_keys_that_cannot_be_saved_are_a_failed_refresh(bench: Workbench, tally: Tally) -> None:
    bench.call.failures = [OSError("away")] * 3
    with suppress(KeysNotSaved):
        bench.session().get(bench.api.url + "/me")
    assert refreshes(tally) == {"failed": 1}
