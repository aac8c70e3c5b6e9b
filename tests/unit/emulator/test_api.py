"""The emulator's protected API."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from shipmate.emulator import DemoApi, OAuth2Provider, Reply

TIMEOUT = 10
Ask = Callable[..., requests.Response]


@pytest.fixture
def api(provider: OAuth2Provider) -> Iterator[DemoApi]:
    """Return an API that the provider protects."""
    with DemoApi(provider) as started:
        yield started


@pytest.fixture
def ask(api: DemoApi, provider: OAuth2Provider) -> Ask:
    """Return a function that asks the API with a valid token."""
    token = provider.issue("read")["access_token"]

    def request(method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        url = path if path.startswith("http") else api.url + path
        return requests.request(method, url, headers=headers, timeout=TIMEOUT, allow_redirects=False, **options)

    return request


def bearer(api: DemoApi, token: str | None) -> requests.Response:
    """Ask who one is with a token, or without."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return requests.get(api.url + "/me", headers=headers, timeout=TIMEOUT)


def test_a_valid_token_is_let_in(ask: Ask) -> None:
    assert ask("GET", "/me").json()["name"] == "Ada Example"


def test_expired_unknown_and_missing_tokens_are_401_with_a_challenge(api: DemoApi, provider: OAuth2Provider) -> None:
    expired = bearer(api, provider.issue(expired=True)["access_token"])
    assert expired.status_code == 401
    assert expired.headers["WWW-Authenticate"].startswith('Bearer realm="demo", error="invalid_token"')
    assert "expired" in expired.headers["WWW-Authenticate"]
    assert 'error="invalid_token"' in bearer(api, "nonsense").headers["WWW-Authenticate"]
    missing = bearer(api, None)
    assert (missing.status_code, missing.headers["WWW-Authenticate"]) == (401, 'Bearer realm="demo"')


def test_a_token_can_expire_after_a_number_of_calls() -> None:
    with OAuth2Provider(access_token_life_uses=1) as provider, DemoApi(provider) as api:
        token = provider.issue()["access_token"]
        assert [bearer(api, token).status_code for _ in range(2)] == [200, 401]


def test_a_path_can_require_a_scope(api: DemoApi, ask: Ask) -> None:
    api.require_scope("/me", "admin")
    api.require_scope("/echo", "admin", status=401)
    api.require_scope("/contacts", "read")
    answer = ask("GET", "/me")
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert 'scope="admin"' in answer.headers["WWW-Authenticate"]
    assert [ask("GET", path).status_code for path in ("/echo", "/contacts")] == [401, 200]


def test_an_api_can_have_its_own_header_and_refusal(provider: OAuth2Provider) -> None:
    refusal = Reply(200, {"code": 602})
    with DemoApi(provider, token_header="X-Shop-Token", refusal=refusal) as api:
        headers = {"X-Shop-Token": provider.issue()["access_token"]}
        echo = requests.get(api.url + "/echo", headers=headers, timeout=TIMEOUT).json()
        assert "X-Shop-Token" not in echo["headers"]
        for wrong in ({"X-Shop-Token": "wrong"}, {}):
            assert requests.get(api.url + "/echo", headers=wrong, timeout=TIMEOUT).json() == {"code": 602}


def test_contacts_are_created_read_replaced_and_deleted(ask: Ask) -> None:
    made = ask("POST", "/contacts", json={"name": "Ada"})
    assert (made.status_code, made.json()) == (201, {"name": "Ada", "id": "1"})
    assert ask("GET", made.headers["Location"]).json() == made.json()
    assert ask("PUT", "/contacts/1", json={"name": "Bo"}).json() == {"name": "Bo", "id": "1"}
    assert ask("GET", "/contacts").json() == [{"name": "Bo", "id": "1"}]
    assert ask("DELETE", "/contacts/1").status_code == 204
    assert [ask(method, "/contacts/1", json={}).status_code for method in ("GET", "PUT", "DELETE")] == [404] * 3
    assert ask("POST", "/contacts", json={}).json() == {"id": "2"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_a_contact_must_be_a_json_object(ask: Ask, body: bytes) -> None:
    ask("POST", "/contacts", json={})
    assert [ask("POST", "/contacts", data=body).status_code, ask("PUT", "/contacts/1", data=body).status_code] == [
        400,
        400,
    ]


@pytest.mark.parametrize("mode", ["link", "next", "offset"])
def test_records_come_in_pages_of_each_kind(ask: Ask, mode: str) -> None:
    url: str | None = f"/records?mode={mode}&limit=10&q=kept"
    pages = []
    while url:
        answer = ask("GET", url)
        body = answer.json()
        pages.append(body if mode == "link" else body["records"])
        if mode == "link":
            url = answer.links.get("next", {}).get("url")
        elif mode == "next":
            url = body["next"]
        else:
            after = body["offset"] + body["limit"]
            url = f"/records?mode=offset&q=kept&limit=10&offset={after}" if after < body["total"] else None
        assert url is None or "q=kept" in url
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [record["id"] for page in pages for record in page] == list(range(1, 26))


def test_records_can_be_given_and_change(provider: OAuth2Provider) -> None:
    with DemoApi(provider, records=[{"id": "x"}]) as api:
        headers = {"Authorization": "Bearer " + provider.issue()["access_token"]}
        api.records.append({"id": "y"})
        assert requests.get(api.url + "/records", headers=headers, timeout=TIMEOUT).json() == [{"id": "x"}, {"id": "y"}]


def test_a_record_that_is_added_comes_after_the_others(ask: Ask) -> None:
    """A trigger polls for what comes after the last one that it has seen."""
    added = ask("POST", "/records", json={"name": "Ada"})
    assert (added.status_code, added.json()) == (201, {"name": "Ada", "id": 26})
    assert [each["id"] for each in ask("GET", "/records?after=23&limit=2").json()] == [24, 25]
    assert ask("GET", "/records?after=25&limit=100").json() == [{"name": "Ada", "id": 26}]


@pytest.mark.parametrize("query", ["mode=cursor", "offset=-1", "limit=0", "limit=many"])
def test_a_page_with_wrong_parameters_is_400(ask: Ask, query: str) -> None:
    assert ask("GET", "/records?" + query).status_code == 400


def test_echo_returns_the_request_without_the_token(ask: Ask) -> None:
    body = b"x" * 1000
    seen = ask("PATCH", "/echo?a=1", data=body, headers={"X-Mine": "1"}).json()
    assert (seen["method"], seen["query"], seen["body_length"]) == ("PATCH", {"a": "1"}, 1000)
    assert seen["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert seen["headers"]["X-Mine"] == "1"
    assert "Authorization" not in seen["headers"]


def test_a_request_can_choose_its_redirect_or_status(ask: Ask) -> None:
    there = ask("GET", "/redirect?to=http://other.test/x&status=307")
    assert (there.status_code, there.headers["Location"]) == (307, "http://other.test/x")
    assert ask("POST", "/redirect").status_code == 302
    assert ask("GET", "/status/418").json() == {"status": 418}
    assert ask("GET", "/status/teapot").status_code == 400


def test_provider_and_api_share_a_journal(api: DemoApi, provider: OAuth2Provider, ask: Ask) -> None:
    ask("GET", "/me")
    provider.script("/token")
    requests.post(provider.token_url, timeout=TIMEOUT)
    ask("GET", "/me")
    assert [each.server for each in provider.journal.requests] == ["api", "provider", "api"]
    assert [each.sequence for each in api.requests] == [1, 3]
