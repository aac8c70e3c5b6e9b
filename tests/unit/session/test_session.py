"""Sessions for every kind of credential, against real servers."""

import base64
from typing import Any

import pytest

from shipmate.emulator import Fault, Reply, Server
from shipmate.errors import CredentialsInvalid, InvalidOption, ReauthorizationRequired, UnsafeUrl
from shipmate.session.session import KeySession, TokenSession
from tests.unit.session.conftest import Desk, in_threads

BASIC = "Basic " + base64.b64encode("ada:pässword".encode()).decode()


def sent(desk: Desk, header: str = "Authorization") -> list[str | None]:
    """Return a header of each request to the API."""
    return [each.header(header) for each in desk.api.journal.of("api")]


# --- credential fields -------------------------------------------------------------------------------------


def test_user_and_password_are_sent_as_basic_authentication(desk: Desk) -> None:
    desk.fields(username="TextFieldView", password="PasswordFieldView")
    session = desk.session({"username": " ada ", "password": "pässword"})
    assert session.get(desk.api.url + "/me").json() == {"id": 7}
    assert sent(desk) == [BASIC]


def test_a_key_goes_into_the_usual_header(desk: Desk) -> None:
    desk.fields(apiKey="PasswordFieldView")
    desk.session({"apiKey": "k-1"}).get(desk.api.url + "/me")
    assert sent(desk, "X-API-Key") == ["k-1"]


def test_a_key_goes_where_the_author_says(desk: Desk) -> None:
    desk.fields(pin="PasswordFieldView", who="TextFieldView")
    cfg = {"pin": "k 1", "who": "ada"}
    desk.session(cfg, header="X-Pin: Pin {pin}").get(desk.api.url + "/me")
    desk.session(cfg, query="key={pin}").get(desk.api.url + "/me", params={"page": 2})
    desk.session(cfg, basic="{who}:{pin}").get(desk.api.url + "/me")
    assert sent(desk, "X-Pin")[0] == "Pin k 1"
    assert desk.api.journal.of("api")[1].query == {"page": "2", "key": "k 1"}
    assert sent(desk)[2] == "Basic " + base64.b64encode(b"ada:k 1").decode()


def test_a_key_in_the_query_takes_the_way_through_requests_too(desk: Desk) -> None:
    """Parameters as a text are written by requests itself."""
    desk.fields(apiKey="PasswordFieldView")
    desk.session({"apiKey": "k"}, query="key={apiKey}").get(desk.api.url + "/me", params="page=2")
    assert desk.api.journal.of("api")[0].query == {"page": "2", "key": "k"}


def test_a_token_is_sent_as_bearer(desk: Desk) -> None:
    desk.fields(token="PasswordFieldView")
    desk.session({"token": "t-1"}).get(desk.api.url + "/me")
    assert sent(desk) == ["Bearer t-1"]


def test_an_account_without_fields_sends_nothing(desk: Desk) -> None:
    session = desk.session({})
    assert isinstance(session, KeySession)
    session.get(desk.api.url + "/me")
    assert sent(desk) == [None]


def test_oauth2_keys_are_refreshed_and_saved_as_by_context_oauth2(desk: Desk) -> None:
    desk.descriptor["credentials"] = {
        "oauth2": {"client_id": "demo-client", "client_secret": "demo-secret", "token_uri": desk.provider.token_url}
    }
    desk.fields(oauth="OAuthFieldView", username="TextFieldView", password="PasswordFieldView")
    desk.api.accepts = lambda request: desk.provider.use(request.bearer or "")[0] == "valid"
    session = desk.session({"oauth": desk.provider.issue(expired=True), "username": "u", "password": "p"})
    assert isinstance(session, TokenSession)
    assert session.get(desk.api.url + "/me").status_code == 200
    assert list(desk.call.updates[0]) == ["oauth"]


def test_of_several_ways_exactly_one_must_be_filled_in(desk: Desk) -> None:
    desk.fields(username="TextFieldView", password="PasswordFieldView", apiKey="PasswordFieldView")
    desk.session({"username": "ada", "password": "pässword", "apiKey": ""}).get(desk.api.url + "/me")
    assert sent(desk) == [BASIC]
    for cfg in ({"username": "ada"}, {"username": "ada", "password": "p", "apiKey": "k"}):
        with pytest.raises(CredentialsInvalid, match="exactly one of username and password, or apiKey"):
            desk.session(cfg)
    assert desk.session({}, auth=("api_key", "none")).get(desk.api.url + "/me").ok
    with pytest.raises(InvalidOption, match="bearer"):
        desk.session({}, auth="bearer")


def test_a_missing_field_is_named_before_anything_is_sent(desk: Desk) -> None:
    desk.fields(apiKey="PasswordFieldView")
    with pytest.raises(CredentialsInvalid, match="the credential field apiKey: expected a text, found nothing"):
        desk.session({"apiKey": "  "})


def test_a_secret_field_without_a_known_place_is_the_authors_to_place(desk: Desk) -> None:
    desk.fields(pin="PasswordFieldView")
    with pytest.raises(InvalidOption, match=r"header='X-API-Key: \{pin\}'"):
        desk.session({"pin": "1"})


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"polcy": 1}, "no option 'polcy'; did you mean 'policy'"),
        ({"policy": 3}, "expected a Policy, found int"),
        ({"header": "X-Key"}, "option header"),
        ({"query": "key"}, "option query"),
        ({"basic": "{user}"}, "option basic"),
        ({"auth": "ntlm"}, "expected some of oauth2, basic"),
        ({"hosts": "x"}, "option hosts"),
    ],
)
def test_wrong_options_are_refused_by_name(desk: Desk, options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidOption, match=text):
        desk.session({}, **options)


def test_fields_fill_urls_but_for_secret_ones(desk: Desk) -> None:
    desk.fields(base_url="TextFieldView", apiKey="PasswordFieldView")
    session = desk.session({"base_url": desk.api.url, "apiKey": "k"})
    assert session.get("{base_url}/me").ok
    with pytest.raises(Exception, match="found base_url"):
        session.get("{base_url}/{apiKey}")


# --- hosts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"header": "X-Key: {apiKey}"}, {"query": "key={apiKey}"}])
def test_a_redirect_to_another_host_does_not_take_the_key_along(desk: Desk, options: dict[str, str]) -> None:
    desk.fields(apiKey="PasswordFieldView")
    with Server(name="other", journal=desk.api.journal) as other:
        other.route("GET", "/me", lambda request: Reply(200, {}))
        desk.api.script("/me", Fault(redirect=other.url + "/me"))
        assert desk.session({"apiKey": "k-secret"}, **options).get(desk.api.url + "/me").ok
        (request,) = desk.api.journal.of("other")
    assert "k-secret" not in f"{request.query_string} {dict(request.headers)}"


def test_a_redirect_on_the_same_host_keeps_the_key_of_the_query(desk: Desk) -> None:
    desk.fields(apiKey="PasswordFieldView")
    desk.api.script("/old", Fault(redirect="/me?page=2"))
    desk.session({"apiKey": "k"}, query="key={apiKey}").get(desk.api.url + "/old")
    assert desk.api.journal.of("api")[1].query == {"page": "2", "key": "k"}


def test_hosts_hold_for_every_kind(desk: Desk) -> None:
    desk.fields(apiKey="PasswordFieldView", base_url="TextFieldView")
    cfg = {"apiKey": "k", "base_url": desk.api.url}
    assert desk.session(cfg, hosts=["{base_url}"]).get("{base_url}/me").ok
    with pytest.raises(UnsafeUrl, match="expected one of the hosts"):
        desk.session(cfg, hosts=["api.example.com"]).get("{base_url}/me")
    with pytest.raises(UnsafeUrl, match="expected https"):
        desk.session(cfg).get("http://api.example.com/me")


# --- secrets of the platform -------------------------------------------------------------------------------


def test_a_secret_of_each_type_proves_the_account_by_its_own_type(desk: Desk) -> None:
    token = desk.provider.issue()["access_token"]
    desk.platform.secrets = {}
    secrets: dict[str, dict[str, Any]] = {
        "o": {"type": "oauth2", "credentials": {"access_token": token}},
        "b": {"type": "basic", "credentials": {"username": "ada", "password": "pässword", "fields": {}}},
        "k": {"type": "api_key", "credentials": {"headerName": "X-Key", "headerValue": "k-1"}},
        "n": {"type": "noauth", "credentials": {"fields": {"base_url": desk.api.url}}},
    }
    desk.platform.secrets = {name: {"name": name, "state": "ready", **each} for name, each in secrets.items()}
    for name in secrets:
        assert desk.session({"secretId": name}).get(desk.api.url + "/me").ok
    assert sent(desk) == [f"Bearer {token}", BASIC, None, None]
    assert sent(desk, "X-Key") == [None, None, "k-1", None]
    assert desk.session({"secretId": "n"}).get("{base_url}/me").ok
    assert desk.platform_calls() == ["read"] * 4


@pytest.mark.parametrize(
    ("credentials", "header", "value"),
    [
        ({"username": "ada", "password": "pässword"}, "Authorization", BASIC),
        ({"headerName": "X-Key", "headerValue": "k"}, "X-Key", "k"),
        ({}, "Authorization", None),
    ],
)
def test_the_members_tell_the_type_of_a_secret_without_one(
    desk: Desk, credentials: dict[str, Any], header: str, value: str | None
) -> None:
    desk.platform.secrets["s"] = {"type": "", "credentials": credentials}
    desk.session({"secretId": "s"}).get(desk.api.url + "/me")
    assert sent(desk, header) == [value]


def test_an_api_key_of_a_secret_goes_into_the_query_if_the_author_says_so(desk: Desk) -> None:
    desk.platform.secrets["s"] = {"type": "api_key", "credentials": {"headerName": "X", "headerValue": "k"}}
    desk.session({"secretId": "s"}, query="key={apiKey}").get(desk.api.url + "/me")
    assert desk.api.journal.of("api")[0].query == {"key": "k"}


def test_the_fields_of_a_secret_are_those_of_the_session(desk: Desk) -> None:
    fields = {"retries": "0", "timeout": "7", "base_url": desk.api.url}
    desk.platform.secrets["s"] = {"type": "noauth", "credentials": {"fields": fields}}
    session = desk.session({"secretId": "s", "mode": "fast"})
    assert session.fields == {"secretId": "s", "mode": "fast", **fields}
    assert session.policy.attempts == 1
    assert session.timeout == (7.0, 7.0)
    desk.api.script("/me", Fault(status=503))
    assert session.get("{base_url}/me").status_code == 503


def test_a_changed_password_is_read_again_on_401_and_the_request_sent_once_more(desk: Desk) -> None:
    desk.platform.secrets["s"] = {"type": "basic", "credentials": {"username": "ada", "password": "old"}}
    assert desk.session({"secretId": "s"}).get(desk.api.url + "/me").ok
    desk.api.accepts = lambda request: request.header("Authorization") == BASIC
    desk.platform.change_secret("s", credentials={"username": "ada", "password": "pässword"})
    assert desk.session({"secretId": "s"}).get(desk.api.url + "/me").ok
    assert desk.statuses() == [200, 401, 200]
    assert desk.platform_calls() == ["read", "read"]


def test_an_unchanged_password_asks_for_a_new_sign_in_and_the_next_message_looks_again(desk: Desk) -> None:
    desk.platform.secrets["s"] = {"type": "basic", "credentials": {"username": "ada", "password": "wrong"}}
    desk.api.accepts = lambda request: request.header("Authorization") == BASIC
    with pytest.raises(ReauthorizationRequired, match="the API refuses secret s"):
        desk.session({"secretId": "s"}).get(desk.api.url + "/me")
    assert desk.platform_calls() == ["read", "read"]
    desk.platform.change_secret("s", credentials={"username": "ada", "password": "pässword"})
    assert desk.session({"secretId": "s"}).get(desk.api.url + "/me").ok


def test_the_type_of_a_secret_may_change(desk: Desk) -> None:
    desk.platform.secrets["s"] = {"type": "noauth", "credentials": {}}
    desk.api.accepts = lambda request: request.header("X-Key") == "k"
    desk.platform.change_secret("s", type="noauth")
    assert desk.session({"secretId": "s"}).fields == {"secretId": "s"}
    desk.platform.change_secret("s", type="api_key", credentials={"headerName": "X-Key", "headerValue": "k"})
    assert desk.session({"secretId": "s"}).get(desk.api.url + "/me").ok


def test_an_oauth2_secret_is_refreshed_once_for_a_message_and_a_token(desk: Desk) -> None:
    desk.platform.secrets["s"] = {"type": "oauth2", "credentials": desk.provider.issue()}
    desk.platform.answers_with_lists = True
    desk.api.accepts = lambda request: False
    session = desk.session({"secretId": "s"})
    for _ in range(3):
        with pytest.raises(ReauthorizationRequired, match="also after a refresh"):
            session.get(desk.api.url + "/me")
    assert desk.platform_calls().count("refresh") == 1
    desk.next_message()
    with pytest.raises(ReauthorizationRequired):
        desk.session({"secretId": "s"}).get(desk.api.url + "/me")
    assert desk.platform_calls().count("refresh") == 2


def test_threads_share_one_read_and_one_refresh(desk: Desk) -> None:
    desk.platform.secrets["s"] = {"type": "oauth2", "credentials": desk.provider.issue(expired=True)}
    desk.api.accepts = lambda request: desk.provider.use(request.bearer or "")[0] == "valid"
    _ = desk.services
    statuses = in_threads(16, lambda number: desk.session({"secretId": "s"}).get(desk.api.url + "/me").status_code)
    assert statuses == [200] * 16
    assert desk.platform_calls() == ["read", "read", "refresh"]


def test_secrets_do_not_mix(desk: Desk) -> None:
    """Each message has its own account."""
    for name in ("one", "two"):
        desk.platform.secrets[name] = {"type": "api_key", "credentials": {"headerName": "X-Key", "headerValue": name}}
    for name in ("one", "two", "one"):
        desk.session({"secretId": name}).get(desk.api.url + "/me")
    assert sent(desk, "X-Key") == ["one", "two", "one"]


def test_a_secret_in_the_state_error_sends_nothing_until_a_person_repairs_it(desk: Desk) -> None:
    desk.platform.secrets["s"] = {"type": "basic", "credentials": {"username": "ada", "password": "pässword"}}
    desk.platform.break_secret("s", "the grant was revoked")
    with pytest.raises(ReauthorizationRequired, match=r"secret s \(the grant was revoked\)"):
        desk.session({"secretId": "s"}).get(desk.api.url + "/me")
    assert desk.statuses() == []
    desk.platform.change_secret("s", state="ready")
    assert desk.session({"secretId": "s"}).get(desk.api.url + "/me").ok


def test_a_secret_is_needed_if_the_component_accepts_only_secrets(desk: Desk) -> None:
    desk.descriptor["authClientTypes"] = ["basic"]
    desk.fields(auth="HTTPAuthView")
    with pytest.raises(CredentialsInvalid, match=r"expected secretId.*secret_id.*\{'oauth': \{'access_token'"):
        desk.session({})


def test_a_token_in_cfg_replaces_the_secret_where_there_is_no_platform(desk: Desk) -> None:
    desk.descriptor["authClientTypes"] = ["oauth2"]
    desk.fields(auth="HTTPAuthView")
    desk.session({"oauth": {"access_token": "t-1"}}).get(desk.api.url + "/me")
    assert sent(desk) == ["Bearer t-1"]
    assert desk.platform_calls() == []


def test_an_unknown_type_of_secret_is_named(desk: Desk) -> None:
    desk.platform.secrets["s"] = {"type": "ntlm", "credentials": {}}
    with pytest.raises(CredentialsInvalid, match="found 'ntlm'"):
        desk.session({"secretId": "s"}).get(desk.api.url + "/me")


def test_verification_reads_the_secret_as_it_is_now(desk: Desk) -> None:
    """A wrong secret after a right one must not be verified by what the process remembers."""
    desk.descriptor["authClientTypes"] = ["api_key"]
    right = {"headerName": "X-Key", "headerValue": "right"}
    desk.platform.change_secret("s1", type="api_key", credentials=right)
    desk.session({"secretId": "s1"}).get(desk.api.url + "/me")
    desk.platform.change_secret("s1", type="api_key", credentials={**right, "headerValue": "wrong"})
    desk.next_message()
    desk.call.is_verification = True
    desk.session({"secretId": "s1"}).get(desk.api.url + "/me")
    assert sent(desk, "X-Key") == ["right", "wrong"]
