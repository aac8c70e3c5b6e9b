"""Sessions against a real provider and a real API."""

import hashlib
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pytest
import requests

from shipmate.emulator import DemoApi, Fault, Journal, OAuth2Provider, Reply, Request, Server
from shipmate.errors import (
    BrokerLost,
    ClientMisconfigured,
    CredentialsInvalid,
    InvalidOption,
    KeysNotSaved,
    PlatformRefused,
    PlatformUnavailable,
    ReauthorizationRequired,
    ShipmateError,
    TokenEndpointUnavailable,
    UnknownPlaceholder,
)
from shipmate.http.proof import Proof
from shipmate.http.token_auth import TokenAuth, origin
from shipmate.oauth2.accounts import Account, CredentialStore
from shipmate.oauth2.api import OAuth2, open_session
from shipmate.oauth2.storage.token_store import RefreshAbandoned
from tests.contract.workbench import Workbench


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run ``work`` in that many threads at once and return the results."""
    barrier = threading.Barrier(count)

    def start(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(start, range(count)))


# --- the three policies ------------------------------------------------------------------------------------


def test_a_valid_token_is_used_as_it_is(bench: Workbench) -> None:
    """Nothing is asked of the provider."""
    bench.keys = bench.provider.issue()
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert bench.calls() == ["api 200"]


def test_an_expired_token_is_refreshed_once_and_saved_before_the_request_is_sent_again(bench: Workbench) -> None:
    """401, refresh, updateKeys, 200; the whole answer is saved and handed to the caller's cfg."""
    cfg = bench.cfg()
    response = bench.session(cfg).post(bench.api.url + "/contacts", json={"name": "Ada"})
    assert response.status_code == 201
    assert bench.calls() == ["api 401", "provider 200", "api 201"]
    assert bench.call.seen == [2]
    assert bench.provider.token_requests[0].form == {
        "grant_type": "refresh_token",
        "refresh_token": bench.keys["refresh_token"],
        "client_id": "demo-client",
        "client_secret": "demo-secret",
    }
    [update] = bench.call.updates
    assert update["oauth"]["refresh_token"] != bench.keys["refresh_token"]
    assert cfg["oauth"] == update["oauth"]
    assert bench.provider.is_valid(cfg["oauth"]["access_token"])


def test_two_refreshes_in_a_row_use_each_refresh_token_once(bench: Workbench) -> None:
    """The second one must start from the first one's tokens, whatever the stale cfg says."""
    for _ in range(3):
        assert bench.session().get(bench.api.url + "/me").status_code == 200
        bench.provider.expire_access_tokens()
    tokens = [request.form["refresh_token"] for request in bench.provider.token_requests]
    assert len(tokens) == len(set(tokens)) == 3
    assert len(bench.call.updates) == 3


def test_a_second_401_is_returned_as_it_is(bench: Workbench) -> None:
    """A fresh token that is refused is not helped by another."""
    bench.api.script("/me", Fault(status=401, body={"n": 1}), Fault(status=401, body={"n": 2}))
    bench.keys = bench.provider.issue()
    response = bench.session().get(bench.api.url + "/me")
    assert (response.status_code, response.json()) == (401, {"n": 2})
    assert bench.calls() == ["api 401", "provider 200", "api 401"]


@pytest.mark.parametrize("policy", ["on_401", "every_access"])
def test_a_401_to_a_token_that_another_thread_has_replaced_is_not_final(bench: Workbench, policy: str) -> None:
    """The request goes out again with the live token, and causes no refresh of its own."""
    hold = threading.Event()
    first = [Fault(status=401)] if policy == "on_401" else []
    bench.api.script("/me", *first, Fault(status=401, hold=hold))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(lambda: bench.session(refresh=policy).get(bench.api.url + "/me").status_code)
        bench.api.wait_for(len(first) + 1)
        bench.provider.expire_access_tokens()
        assert bench.session().get(bench.api.url + "/me").status_code == 200
        hold.set()
        assert slow.result(10) == 200
    assert bench.provider.refreshes == 2


def test_a_token_that_another_thread_has_fetched_and_used_up_is_refreshed(bench: Workbench) -> None:
    """This request has caused no refresh yet."""
    hold = threading.Event()
    bench.api.script("/me", Fault(status=401, hold=hold))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(lambda: bench.session().get(bench.api.url + "/me").status_code)
        bench.api.wait_for(1)
        assert bench.session().get(bench.api.url + "/me").status_code == 200
        bench.provider.expire_access_tokens()
        hold.set()
        assert slow.result(10) == 200
    assert bench.provider.refreshes == 2


def test_a_401_waits_for_the_refresh_in_flight(bench: Workbench) -> None:
    """Another thread has met the same 401 first and is about to replace the token."""
    hold, answer = threading.Event(), threading.Event()
    bench.api.script("/me", Fault(status=401), Fault(status=401, hold=hold))
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(lambda: bench.session().get(bench.api.url + "/me").status_code)
        bench.api.wait_for(2)
        bench.provider.expire_access_tokens()
        bench.provider.script("/token", Fault(hold=answer, after_processing=True))
        other = pool.submit(lambda: bench.session().get(bench.api.url + "/me").status_code)
        bench.provider.wait_for(2)
        hold.set()
        answer.set()
        assert [slow.result(10), other.result(10)] == [200, 200]
    assert bench.provider.refreshes == 2


def test_a_request_is_sent_three_times_at_most(bench: Workbench) -> None:
    """An API that accepts no token must not keep a request going."""
    held = [threading.Event(), threading.Event()]
    bench.api.script("/me", Fault(status=401), *(Fault(status=401, hold=hold) for hold in held))
    bench.api.script("/other", Fault(status=401), times=4)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(lambda: bench.session().get(bench.api.url + "/me").status_code)
        for count, hold in zip((2, 5), held, strict=True):
            bench.api.wait_for(count)
            assert bench.session().get(bench.api.url + "/other").status_code != 200
            hold.set()
        assert slow.result(10) == 401


def test_before_expiry_refreshes_ahead_of_a_known_expiry(bench: Workbench) -> None:
    """And then a 401 is final: one refresh for a request, whatever the reason."""
    bench.keys = {**bench.provider.issue(), "expires_at": bench.time.now + 30}
    api = bench.session(refresh="before_expiry")
    bench.api.script("/me", Fault(status=401))
    assert api.get(bench.api.url + "/me").status_code == 401
    assert bench.calls() == ["provider 200", "api 401"]
    assert api.get(bench.api.url + "/me").status_code == 200
    assert bench.calls()[2:] == ["api 200"]


def test_before_expiry_follows_the_life_of_the_answer(bench: Workbench) -> None:
    """A token of an hour is due a minute before its end."""
    api = bench.session(refresh="before_expiry")
    api.get(bench.api.url + "/me")
    life = bench.call.updates[0]["oauth"]["expires_in"]
    bench.time.now += life - 61
    api.get(bench.api.url + "/me")
    assert bench.provider.refreshes == 1
    bench.time.now += 2
    api.get(bench.api.url + "/me")
    assert bench.provider.refreshes == 2


def test_a_provider_that_is_down_before_the_expiry_fails_nothing(bench: Workbench) -> None:
    """The token is still good; once it has expired, the failure is told."""
    bench.keys = {**bench.provider.issue(), "expires_at": bench.time.now + 30}
    bench.provider.script("/token", Fault(status=503), times=6)
    api = bench.session(refresh="before_expiry")
    assert api.get(bench.api.url + "/me").status_code == 200
    bench.time.now += 31
    with pytest.raises(TokenEndpointUnavailable):
        api.get(bench.api.url + "/me")


def test_every_access_refreshes_for_each_request(bench: Workbench) -> None:
    """Refresh, updateKeys, send."""
    api = bench.session(refresh="every_access")
    for _ in range(2):
        assert api.get(bench.api.url + "/me").status_code == 200
    assert bench.calls() == ["provider 200", "api 200"] * 2
    assert bench.call.seen == [1, 3]


def test_every_access_does_not_refresh_after_a_401(bench: Workbench) -> None:
    """Right after a refresh it is final."""
    bench.api.script("/me", Fault(status=401))
    assert bench.session(refresh="every_access").get(bench.api.url + "/me").status_code == 401
    assert bench.calls() == ["provider 200", "api 401"]


# --- threads, sessions, copies of cfg ----------------------------------------------------------------------


@pytest.mark.parametrize("account", [{}, {"_account": "acc"}])
def test_sixteen_threads_with_copies_of_cfg_refresh_once(bench: Workbench, account: dict[str, str]) -> None:
    """One refresh in flight, one updateKeys, sixteen answers, no refresh token used twice."""
    results = in_threads(16, lambda n: bench.session(bench.cfg(**account)).get(bench.api.url + "/me").status_code)
    assert results == [200] * 16
    assert bench.provider.refreshes == len(bench.call.updates) == 1
    assert bench.session(bench.cfg(**account)).get(bench.api.url + "/me").status_code == 200
    assert bench.provider.refreshes == 1


def test_threads_share_one_session(bench: Workbench) -> None:
    """It is safe to share."""
    api = bench.session()
    assert in_threads(16, lambda n: api.get(bench.api.url + "/me").status_code) == [200] * 16
    assert bench.provider.refreshes == 1


def test_threads_share_the_error_of_a_refresh(bench: Workbench) -> None:
    """One refused refresh token is offered once, and everybody is told."""
    bench.provider.revoke()

    def work(number: int) -> str:
        with pytest.raises(ReauthorizationRequired) as caught:
            bench.session().get(bench.api.url + "/me")
        return str(caught.value)

    assert len(set(in_threads(16, work))) == 1
    assert len(bench.provider.token_requests) == 1


def test_accounts_do_not_block_each_other(bench: Workbench) -> None:
    """While one provider takes its time, another account's refresh goes through."""
    hold = threading.Event()
    bench.provider.script("/token", Fault(hold=hold, after_processing=True))
    slow, fast = bench.cfg(_account="slow"), {"oauth": bench.provider.issue(expired=True), "_account": "fast"}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: bench.session(slow).get(bench.api.url + "/me").status_code)
        bench.provider.wait_for(1)
        assert bench.session(fast).get(bench.api.url + "/me").status_code == 200
        assert not waiting.done()
        hold.set()
        assert waiting.result(10) == 200
    assert bench.call.accounts == ["fast", "slow"]


def test_two_accounts_of_one_client_are_kept_apart_without_ids(bench: Workbench) -> None:
    """Their tokens tell them apart."""
    other = bench.provider.issue(expired=True)
    for keys in (bench.keys, other, bench.keys, other):
        assert bench.session({"oauth": dict(keys)}).get(bench.api.url + "/me").status_code == 200
    assert bench.provider.refreshes == 2


def test_a_new_sign_in_in_cfg_is_adopted(bench: Workbench) -> None:
    """Unknown tokens mean that a person has signed in again; it lifts a refusal, too."""
    bench.provider.revoke()
    with pytest.raises(ReauthorizationRequired):
        bench.session(bench.cfg(_account="a")).get(bench.api.url + "/me")
    fresh = {"oauth": bench.provider.issue(), "_account": "a"}
    assert bench.session(fresh).get(bench.api.url + "/me").status_code == 200
    assert bench.session(bench.cfg(_account="a")).get(bench.api.url + "/me").status_code == 200


def test_the_old_refresh_token_stays_when_the_answer_has_none(bench: Workbench) -> None:
    """Salesforce and Google leave it out; other members of the answer replace the old ones."""
    answer = {"access_token": bench.provider.issue()["access_token"], "instance_url": bench.api.url, "extra": 1}
    bench.provider.script("/token", Fault(status=200, body=answer))
    bench.keys |= {"instance_url": "https://old.example", "custom": "kept", "expires_at": 1}
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    [update] = bench.call.updates
    assert update["oauth"]["refresh_token"] == bench.keys["refresh_token"]
    assert update["oauth"]["custom"] == "kept"
    assert {name: update["oauth"][name] for name in answer} == answer
    assert "expires_at" not in update["oauth"]


# --- errors of the token endpoint --------------------------------------------------------------------------


def test_a_refused_refresh_token_is_never_offered_again(bench: Workbench) -> None:
    """One clear error per message, and neither the provider nor the API is called any more."""
    bench.provider.revoke()
    for _ in range(3):
        with pytest.raises(ReauthorizationRequired, match=r"acc-7.*invalid_grant") as caught:
            bench.session(bench.cfg(_account="acc-7")).get(bench.api.url + "/me")
        assert bench.keys["refresh_token"] not in str(caught.value)
    assert bench.calls() == ["api 401", "provider 400"]


def test_a_refused_account_notices_a_new_sign_in_within_ten_seconds(bench: Workbench) -> None:
    """The stored keys are read again, at most every ten seconds."""
    bench.stored.fields = bench.cfg()
    bench.provider.revoke()
    with pytest.raises(ReauthorizationRequired):
        bench.session().get(bench.api.url + "/me")
    with pytest.raises(ReauthorizationRequired):
        bench.session().get(bench.api.url + "/me")
    reads = bench.stored.reads
    bench.stored.fields = {"oauth": bench.provider.issue()}
    with pytest.raises(ReauthorizationRequired):
        bench.session().get(bench.api.url + "/me")
    assert bench.stored.reads == reads
    bench.time.now += 10
    assert bench.session().get(bench.api.url + "/me").status_code == 200


def test_the_keys_of_whoever_was_first_are_adopted(bench: Workbench) -> None:
    """Another container has refreshed: no token request, no updateKeys."""
    bench.stored.fields = {"oauth": bench.provider.refresh(bench.keys["refresh_token"])}
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert bench.calls() == ["api 401", "api 200"]
    assert bench.call.updates == []


def test_the_keys_of_a_winner_that_saves_late_are_adopted(bench: Workbench) -> None:
    """After invalid_grant the stored keys are looked at for a few seconds."""
    newer = bench.provider.issue()
    bench.provider.script("/token", Fault(status=400, body={"error": "invalid_grant"}))
    bench.stored.fields = bench.cfg()

    def save_late(reads: int) -> None:
        if reads == 5:
            bench.stored.fields = {"oauth": newer}

    bench.stored.on_read = save_late
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert bench.calls() == ["api 401", "provider 400", "api 200"]


def test_cfg_without_keys_sends_nothing(bench: Workbench) -> None:
    """There is nothing to send or to refresh."""
    for cfg in ({}, {"oauth": {}}, {"oauth": None}, {"oauth": "text"}):
        with pytest.raises(ReauthorizationRequired):
            bench.session(cfg).get(bench.api.url + "/me")
    assert bench.calls() == []


def test_an_access_token_alone_works_until_it_expires(bench: Workbench) -> None:
    """Then only a sign-in helps; a later message tries the API again, never the provider."""
    bench.keys = {"access_token": bench.provider.issue()["access_token"]}
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    bench.provider.expire_access_tokens()
    with pytest.raises(ReauthorizationRequired, match="no refresh token"):
        bench.session().get(bench.api.url + "/me")
    assert bench.provider.token_requests == []


def test_an_error_names_the_host_and_not_the_variable_that_it_is_in(bench: Workbench) -> None:
    """Whoever reads it knows the provider, and has never seen the descriptor."""
    bench.keys = {}
    services = replace(bench.services, credential_fields=frozenset({"region"}))
    options = {"client_id": "id", "token_url": "https://{{region}}.example.com/token"}
    for cfg, host in (({"region": "eu"}, "eu.example.com"), ({}, "{{region}}.example.com")):
        session = open_session(options, cfg, call=bench.call, services=services)
        with pytest.raises(ReauthorizationRequired, match=re.escape(host)):
            session.get(bench.api.url + "/me")


def test_a_refresh_token_alone_is_refreshed_first(bench: Workbench) -> None:
    """There is no access token to send."""
    bench.keys = {"refresh_token": bench.keys["refresh_token"]}
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert bench.calls() == ["provider 200", "api 200"]


def test_a_busy_endpoint_is_asked_again(bench: Workbench) -> None:
    """With the pause that it asks for; nonsense counts as absent."""
    bench.provider.script(
        "/token", Fault(status=429, headers={"Retry-After": "3"}), Fault(status=503, headers={"Retry-After": "soon"})
    )
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert bench.time.slept == [3, 1.0]


def test_an_endpoint_that_stays_busy_is_a_passing_failure(bench: Workbench) -> None:
    """Nothing is lost: the next message refreshes."""
    bench.provider.script("/token", Fault(status=503), times=3)
    with pytest.raises(TokenEndpointUnavailable, match="503"):
        bench.session().get(bench.api.url + "/me")
    assert len(bench.provider.token_requests) == 3
    assert bench.session().get(bench.api.url + "/me").status_code == 200


def test_a_long_pause_holds_for_every_message_of_the_provider_and_the_client(bench: Workbench) -> None:
    """The provider is not asked before the moment that it has named, whatever the account."""
    bench.provider.script("/token", Fault(status=429, headers={"Retry-After": "12"}))
    other = {"oauth": bench.provider.issue(expired=True), "_account": "other"}
    with pytest.raises(TokenEndpointUnavailable, match="12 s"):
        bench.session(bench.cfg(_account="a")).get(bench.api.url + "/me")
    bench.time.now += 7
    for cfg in (other, bench.cfg(_account="a")):
        with pytest.raises(TokenEndpointUnavailable, match=r"HTTP 429.* 5 s"):
            bench.session(cfg).get(bench.api.url + "/me")
    assert len(bench.provider.token_requests) == 1
    assert bench.time.slept == []
    bench.time.now += 5
    assert bench.session(other).get(bench.api.url + "/me").status_code == 200


def test_a_pause_holds_for_five_minutes_at_most(bench: Workbench) -> None:
    """A wrong header must not stop an account for a year."""
    bench.provider.script("/token", Fault(status=503, headers={"Retry-After": "99999999"}))
    with pytest.raises(TokenEndpointUnavailable):
        bench.session().get(bench.api.url + "/me")
    bench.time.now += 300
    assert bench.session().get(bench.api.url + "/me").status_code == 200


@pytest.mark.parametrize("code", ["invalid_client", "invalid_scope"])
def test_a_refused_client_is_asked_for_once_a_minute(bench: Workbench, code: str) -> None:
    """Until its settings change."""
    bench.provider.script("/token", Fault(status=400, body={"error": code}), times=2)
    for _ in range(5):
        with pytest.raises(ClientMisconfigured, match=code):
            bench.session().get(bench.api.url + "/me")
    assert len(bench.provider.token_requests) == 1
    bench.time.now += 60
    with pytest.raises(ClientMisconfigured):
        bench.session().get(bench.api.url + "/me")
    assert bench.session(client_auth="basic").get(bench.api.url + "/me").status_code == 200


@pytest.mark.parametrize(("code", "is_shared"), [("invalid_client", True), ("invalid_scope", False)])
def test_a_refusal_of_the_client_holds_for_all_its_accounts(bench: Workbench, code: str, is_shared: bool) -> None:
    """A refused scope may be that of one account."""
    body = {"error": code, "error_description": "AADSTS7000215: no"}
    bench.provider.script("/token", Fault(status=401, body=body), times=2)
    for name in ("a", "b"):
        keys = bench.provider.issue(expired=True)
        with pytest.raises(ClientMisconfigured, match=code):
            bench.session({"oauth": keys, "_account": name}).get(bench.api.url + "/me")
    assert len(bench.provider.token_requests) == (1 if is_shared else 2)


def test_an_error_names_the_variables_of_the_client_and_quotes_the_provider(
    bench: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    """Redacted first and cut afterwards: the rest of a cut token would not be recognised."""
    refresh_token = bench.keys["refresh_token"]
    told = f"Bad client\n\x1b[31m for {refresh_token} " + "x" * 500
    uri = "https://provider.example/errors"
    bench.provider.script(
        "/token", Fault(status=401, body={"error": "invalid_client", "error_description": told, "error_uri": uri})
    )
    services = replace(bench.services, environ={"CRM_ID": "demo-client", "CRM_SECRET": "wrong-secret"})
    options = {
        "client_id": "{{CRM_ID}}",
        "client_secret": "{{ CRM_SECRET }}",
        "token_url": bench.provider.token_url,
    }
    caplog.set_level("DEBUG")
    with pytest.raises(ClientMisconfigured) as caught:
        open_session(options, bench.cfg(), call=bench.call, services=services).get(bench.api.url + "/me")
    text = str(caught.value)
    assert "client_id (from CRM_ID), client_secret (from CRM_SECRET)" in text
    assert "Bad client ?[31m for ***" in text
    assert len(text) < 600
    details = [record.detail for record in caplog.records if hasattr(record, "detail")]
    assert len(details) == 1
    assert details[0].startswith("Bad client")
    for hidden in (refresh_token, "wrong-secret"):
        assert hidden not in text + caplog.text + details[0]


def test_the_uri_of_an_error_is_quoted(bench: Workbench) -> None:
    """Some providers explain their errors on a page."""
    body = {"error": "invalid_grant", "error_description": "ended", "error_uri": "https://provider.example/e1"}
    bench.provider.script("/token", Fault(status=400, body=body))
    with pytest.raises(ReauthorizationRequired, match=r"invalid_grant: ended \(see https://provider\.example/e1\)"):
        bench.session().get(bench.api.url + "/me")


def test_a_long_wait_is_explained_in_the_log(bench: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    """One line for the look for newer keys."""
    caplog.set_level("INFO", logger="shipmate.oauth2")
    bench.stored.fields = bench.cfg()
    bench.provider.revoke()
    with pytest.raises(ReauthorizationRequired):
        bench.session().get(bench.api.url + "/me")
    assert sum(bench.time.slept) == 4
    assert caplog.text.count("another process may have saved") == 1


def test_an_endpoint_that_cannot_be_reached_is_a_passing_failure(bench: Workbench) -> None:
    """Three tries, then the error says so."""
    with Server(name="gone") as gone:
        url = gone.url
    with pytest.raises(TokenEndpointUnavailable, match="no connection"):
        bench.session(token_url=url + "/token").get(bench.api.url + "/me")
    assert bench.time.slept == [0.5, 1.0]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(drop="before", after_processing=True),
        Fault(drop="middle", after_processing=True),
        Fault(status=502, after_processing=True),
    ],
    ids=["dropped", "cut", "502"],
)
def test_a_lost_answer_is_asked_for_once_more_and_then_unknown(bench: Workbench, fault: Fault) -> None:
    """The provider has rotated; with reuse detection the repetition is refused, and the error says unknown."""
    bench.provider.script("/token", fault)
    with pytest.raises(ReauthorizationRequired, match="unknown"):
        bench.session().get(bench.api.url + "/me")
    tokens = [request.form["refresh_token"] for request in bench.provider.token_requests]
    assert tokens == [bench.keys["refresh_token"]] * 2


@pytest.mark.parametrize(
    "fault", [Fault(drop="before"), Fault(status=200, drop="middle", body={"a": "b" * 99}), Fault(status=500)]
)
def test_a_lost_answer_without_rotation_is_repaired_by_the_repetition(bench: Workbench, fault: Fault) -> None:
    """The provider had not seen the request."""
    bench.provider.script("/token", fault)
    assert bench.session().get(bench.api.url + "/me").status_code == 200


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault(status=200, body="<html>Welcome</html>"), "neither JSON nor a form"),
        (Fault(status=200, body={"hello": 1}), "without access_token"),
        (Fault(status=302, redirect="/other"), "redirect"),
        (Fault(status=200, body="x" * 1_100_000), "1 MiB"),
    ],
)
def test_an_odd_answer_is_a_passing_failure_and_never_saved(bench: Workbench, fault: Fault, text: str) -> None:
    """Redirects of the token endpoint are not followed."""
    bench.provider.script("/token", fault)
    with pytest.raises(TokenEndpointUnavailable, match=text):
        bench.session().get(bench.api.url + "/me")
    assert bench.call.updates == []
    assert len(bench.provider.token_requests) == 1
    assert bench.session().get(bench.api.url + "/me").status_code == 200


def test_a_refused_client_is_named_and_leaves_the_token_alone(bench: Workbench) -> None:
    """The operator corrects the secret, and it works."""
    with pytest.raises(ClientMisconfigured, match="invalid_client"):
        bench.session(client_secret="wrong").get(bench.api.url + "/me")
    assert bench.session().get(bench.api.url + "/me").status_code == 200


def test_a_token_url_in_clear_is_refused_before_connecting(bench: Workbench) -> None:
    """The text says https."""
    with pytest.raises(ClientMisconfigured, match="https"):
        bench.session(token_url="http://provider.example/token").get(bench.api.url + "/me")
    assert bench.calls() == ["api 401"]


@pytest.mark.parametrize("client_auth", ["post", "basic"])
def test_both_client_authentications_are_accepted_by_a_strict_provider(bench: Workbench, client_auth: str) -> None:
    """Credentials are in one place."""
    assert bench.session(client_auth=client_auth).get(bench.api.url + "/me").status_code == 200


def test_a_netrc_entry_changes_nothing(bench: Workbench, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither at the token endpoint nor at the API."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login nobody password nothing\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert bench.provider.token_requests[0].header("Authorization") is None


def test_client_credentials_without_keys_ask_for_a_token_first(bench: Workbench) -> None:
    """Then updateKeys as usual; the next message with the same empty cfg uses the token."""
    for _ in range(2):
        api = bench.session({"_account": "cc"}, grant="client_credentials")
        assert api.get(bench.api.url + "/me").status_code == 200
    assert bench.calls() == ["provider 200", "api 200", "api 200"]
    assert len(bench.call.updates) == 1
    without_account = [bench.session({}, grant="client_credentials") for _ in range(2)]
    assert [api.get(bench.api.url + "/me").status_code for api in without_account] == [200, 200]
    assert len(bench.call.updates) == 2


def test_clients_that_differ_in_a_credential_field_are_kept_apart(bench: Workbench) -> None:
    """Two cfgs without an account and without keys, each with a client of its own, never share a token."""
    bench.services = replace(bench.services, credential_fields=frozenset({"id", "secret"}))
    options = {"grant": "client_credentials", "client_id": "{{id}}", "client_secret": "{{secret}}"}
    cfgs = [{"id": "demo-client", "secret": "demo-secret"}, {"id": "second", "secret": "second-secret"}]
    with OAuth2Provider({cfg["id"]: cfg["secret"] for cfg in cfgs}) as provider, DemoApi(provider) as api:
        for cfg in cfgs * 2:
            session = bench.session(dict(cfg), token_url=provider.token_url, **options)
            assert session.get(api.url + "/me").status_code == 200
        assert [request.form["client_id"] for request in provider.token_requests] == ["demo-client", "second"]


def tenant(name: str, journal: Journal) -> Server:
    """Return a token endpoint whose tokens name it."""
    server = Server(name=name, journal=journal)
    server.route("POST", "/token", lambda request: Reply(200, {"access_token": f"token-of-{name}"}))
    server.route("GET", "/me", lambda request: Reply(200, {}))
    return server


def test_accounts_whose_token_urls_differ_in_a_field_share_no_token(bench: Workbench) -> None:
    """A token of one tenant is never sent to another one."""
    bench.services = replace(bench.services, credential_fields=frozenset({"tenant"}))
    journal = Journal()
    with tenant("a", journal) as first, tenant("b", journal) as second:
        for server in (first, second, first):
            cfg = {"tenant": server.url.rpartition(":")[2]}
            session = bench.session(cfg, grant="client_credentials", token_url="http://127.0.0.1:{{tenant}}/token")
            assert session.get(server.url + "/me").status_code == 200
        assert [request.bearer for request in journal.requests if request.method == "GET"] == [
            "token-of-a",
            "token-of-b",
            "token-of-a",
        ]


@pytest.mark.parametrize(
    "options",
    [
        {"extra": {"audience": "{{who}}"}},
        {"scopes": "{{who}}", "send": ("scope",)},
        {"client_secret": "{{who}}"},
        {"grant": "password", "username": "ada", "password": "{{who}}"},
        {},
    ],
)
@pytest.mark.parametrize("account", [{}, {"_account": "a1"}])
def test_accounts_that_differ_in_what_decides_about_the_token_share_none(
    bench: Workbench, options: dict[str, Any], account: dict[str, Any]
) -> None:
    """Without any option the field may be in the URL of the API only."""
    bench.services = replace(bench.services, credential_fields=frozenset({"who"}))
    with tenant("one", Journal()) as server:
        for who in ("ada", "grace", "ada"):
            cfg = {"who": who, **account}
            bench.session(cfg, token_url=f"{server.url}/token", **{"grant": "client_credentials", **options}).get(
                server.url + "/me"
            )
        assert [request.path for request in server.journal.requests] == ["/token", "/me", "/token", "/me", "/me"]


@pytest.mark.parametrize("account", [{}, {"_account": "a1"}])
def test_verification_of_a_client_gets_a_token_of_its_own(bench: Workbench, account: dict[str, Any]) -> None:
    """Neither the live token, nor that of cfg, nor a stored one proves the client as it is now."""
    options = {"grant": "client_credentials"}
    bench.session(dict(account), **options).get(bench.api.url + "/me")
    bench.call.is_verification = True
    bench.stored.fields = {"oauth": {"access_token": "stored"}}
    bench.session({**bench.cfg(), **account}, **options).get(bench.api.url + "/me")
    assert bench.calls() == ["provider 200", "api 200"] * 2
    with pytest.raises(ClientMisconfigured):
        bench.session({**bench.cfg(), **account}, client_secret="wrong", **options).get(bench.api.url + "/me")


# --- the grant password ------------------------------------------------------------------------------------


class PasswordProvider(Server):
    """A token endpoint that knows one password and the refresh tokens it has issued."""

    def __init__(self) -> None:
        super().__init__(name="provider")
        self.password = "secret-of-ada"
        self.live: set[str] = set()
        self.forms: list[dict[str, str]] = []
        self.route("POST", "/token", self._token)
        self.route("GET", "/me", lambda request: Reply(200 if request.bearer in self.live else 401, {}))

    def _token(self, request: Request) -> Reply:
        form = dict(request.form)
        self.forms.append(form)
        number = str(len(self.forms))
        if form.get("password", self.password) != self.password or form.get("refresh_token") == "dead":
            return Reply(400, {"error": "invalid_grant"})
        self.live = {f"access-{number}"}
        return Reply(200, {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}"})


def test_a_password_gets_a_token_and_a_refresh_token_gets_the_next(bench: Workbench) -> None:
    """A refresh token that the provider has forgotten is replaced by the password. Source: RFC 6749 §4.3, §6."""
    bench.services = replace(bench.services, credential_fields=frozenset({"user", "pin"}))
    cfg = {"_account": "a1", "user": "ada", "pin": "secret-of-ada"}
    with PasswordProvider() as provider:
        options = {
            "token_url": f"{provider.url}/token",
            "grant": "password",
            "username": "{{user}}",
            "password": "{{pin}}",
        }
        session = bench.session(cfg, **options)
        assert session.get(provider.url + "/me").status_code == 200
        provider.live = set()
        assert session.get(provider.url + "/me").status_code == 200
        client = {"client_id": "demo-client", "client_secret": "demo-secret"}
        assert provider.forms == [
            {"grant_type": "password", "username": "ada", "password": "secret-of-ada", **client},
            {"grant_type": "refresh_token", "refresh_token": "refresh-1", **client},
        ]
        later = bench.session({**cfg, "oauth": {"access_token": "old", "refresh_token": "dead"}}, **options)
        assert later.get(provider.url + "/me").status_code == 200
        assert [form["grant_type"] for form in provider.forms[2:]] == ["refresh_token", "password"]
        assert bench.call.updates[-1] == {"oauth": {"access_token": "access-4", "refresh_token": "refresh-4"}}
        del cfg["oauth"]  # the keys, which sessions put there
        with pytest.raises(ReauthorizationRequired):
            bench.session({**cfg, "pin": "wrong"}, **options).get(provider.url + "/me")


def test_verification_sends_the_password_although_a_refresh_token_is_known(bench: Workbench) -> None:
    """A wrong password after a right one is not verified."""
    bench.call.is_verification = True
    bench.services = replace(bench.services, credential_fields=frozenset({"username", "password"}))
    with PasswordProvider() as provider:
        options = {"token_url": f"{provider.url}/token", "grant": "password"}
        keys = {"access_token": "access-0", "refresh_token": "refresh-0"}
        bench.stored.fields = {"oauth": dict(keys)}
        provider.live = {"access-0"}
        with pytest.raises(ReauthorizationRequired, match="invalid_grant"):
            bench.session({"username": "ada", "password": "wrong", "oauth": keys}, **options).get(provider.url + "/me")
        cfg = {"username": "ada", "password": "secret-of-ada", "oauth": keys}
        assert bench.session(cfg, **options).get(provider.url + "/me").status_code == 200
        assert [form["grant_type"] for form in provider.forms] == ["password", "password"]


# --- saving ------------------------------------------------------------------------------------------------


def test_keys_that_cannot_be_saved_are_not_used(bench: Workbench) -> None:
    """Three tries, one report, no resend; the next message saves them first and refreshes nothing."""
    bench.call.failures = [OSError("disk full")] * 3
    with pytest.raises(KeysNotSaved, match="disk full"):
        bench.session().get(bench.api.url + "/me")
    assert bench.calls() == ["api 401", "provider 200"]
    assert [error.code for error in bench.call.reports] == ["keys_not_saved"]
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert bench.calls() == ["api 401", "provider 200", "api 200"]
    assert len(bench.call.updates) == 1


def test_a_passing_fault_while_saving_is_got_over(bench: Workbench) -> None:
    """Nobody notices."""
    bench.call.failures = [OSError("busy")] * 2
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert bench.call.reports == []


def test_keys_that_could_never_be_saved_are_not_even_asked_for(bench: Workbench) -> None:
    """A refresh would only spend the refresh token."""
    bench.stored.is_savable = False
    with pytest.raises(KeysNotSaved):
        bench.session().get(bench.api.url + "/me")
    assert bench.calls() == ["api 401"]
    assert len(bench.call.reports) == 1


# --- bodies ------------------------------------------------------------------------------------------------


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_sent_whole_after_the_refresh(bench: Workbench) -> None:
    """From where it stood."""
    stream = io.BytesIO(b"0123456789" * 1000)
    stream.seek(5)
    response = bench.session().post(bench.api.url + "/echo", data=stream)
    assert response.json()["body_sha256"] == digest((b"0123456789" * 1000)[5:])


def test_a_multipart_is_sent_whole_after_the_refresh(bench: Workbench) -> None:
    """The part is not empty the second time."""
    bench.session().post(bench.api.url + "/echo", files={"f": ("n.bin", io.BytesIO(b"z" * 1000))})
    bodies = [request.body for request in bench.provider.journal.of("api")]
    assert [body.count(b"z") for body in bodies] == [1000, 1000]


def test_a_body_that_cannot_be_sent_twice_is_never_sent_empty(
    bench: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    """The token is refreshed and saved, the 401 is returned, and the log says why."""
    response = bench.session().post(bench.api.url + "/echo", data=(part for part in [b"a", b"b"]))
    assert response.status_code == 401
    assert bench.calls() == ["api 401", "provider 200"]
    assert len(bench.call.updates) == 1
    assert "cannot be sent twice" in caplog.text
    assert bench.session().post(bench.api.url + "/echo", data=(part for part in [b"a"])).status_code == 200


def test_a_function_makes_the_body_for_each_attempt(bench: Workbench) -> None:
    """A generator that can be made again can be sent again."""
    response = bench.session().post(bench.api.url + "/echo", data=lambda: iter([b"a", b"b"]))
    assert response.json()["body_sha256"] == digest(b"ab")


# --- what counts as expired --------------------------------------------------------------------------------


def test_a_token_of_unknown_age_is_refreshed_once_after_a_403(bench: Workbench) -> None:
    """Its life is known, but not its beginning; afterwards its expiry is known. 400 and 404 are about the request."""
    bench.keys = bench.provider.issue()
    assert "expires_in" in bench.keys
    bench.api.script("/me", *(Fault(status=status) for status in (400, 404, 403, 403, 403)))
    for status in (400, 404, 403, 403):
        assert bench.session().get(bench.api.url + "/me").status_code == status
    assert bench.calls() == ["api 400", "api 404", "api 403", "provider 200", "api 403", "api 403"]


def test_without_a_refresh_token_a_doubtful_status_is_returned(bench: Workbench) -> None:
    """The token may be good: nobody has to sign in again because of a missing permission."""
    bench.keys = {name: value for name, value in bench.provider.issue().items() if name != "refresh_token"}
    bench.api.script("/me", Fault(status=403))
    assert bench.session().get(bench.api.url + "/me").status_code == 403


def test_the_moment_of_the_expiry_is_saved(bench: Workbench) -> None:
    """After a restart it is still known: 403 for an expired token, and before_expiry, work."""
    bench.session().get(bench.api.url + "/me")
    keys = bench.call.updates[0]["oauth"]
    assert keys["expires_at"] == 1000 + keys["expires_in"]
    bench.keys = keys
    bench.services = replace(bench.services, credential_store=CredentialStore())
    bench.time.now = keys["expires_at"] - 10
    assert bench.session(refresh="before_expiry").get(bench.api.url + "/me").status_code == 200
    assert bench.provider.refreshes == 2


def test_a_missing_permission_is_not_refreshed(bench: Workbench) -> None:
    """insufficient_scope vetoes, with 401 as with 403."""
    bench.keys = bench.provider.issue(scope="read")
    bench.api.require_scope("/me", "write", status=401)
    assert bench.session().get(bench.api.url + "/me").status_code == 401
    assert bench.calls() == ["api 401"]


@pytest.mark.parametrize("status", [400, 403, 404])
def test_ambiguous_statuses_are_refreshed_when_the_expiry_is_known_and_past(bench: Workbench, status: int) -> None:
    """And only then."""
    bench.keys = {**bench.provider.issue(), "expires_at": bench.time.now + 500}
    bench.api.script("/me", Fault(status=status), times=2)
    assert bench.session().get(bench.api.url + "/me").status_code == status
    assert bench.calls() == [f"api {status}"]
    bench.time.now += 501
    assert bench.session().get(bench.api.url + "/me").status_code == 200


def test_the_predicate_of_the_author_recognises_an_expired_token(bench: Workbench) -> None:
    """In an answer with status 200."""

    def expired(response: requests.Response) -> bool:
        return bool(response.json().get("code") == 602)

    bench.keys = bench.provider.issue()
    bench.api.script("/me", Fault(status=200, body={"code": 602}))
    assert bench.session(expired=expired).get(bench.api.url + "/me").json().get("code") is None
    assert bench.provider.refreshes == 1


def test_a_predicate_that_raises_costs_no_message(bench: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged and counts as false; a 401 is refreshed all the same."""

    def expired(response: requests.Response) -> bool:
        return bool(response.json()["no such member"])

    bench.api.script("/me", Fault(status=403, body="<html>"))
    api = bench.session(expired=expired)
    assert api.get(bench.api.url + "/me").status_code == 403
    assert "expired" in caplog.text
    assert api.get(bench.api.url + "/me").status_code == 200
    assert bench.provider.refreshes == 1


def test_the_author_recognises_a_dead_refresh_token(bench: Workbench) -> None:
    """The account is asked to sign in again, and its refresh token is never sent again."""
    bench.provider.script("/token", Fault(status=418, body={"code": "E17"}))
    for _ in range(2):
        with pytest.raises(ReauthorizationRequired, match="Sign in"):
            bench.session(dead=lambda status, answer: answer.get("code") == "E17").get(bench.api.url + "/me")
    assert len(bench.provider.token_requests) == 1


def test_a_lock_of_the_author_that_fails_costs_no_message(bench: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    """Neither at its begin nor at its end; and it cannot hide that a refresh has failed."""

    class Lock(AbstractContextManager[object]):
        def __init__(self, account: str | None) -> None:
            pass

        def __exit__(self, *failure: object) -> bool:
            if failure[0] is None:
                raise OSError("the lock server is gone")
            return True

    assert bench.session(lock=Lock).get(bench.api.url + "/me").status_code == 200
    assert "cannot be released" in caplog.text
    bench.provider.revoke()
    with pytest.raises(ReauthorizationRequired):
        bench.session(lock=Lock).get(bench.api.url + "/me")


# --- URLs, headers, redirects ------------------------------------------------------------------------------


def test_placeholders_are_filled_anew_for_each_attempt(bench: Workbench) -> None:
    """The token may have moved to another host."""
    with Server(name="old", journal=bench.provider.journal) as old:
        old.route("GET", "/me", lambda request: Reply(401))
        answer = {"access_token": bench.provider.issue()["access_token"], "instance_url": bench.api.url}
        bench.provider.script("/token", Fault(status=200, body=answer))
        bench.keys["instance_url"] = old.url
        assert bench.session().get("{instance_url}/me").status_code == 200
    assert bench.calls() == ["old 401", "provider 200", "api 200"]


@pytest.mark.parametrize("name", ["nothing", "access_token", "refresh_token"])
def test_an_unknown_placeholder_is_named_and_tokens_are_none(bench: Workbench, name: str) -> None:
    """A token in a URL would end up in logs."""
    with pytest.raises(UnknownPlaceholder, match=name):
        bench.session().get("{" + name + "}/me")
    assert bench.calls() == []


def test_a_redirect_within_the_api_keeps_the_token(bench: Workbench) -> None:
    """Also the refresh after it."""
    assert bench.session().get(bench.api.url + "/redirect", params={"to": "/me"}).status_code == 200


@pytest.mark.parametrize("header", [None, "X-Access-Token: {access_token}"])
def test_a_redirect_to_a_foreign_host_carries_no_secret(bench: Workbench, header: str | None) -> None:
    """Neither the token nor any header of the author; and its 401 refreshes nothing."""
    bench.keys = bench.provider.issue()
    with Server(name="foreign", journal=bench.provider.journal) as foreign:
        foreign.route("*", "/take", lambda request: Reply(401))
        bench.api.script("/go", Fault(redirect=foreign.url + "/take"))
        api = bench.session(**({"header": header} if header else {}))
        api.headers["X-Api-Key"] = "key"
        assert api.get(bench.api.url + "/go", headers={"Cookie": "a=b"}).status_code == 401
        [request] = foreign.requests
    sent = {name.lower() for name in request.headers}
    assert sent <= {"host", "accept", "accept-encoding", "connection", "user-agent"}
    assert bench.provider.token_requests == []


def test_a_redirect_to_the_instance_url_keeps_the_token(bench: Workbench) -> None:
    """It is a host of the API, too."""
    with Server(name="front", journal=bench.provider.journal) as front:
        front.route("GET", "/go", lambda request: Reply(307, headers={"Location": bench.api.url + "/me"}))
        bench.keys = {**bench.provider.issue(), "instance_url": bench.api.url}
        assert bench.session().get(front.url + "/go").status_code == 200


def test_a_token_in_a_header_of_the_providers_own(bench: Workbench) -> None:
    """As Shopify wants it; the refresh works alike."""
    bench.api.token_header = "X-Shopify-Access-Token"
    api = bench.session(header="X-Shopify-Access-Token: {access_token}")
    assert api.get(bench.api.url + "/me").status_code == 200
    assert all(request.header("Authorization") is None for request in bench.provider.journal.of("api"))


def test_the_session_has_the_interface_of_requests(bench: Workbench) -> None:
    """All verbs, session headers and parameters, hooks for the answer that is returned, a context manager."""
    seen: list[int] = []
    with bench.session() as api:
        api.headers["X-One"] = "session"
        api.params = {"page": "1"}
        api.hooks["response"].append(lambda response, **kwargs: seen.append(response.status_code))
        for verb in (api.get, api.post, api.put, api.patch, api.delete, api.options, api.head):
            assert verb(bench.api.url + "/echo", headers={"x-one": "request"}).status_code == 200
    assert seen == [200] * 7
    last = bench.provider.journal.of("api")[-1]
    assert last.headers.get_all("X-One") == ["request"]
    assert last.query == {"page": "1"}
    assert bench.provider.is_valid(api.access_token())
    with pytest.raises(InvalidOption, match="auth"):
        api.get(bench.api.url, auth=("a", "b"))
    with pytest.raises(ReauthorizationRequired):
        bench.session({}).access_token()


# --- secrets that the platform manages ---------------------------------------------------------------------


class Secrets:
    """The platform's secrets, as a client would see them."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.token = bench.keys["access_token"]
        self.log: list[str] = []
        self.error: ShipmateError | None = None
        self.type = "oauth2"

    def _attributes(self) -> dict[str, Any]:
        credentials = {"access_token": self.token, "undefined_params": {"api": self.bench.api.url, "access_token": "x"}}
        return {"type": self.type, "credentials": credentials}

    def secret(self, secret_id: str) -> dict[str, Any]:
        self.log.append("read")
        return self._attributes()

    def refresh_secret(self, secret_id: str) -> dict[str, Any]:
        self.log.append("refresh")
        if self.error:
            raise self.error
        self.token = self.bench.provider.issue()["access_token"]
        return self._attributes()


@pytest.fixture
def secrets(bench: Workbench) -> Secrets:
    """Return secrets whose token has expired, wired to the bench's sessions."""
    secrets = Secrets(bench)
    bench.services = replace(bench.services, secrets=lambda: secrets)
    return secrets


def test_a_managed_secret_is_read_then_refreshed_by_the_platform(bench: Workbench, secrets: Secrets) -> None:
    """Never updateKeys; members that the platform does not know fill URLs, and its own go before them."""
    for _ in range(2):
        assert bench.session({"secretId": "s1"}).get("{api}/me").status_code == 200
    assert secrets.log == ["read", "read", "refresh"]
    assert bench.calls() == ["api 401", "api 200", "api 200"]
    assert bench.call.updates == []


def test_a_managed_secret_that_fits_into_no_header_is_refused(
    bench: Workbench, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one stays."""
    monkeypatch.setattr(bench.provider, "issue", lambda: {"access_token": "two words"})
    with pytest.raises(TokenEndpointUnavailable, match="header"):
        bench.session({"secretId": "s1"}).get(bench.api.url + "/me")


def test_a_managed_secret_that_the_platform_has_refreshed_is_only_read(bench: Workbench, secrets: Secrets) -> None:
    """It differs from the one that failed."""
    api = bench.session({"secretId": "s1"})
    secrets.token = bench.provider.issue()["access_token"]
    assert api.get(bench.api.url + "/me").status_code == 200
    bench.provider.expire_access_tokens()
    secrets.token = bench.provider.issue()["access_token"]
    assert api.get(bench.api.url + "/me").status_code == 200
    assert secrets.log == ["read", "read"]


def test_threads_share_the_refresh_of_a_managed_secret(bench: Workbench, secrets: Secrets) -> None:
    """One refresh for all of them."""
    work = lambda n: bench.session({"secretId": "s1"}).get(bench.api.url + "/me").status_code  # noqa: E731
    assert in_threads(16, work) == [200] * 16
    assert secrets.log.count("refresh") == 1


def test_a_managed_secret_that_cannot_be_refreshed_is_told_once_per_message(bench: Workbench, secrets: Secrets) -> None:
    """And the platform is not asked for each of them."""
    secrets.error = PlatformRefused("POST /v2/secrets: HTTP 400")
    for _ in range(3):
        with pytest.raises(ReauthorizationRequired, match="secret s1"):
            bench.session({"secretId": "s1"}).get(bench.api.url + "/me")
    assert secrets.log == ["read", "read", "refresh", "read"]


def test_a_secret_and_keys_together_are_an_error(bench: Workbench, secrets: Secrets) -> None:
    """Only one of them can be right; the same goes for a secret of another type."""
    with pytest.raises(CredentialsInvalid, match="secretId"):
        bench.session(bench.cfg(secretId="s1"))
    secrets.type = "basic"
    with pytest.raises(CredentialsInvalid, match="basic"):
        bench.session({"secretId": "s1"}).get(bench.api.url + "/me")


def test_a_refresh_policy_is_ignored_for_a_managed_secret(
    bench: Workbench, secrets: Secrets, caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning."""
    api = bench.session({"secretId": "s1"}, refresh="every_access")
    assert "ignored" in caplog.text
    secrets.token = bench.provider.issue()["access_token"]
    assert api.access_token() == secrets.token
    assert [api.get(bench.api.url + "/me").status_code for _ in range(2)] == [200, 200]
    assert secrets.log == ["read"]


# --- stopping, locks, logs ---------------------------------------------------------------------------------


def test_a_stop_waits_for_the_refresh_in_flight_and_lets_no_new_one_start(bench: Workbench) -> None:
    """Its tokens reach their place before the process ends."""
    hold = threading.Event()
    bench.provider.script("/token", Fault(hold=hold, after_processing=True))
    with ThreadPoolExecutor(2) as pool:
        request = pool.submit(lambda: bench.session().get(bench.api.url + "/me"))
        bench.provider.wait_for(1)
        assert not bench.services.credential_store.drain(0)
        draining = pool.submit(lambda: bench.services.credential_store.drain(10))
        hold.set()
        assert draining.result(10)
        assert len(bench.call.updates) == 1
        assert request.result(10).status_code == 200
    bench.provider.expire_access_tokens()
    with pytest.raises(TokenEndpointUnavailable, match="stopping"):
        bench.session().get(bench.api.url + "/me")


def test_the_lock_of_the_author_encloses_the_refresh(bench: Workbench) -> None:
    """And a broken one does not prevent it."""
    seen: list[str] = []

    class Lock:
        def __init__(self, account: str | None) -> None:
            seen.append(f"for {account}")

        def __enter__(self) -> None:
            seen.append(f"enter {len(bench.provider.token_requests)}")

        def __exit__(self, *exc_info: object) -> None:
            seen.append(f"exit {len(bench.provider.token_requests)}")

    assert bench.session(bench.cfg(_account="a"), lock=Lock).get(bench.api.url + "/me").status_code == 200
    assert seen == ["for a", "enter 0", "exit 1"]
    bench.provider.expire_access_tokens()

    def broken(account: str | None) -> Any:
        raise OSError("no lock server")

    assert bench.session(bench.cfg(_account="a"), lock=broken).get(bench.api.url + "/me").status_code == 200


@pytest.fixture
def unlocked(bench: Workbench) -> Workbench:
    """Return the bench of a container whose transport has no locks; its stored keys can be read."""
    bench.stored.is_unlocked = True
    bench.stored.fields = bench.cfg()
    return bench


def test_without_a_lock_a_container_pauses_and_looks_again_before_it_asks(unlocked: Workbench) -> None:
    """Decision 8: the keys of a container that was faster appear during the pause."""
    faster = unlocked.provider.issue()

    def save_during_the_pause(reads: int) -> None:
        if unlocked.time.slept:
            unlocked.stored.fields = {"oauth": faster}

    unlocked.stored.on_read = save_during_the_pause
    assert unlocked.session().get(unlocked.api.url + "/me").status_code == 200
    assert unlocked.provider.token_requests == []
    (pause,) = unlocked.time.slept
    assert 0 < pause <= 2


def test_without_a_lock_the_keys_that_are_stored_after_the_save_are_used(
    unlocked: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    """Decision 8: another container has saved after this one, at a provider with a grace period."""
    other = unlocked.provider.issue()

    def save_later(reads: int) -> None:
        if unlocked.call.updates:
            unlocked.stored.fields = {"oauth": other}

    unlocked.stored.on_read = save_later
    cfg = unlocked.cfg(_account="a1")
    assert unlocked.session(cfg).get(unlocked.api.url + "/me").status_code == 200
    assert unlocked.session(cfg).access_token() == other["access_token"]
    assert len(unlocked.provider.token_requests) == 1
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "another process has refreshed account a1 at the same moment: its keys are used"
    ]


def test_without_a_lock_the_error_of_a_dead_credential_names_the_race(unlocked: Workbench) -> None:
    """An operator learns what may have happened; with a lock it cannot have."""
    unlocked.provider.revoke()
    with pytest.raises(ReauthorizationRequired, match=r"Sign in again\. Another container may have used it"):
        unlocked.session().get(unlocked.api.url + "/me")
    assert 4 <= sum(unlocked.time.slept) <= 6


def test_a_lock_of_the_author_makes_the_pause_needless(unlocked: Workbench) -> None:
    """Decision 8: the container is as safe as with a lock of the transport."""
    session = unlocked.session(lock=lambda account: nullcontext())
    assert session.get(unlocked.api.url + "/me").status_code == 200
    assert (unlocked.time.slept, unlocked.stored.reads) == ([], 1)


def test_with_a_lock_there_is_neither_a_pause_nor_a_second_look(bench: Workbench) -> None:
    """Over AMQP nothing has changed."""
    bench.stored.fields = bench.cfg()
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert (bench.time.slept, bench.stored.reads) == ([], 1)


def test_keys_of_another_container_are_adopted_while_it_has_the_lock(bench: Workbench) -> None:
    """A hundred containers that wait for one refresh would otherwise read its keys one after the other."""
    bench.stored.is_in_use = [True]
    bench.stored.fields = {"oauth": bench.provider.issue()}
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert (bench.stored.reads, bench.stored.is_in_use) == (1, [])
    assert bench.provider.token_requests == []


def test_a_lock_is_tried_again_until_there_are_newer_keys_or_it_is_free(bench: Workbench) -> None:
    """Its owner may fail; then the keys are read once more under the lock, and refreshed."""
    bench.stored.is_in_use = [True, True]
    bench.stored.fields = bench.cfg()
    requests: list[int] = []
    bench.stored.on_read = lambda reads: requests.append(len(bench.provider.token_requests))
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert requests == [0, 0, 0]
    assert bench.stored.locks == 1  # its wait is that of all attempts
    assert len(bench.provider.token_requests) == 1


def test_a_refresh_whose_broker_is_lost_does_not_begin(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends, and other containers may refresh at the same moment."""

    @contextmanager
    def lost(account: str | None) -> Iterator[bool]:
        raise BrokerLost("cannot reach the broker")
        yield False

    monkeypatch.setattr(bench.stored, "lock", lost)
    with pytest.raises(BrokerLost):
        bench.session().get(bench.api.url + "/me")
    assert bench.provider.token_requests == []


@contextmanager
def abandoned_lock(account: str | None) -> Iterator[bool]:
    """Give up the wait for the lock, as in a process that stops."""
    raise RefreshAbandoned("the process stops")
    yield False


def test_a_refresh_that_waits_for_another_container_when_the_time_to_stop_is_over_leaves_its_message(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a token request: the other container may be about to use the refresh token."""

    monkeypatch.setattr(bench.stored, "lock", abandoned_lock)
    with pytest.raises(RefreshAbandoned):
        bench.session().get(bench.api.url + "/me")
    assert bench.call.is_left
    assert bench.provider.token_requests == []


def test_a_thread_that_waits_for_the_refresh_of_another_one_leaves_its_message_as_well(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome of the one refresh is that of all threads."""

    def abandoned(account: Account, generation: int) -> None:
        raise RefreshAbandoned("the process stops")

    monkeypatch.setattr(Account, "replacement", abandoned)
    with pytest.raises(RefreshAbandoned):
        bench.session().get(bench.api.url + "/me")
    assert bench.call.is_left


def test_an_early_refresh_that_is_abandoned_leaves_no_message(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its token is still valid."""

    keys = {**bench.provider.issue(), "expires_at": bench.services.clock.epoch() + 10}
    monkeypatch.setattr(bench.stored, "lock", abandoned_lock)
    session = bench.session({"oauth": keys}, refresh="before_expiry")
    assert session.get(bench.api.url + "/me").status_code == 200
    assert not bench.call.is_left


def test_a_refused_container_looks_for_newer_keys_without_the_lock(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks no more; the containers that wait for the lock would be kept for four seconds, one after the other."""
    slept: list[list[float]] = []

    @contextmanager
    def lock(account: str | None) -> Iterator[bool]:
        yield False
        slept.append([*bench.time.slept])

    monkeypatch.setattr(bench.stored, "lock", lock)
    bench.stored.fields = bench.cfg()
    bench.provider.revoke()
    with pytest.raises(ReauthorizationRequired):
        bench.session().get(bench.api.url + "/me")
    assert slept == [[]]
    assert sum(bench.time.slept) == pytest.approx(4)


def test_a_lock_that_cannot_be_made_does_not_prevent_a_refresh(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(account: str | None) -> AbstractContextManager[bool]:
        raise OSError("no lock")

    monkeypatch.setattr(bench.stored, "lock", broken)
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert "no refresh lock, continuing without it" in caplog.text


def test_adopted_keys_without_an_access_token_are_refreshed(bench: Workbench) -> None:
    """With their refresh token, and not with the one that was spent."""
    bench.stored.is_in_use = [True]
    stored = bench.provider.issue()
    del stored["access_token"]
    bench.stored.fields = {"oauth": stored}
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert [each.form["refresh_token"] for each in bench.provider.token_requests] == [stored["refresh_token"]]


def test_the_lock_of_the_author_is_not_taken_while_another_container_refreshes(bench: Workbench) -> None:
    """It is the inner one."""
    taken: list[str | None] = []

    def lock(account: str | None) -> AbstractContextManager[bool]:
        taken.append(account)
        return nullcontext(True)  # its value means nothing

    bench.stored.is_in_use = [True]
    bench.stored.fields = bench.cfg()
    assert bench.session(lock=lock).get(bench.api.url + "/me").status_code == 200
    assert len(taken) == 1
    assert len(bench.provider.token_requests) == 1


def test_nothing_secret_is_logged(bench: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    """Not by us and not by urllib3, at the lowest level; the redactor knows every new token besides."""
    caplog.set_level(1)
    bench.session().get(bench.api.url + "/me")
    secrets = [bench.keys[name] for name in ("access_token", "refresh_token")]
    secrets += [bench.call.updates[0]["oauth"][name] for name in ("access_token", "refresh_token")]
    text = caplog.text + json.dumps([record.__dict__ for record in caplog.records], default=str)
    assert not [secret for secret in [*secrets, "demo-secret"] if secret in text]


def test_stored_keys_that_cannot_be_read_do_not_prevent_a_refresh(
    bench: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    """Not being able to look is no reason to fail."""

    def fail(reads: int) -> None:
        raise KeysNotSaved("unreadable")

    bench.stored.on_read = fail
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    assert "cannot be read" in caplog.text


def test_a_platform_that_does_not_answer_is_a_passing_failure(bench: Workbench, secrets: Secrets) -> None:
    """The next message asks it again."""
    secrets.error = PlatformUnavailable("POST /v2/secrets: HTTP 503")
    with pytest.raises(TokenEndpointUnavailable, match="503"):
        bench.session({"secretId": "s1"}).get(bench.api.url + "/me")
    secrets.error = None
    assert bench.session({"secretId": "s1"}).get(bench.api.url + "/me").status_code == 200


def test_a_sign_in_during_a_refresh_wins_when_it_has_ended(bench: Workbench) -> None:
    """The refresh belongs to the old connection."""
    hold = threading.Event()
    bench.provider.script("/token", Fault(hold=hold, after_processing=True))
    new_keys = bench.provider.issue()
    fresh = {"oauth": dict(new_keys), "_account": "a"}
    with ThreadPoolExecutor(1) as pool:
        request = pool.submit(lambda: bench.session(bench.cfg(_account="a")).get(bench.api.url + "/me").status_code)
        bench.provider.wait_for(1)
        session = bench.session(fresh)
        hold.set()
        assert request.result(10) == 200
    assert session.access_token() == new_keys["access_token"]


def test_a_reusable_provider_opens_sessions_through_the_context(bench: Workbench) -> None:
    """Its options are those of ``context.oauth2``."""

    class Context:
        def oauth2(self, cfg: dict[str, Any], **options: Any) -> Any:
            return open_session(options, cfg, call=bench.call, services=bench.services)

    provider = OAuth2(bench.provider.token_url, client_id="demo-client", client_secret="demo-secret")
    assert provider.session(Context(), bench.cfg()).get(bench.api.url + "/me").status_code == 200


def test_waiting_for_a_refresh_of_another_thread_has_an_end(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that hangs must not hang all others for ever."""
    monkeypatch.setattr("shipmate.oauth2.accounts._LONGEST_WAIT_SECONDS", 0.01)
    hold = threading.Event()
    bench.provider.script("/token", Fault(hold=hold, after_processing=True))
    with ThreadPoolExecutor(1) as pool:
        request = pool.submit(lambda: bench.session().get(bench.api.url + "/me").status_code)
        bench.provider.wait_for(1)
        with pytest.raises(TokenEndpointUnavailable, match="in time"):
            bench.session().get(bench.api.url + "/me")
        hold.set()
        assert request.result(10) == 200


@pytest.mark.parametrize("url", ["http://h:99999/x", "/relative", "http://", "nonsense://x"])
def test_a_url_without_host_or_port_has_no_origin(url: str) -> None:
    """The token goes nowhere then."""
    assert origin(url) is None


def test_the_token_never_follows_from_https_to_http() -> None:
    """Also not to an origin that is allowed; the upgrade of the same host is fine."""
    allowed = frozenset(each for each in (origin("https://a.example"), origin("http://a.example")) if each)
    auth = TokenAuth(Proof("Authorization", "Bearer x"), allowed)
    assert not auth.may_follow("https://a.example/1", "http://a.example/2")
    assert not auth.may_follow("https://a.example/1", "https://[broken")
    assert auth.may_follow("http://a.example/1", "https://a.example/2")
    upgrade_only = TokenAuth(Proof("Authorization", "x"), frozenset({("http", "a.example", 80)}))
    assert upgrade_only.may_follow("http://a.example/", "https://a.example/")
    assert not upgrade_only.may_follow("http://a.example/", "https://b.example/")
