"""Errors of an API: exceptions, messages, rebounds, and texts without secrets."""

import json
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from shipmate.emulator import Fault, Reply
from shipmate.errors import ApiError, BadInput, InvalidOption
from shipmate.session.answers import code_of
from shipmate.session.errors import ErrorPolicy
from shipmate.session.exchange import accepted, exchange
from shipmate.session.policy import Policy
from tests.unit.session.conftest import Desk


def send(desk: Desk, **fields: Any) -> tuple[Any, list[str]]:
    """Return the body of the message, and the reasons of rebounds."""
    reasons: list[str] = []
    return exchange(desk.session(fields), "GET", desk.api.url + "/me", rebound=reasons.append), reasons


def test_an_answer_is_a_message(desk: Desk) -> None:
    body, reasons = send(desk)
    assert (body["statusCode"], body["responseBody"], reasons) == (200, {"id": 7}, [])
    assert body["HTTPHeaders"]["content-type"] == "application/json"


def test_an_error_is_raised_with_what_the_api_says(desk: Desk) -> None:
    answer = {"error": {"code": "BAD_FILTER", "message": "no such field"}}
    desk.api.route("GET", "/bad", lambda request: Reply(400, answer, {"X-Request-Id": "req-1"}))
    session = desk.session({})
    with pytest.raises(ApiError) as raised:
        session.require_success(session.get(desk.api.url + "/bad?key=1"))
    error = raised.value
    found = (error.status, error.reason, error.api_code, error.request_id)
    assert found == (400, "no such field", "BAD_FILTER", "req-1")
    expected = "/bad answered 400 Bad Request: no such field (code BAD_FILTER, request req-1)"
    assert str(error) == f"GET {desk.api.url}{expected}"


def test_an_error_is_emitted_rebound_or_ignored_as_the_fields_say(desk: Desk) -> None:
    def fail(status: int) -> None:
        desk.api.script("/me", Fault(status=status, body={"error": "busy"}))

    fail(503)
    body, _ = send(desk, errorPolicy="emit")
    assert (body["statusCode"], body["responseBody"]) == (503, {"error": "busy"})
    fail(503)
    body, reasons = send(desk, errorPolicy="rebound")
    assert body is None
    assert (
        reasons == [f"GET {desk.api.url}/me answered 503 Service Unavailable: busy (code busy)"] or "busy" in reasons[0]
    )
    fail(404)
    body, _ = send(desk, ignoreErrorCodes="404, 410")
    assert body["statusCode"] == 404
    fail(404)
    with pytest.raises(ApiError):
        send(desk, errorPolicy="emit")
    fail(503)
    with pytest.raises(ApiError):
        send(desk, errorPolicy="throwError")
    assert desk.statuses() == [503, 503, 404, 404, 503]


def test_the_component_repeats_the_codes_that_a_person_names(desk: Desk) -> None:
    desk.api.script("/me", Fault(status=404))
    body, _ = send(desk, errorCodes="404")
    assert body["statusCode"] == 200


def test_a_request_without_an_answer_has_the_status_0(desk: Desk) -> None:
    desk.api.script("/me", Fault(drop="before"))
    body, _ = send(desk, errorPolicy="emit")
    assert body == {"statusCode": 0, "error": f"GET {desk.api.url}/me got no answer (ConnectionError)"}
    desk.api.script("/me", Fault(drop="before"))
    with pytest.raises(ApiError) as raised:
        send(desk, errorPolicy="throwError")
    assert raised.value.status == 0


@pytest.mark.parametrize(
    ("method", "fault", "options", "verdict"),
    [
        ("GET", Fault(status=503), {}, "repeatable"),
        ("POST", Fault(status=429), {}, "repeatable"),
        ("POST", Fault(status=503), {"repeatable": True}, "repeatable"),
        ("POST", Fault(status=503), {}, "unclear"),
        ("POST", Fault(drop="before"), {}, "unclear"),
        ("POST", Fault(status=422), {}, "final"),
        ("GET", Fault(status=404), {}, "final"),
    ],
)
def test_an_error_says_whether_the_request_may_be_sent_again(
    desk: Desk, method: str, fault: Fault, options: dict[str, Any], verdict: str
) -> None:
    desk.api.script("/me", *[fault] * 2, method=method)
    with pytest.raises(ApiError) as raised:
        accepted(desk.session({"retries": "1"}), method, desk.api.url + "/me", **options)
    error = raised.value
    assert (error.is_repeatable, error.is_unclear) == (verdict == "repeatable", verdict == "unclear")
    assert ("it may have been done" in str(error)) is error.is_unclear


@pytest.mark.parametrize("options", [{}, {"data": {"a": "1"}}, {"files": {"a": b"1"}}])
def test_a_request_without_a_connection_has_done_nothing(desk: Desk, options: dict[str, Any]) -> None:
    """On the quick path and on that of requests."""
    desk.api.stop()
    with pytest.raises(ApiError) as raised:
        accepted(desk.session({"retries": "1"}), "POST", desk.api.url + "/me", **options)
    assert raised.value.is_repeatable
    assert str(raised.value).endswith("got no answer (ConnectionError): the connection was refused")


def test_a_wrong_certificate_does_not_pass(desk: Desk) -> None:
    session = desk.session({}, policy=Policy(delay_seconds=50.0))
    with pytest.raises(ApiError) as raised:
        accepted(session, "GET", desk.api.url.replace("http:", "https:") + "/me")
    assert not raised.value.is_repeatable
    assert str(raised.value).endswith("got no answer (SSLError): the certificate is not accepted")


def test_a_text_without_an_answer_names_the_url_that_was_sent(desk: Desk) -> None:
    desk.fields(base_url="TextFieldView")
    desk.api.script("/me", *[Fault(drop="before")] * 4)
    with pytest.raises(ApiError, match=f"^GET {desk.api.url}/me got no answer"):
        accepted(desk.session({"base_url": desk.api.url}), "GET", "{base_url}/me", params={"q": "1"})


def test_an_author_reads_the_errors_of_an_api_with_codes_of_its_own(desk: Desk) -> None:
    def read(response: requests.Response) -> ApiError:
        return ApiError(f"{response.json()['fault']}: s3cret-word", status=response.status_code, is_repeatable=True)

    desk.redactor.add("s3cret-word")
    desk.api.script("/me", Fault(status=403, body={"fault": "LIMIT"}))
    with pytest.raises(ApiError, match=r"^LIMIT: \*+$") as raised:
        accepted(desk.session({}, read_error=read), "POST", desk.api.url + "/me")
    assert raised.value.is_repeatable
    with pytest.raises(InvalidOption, match="read_error"):
        desk.session({}, read_error="LIMIT")


@pytest.mark.parametrize(
    "fields", [{"errorPolicy": "retry"}, {"errorCodes": "4xx"}, {"errorCodes": "200-599"}, {"ignoreErrorCodes": "1"}]
)
def test_wrong_fields_are_named(fields: dict[str, str]) -> None:
    with pytest.raises(BadInput, match=f"^{next(iter(fields))}: expected"):
        ErrorPolicy.from_fields(fields)


def test_empty_fields_are_the_usual_policy() -> None:
    assert ErrorPolicy.from_fields({"errorPolicy": "", "errorCodes": None}) == ErrorPolicy()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([{"errorCode": "MALFORMED_ID", "message": "x"}], "MALFORMED_ID"),
        ({"errors": [{"code": 17, "title": "x"}]}, "17"),
        ({"error": {"code": "invalidRange"}}, "invalidRange"),
        ({"error": "two words"}, ""),
        ("text", ""),
    ],
)
def test_the_apis_own_code_is_found(body: Any, code: str) -> None:
    response = requests.Response()
    response._content = json.dumps(body).encode()
    response.headers["Content-Type"] = "application/json"
    assert code_of(response) == code


# --- secrecy -----------------------------------------------------------------------------------------------

SECRETS = {
    "fields-basic": ({"username": "ada", "password": "pass-word-1"}, {}, None),
    "fields-key": ({"apiKey": "key-value-1"}, {}, None),
    "fields-query": ({"apiKey": "key-value-1"}, {"query": "key={apiKey}"}, None),
    "fields-bearer": ({"token": "bearer-value-1"}, {}, None),
    "secret-basic": ({"secretId": "s"}, {}, ("basic", {"username": "ada", "password": "pass-word-1"})),
    "secret-key": ({"secretId": "s"}, {}, ("api_key", {"headerName": "X-K", "headerValue": "key-value-1"})),
    "secret-query": (
        {"secretId": "s"},
        {"query": "key={apiKey}"},
        ("api_key", {"headerName": "X-K", "headerValue": "key-value-1"}),
    ),
    "secret-oauth2": ({"secretId": "s"}, {}, ("oauth2", {"access_token": "bearer-value-1"})),
}
_WORDS = ("pass-word-1", "key-value-1", "bearer-value-1")


def hidden(cfg: dict[str, Any], secret: tuple[str, dict[str, str]] | None) -> list[str]:
    """Return the secret words of an account, with the form that basic authentication gives them."""
    texts = [*map(str, cfg.values()), *(secret[1].values() if secret is not None else ())]
    words = [word for word in _WORDS if word in texts]
    return [*words, "YWRhOnBhc3Mtd29yZC0x"] if "pass-word-1" in words else words


def everything_that_fails(desk: Desk, cfg: dict[str, Any], options: dict[str, Any], words: list[str]) -> Iterator[str]:
    """Yield the texts of all errors that requests with this account may cause, causes included."""
    faults = (
        Fault(status=401, body={"error": " ".join(words)}),
        Fault(status=500, body={"message": f"refused {' '.join(words)}"}),
        Fault(drop="before"),
        Fault(redirect="http://127.0.0.1:9/refused"),
        Fault(redirect="http://[broken"),
    )
    for fault in faults:
        for params in (None, "page=2"):  # a text takes the way through requests, whose errors quote the URL
            desk.api.script(None, *[fault] * 4)
            try:
                session = desk.session({**cfg}, **options)
                session.require_success(session.get(desk.api.url + "/me", params=params))
            except Exception as error:
                yield "".join(traceback.format_exception(error))
    addresses = ("http://127.0.0.1:9/me", "http://api.example.com/me", "{nothing}/me", "no url", "{apiKey}")
    for address in addresses:
        try:
            desk.session({**cfg}, **options).get(address, params="page=2")
        except Exception as error:
            yield "".join(traceback.format_exception(error))
    yield repr(desk.session({**cfg}, **options)) + repr(desk.services)


@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_is_in_a_log_or_in_the_text_of_an_error(
    desk: Desk, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    cfg, options, secret = SECRETS[kind]
    desk.fields(**{name: "PasswordFieldView" for name in cfg if name != "secretId"})
    if secret is not None:
        desk.platform.secrets["s"] = {"type": secret[0], "state": "ready", "credentials": secret[1]}
    with caplog.at_level(1, logger="shipmate"):
        words = hidden(cfg, secret)
        texts = list(everything_that_fails(desk, cfg, options, words))
    assert words
    assert len(texts) > 5
    found = [word for word in words for text in [caplog.text, *texts] if word in text]
    assert found == []


def test_the_log_of_a_container_has_no_key_of_a_query(desk: Desk) -> None:
    """Libraries below write the URL at the level DEBUG: the redactor of the process knows the key."""
    desk.fields(apiKey="PasswordFieldView")
    desk.session({"apiKey": "key-value-1"}, query="key={apiKey}").get(desk.api.url + "/me", params="page=2")
    assert "key-value-1" not in desk.redactor.redact("GET /me?page=2&key=key-value-1 HTTP/1.1")
