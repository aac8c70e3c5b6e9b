"""Calls to the platform's services: what is asked again and after which pause, and what errors do not tell."""

import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from shipmate.emulator import Fault, Reply, Server
from shipmate.errors import PlatformRefused, PlatformUnavailable
from shipmate.http.headers import retry_after_seconds
from shipmate.platform.http_service import (
    ExpectedStatuses,
    HeaderAuth,
    HttpService,
    RetryPolicy,
    json_object,
)

CREDENTIAL = "Bearer of-the-service"
QUERY = "signature-in-the-query"
BODY = "body-of-a-request"
ANSWER = "body-of-an-answer"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        made.route("*", "/thing", lambda request: Reply(200, {"method": request.method}))
        yield made


def service(pauses: list[float] | None = None, **policy: Any) -> HttpService:
    """Return a service whose pauses are noted instead of made."""
    noted: list[float] = [] if pauses is None else pauses
    return HttpService("test service", HeaderAuth(CREDENTIAL), RetryPolicy(**{"sleep": noted.append, **policy}))


def told(error: BaseException) -> str:
    """Return everything that a log or a traceback would show of an error."""
    assert error.__cause__ is None
    return f"{error!r} {error} {vars(error)} {''.join(traceback.format_exception(error))}"


def test_an_answer_is_returned_at_once(server: Server) -> None:
    """One request, no pause, and the header of the service."""
    pauses: list[float] = []
    assert service(pauses).send("PATCH", server.url + "/thing").json() == {"method": "PATCH"}
    assert pauses == []
    assert [each.header("Authorization") for each in server.requests] == [CREDENTIAL]


def test_without_a_credential_no_header_is_sent(server: Server) -> None:
    """A service that needs no credential gets none."""
    HttpService("open service", HeaderAuth(None), RetryPolicy()).send("GET", server.url + "/thing")
    assert [each.header("Authorization") for each in server.requests] == [None]


@pytest.mark.parametrize("value", [CREDENTIAL, None])
def test_netrc_takes_no_part(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """A password of the same host in a netrc file is not sent."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth(server.url) == ("someone", "something")
    HttpService("test service", HeaderAuth(value), RetryPolicy()).send("GET", server.url + "/thing")
    assert [each.header("Authorization") for each in server.requests] == [value]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_a_temporary_error_is_asked_again(server: Server, status: int) -> None:
    """Errors that may pass are tried until the answer comes."""
    pauses: list[float] = []
    server.script("/thing", Fault(status=status), times=2)
    assert service(pauses).send("GET", server.url + "/thing").status_code == 200
    assert [each.status for each in server.requests] == [status, status, 200]
    assert pauses == [0.1, 0.1]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422])
def test_a_final_error_is_not_asked_again(server: Server, status: int) -> None:
    """Errors that would come again are raised at once, with the place and the status."""
    pauses: list[float] = []
    server.script("/thing", Fault(status=status))
    with pytest.raises(
        PlatformRefused, match=rf"^GET /thing of the test service: expected success, found HTTP {status}$"
    ):
        service(pauses).send("GET", server.url + "/thing")
    assert len(server.requests) == 1
    assert pauses == []


@pytest.mark.parametrize("status", [404, 409, 503])
def test_an_expected_error_is_an_answer(server: Server, status: int) -> None:
    """A status that the caller knows what to do with comes back, even one that would be asked again."""
    server.script("/thing", Fault(status=status))
    response = service().send("GET", server.url + "/thing", expecting=ExpectedStatuses(frozenset({status})))
    assert response.status_code == status
    assert len(server.requests) == 1


def test_what_is_temporary_is_the_services_affair(server: Server) -> None:
    """Contract 8.6: the object storage is not asked again below 500."""
    server.script("/thing", Fault(status=429))
    with pytest.raises(PlatformRefused, match=r"HTTP 429$"):
        service(temporary=frozenset()).send("GET", server.url + "/thing")
    assert len(server.requests) == 1


def test_an_answer_may_tell_why_unless_it_repeats_a_secret(server: Server) -> None:
    """Contract 9.5: the platform's reason helps whoever reads the error."""
    server.script("/thing", *[Fault(status=400, body={"error": "no such\nfield"})] * 2)
    for secrets, end in (((), ': {"error":"no such\\\\nfield"}'), (("such",), "")):
        with pytest.raises(PlatformRefused, match=f"found HTTP 400{end}$"):
            service().send(
                "GET", server.url + "/thing", expecting=ExpectedStatuses(quotes_answer=True, secrets=secrets)
            )


@pytest.mark.parametrize("body", [b"\xff\xfe", b"", b"\x00\x01"])
def test_an_answer_that_is_no_text_tells_nothing(server: Server, body: bytes) -> None:
    """The status says enough."""
    server.script("/thing", Fault(status=400, body=body))
    with pytest.raises(PlatformRefused, match=r"HTTP 400$"):
        service().send("GET", server.url + "/thing", expecting=ExpectedStatuses(quotes_answer=True))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: Server, status: int) -> None:
    """Nothing is sent where an answer points to."""
    with Server(name="elsewhere") as elsewhere:
        server.script("/thing", Fault(status=status, redirect=elsewhere.url + "/thing"))
        with pytest.raises(PlatformRefused, match=f"HTTP {status}"):
            service().send("GET", server.url + "/thing")
        assert elsewhere.requests == []


@pytest.mark.parametrize(("attempts", "made"), [(1, 1), (2, 2), (3, 3), (5, 5), (0, 1), (-2, 1)])
def test_the_attempts_are_counted(server: Server, attempts: int, made: int) -> None:
    """There is a pause between attempts and none after the last, and always one attempt."""
    pauses: list[float] = []
    server.script("/thing", Fault(status=503), times=9)
    with pytest.raises(
        PlatformUnavailable,
        match=rf"^GET /thing of the test service did not succeed in {made} attempts: HTTP 503 at 127\.0\.0\.1:\d+$",
    ):
        service(pauses, attempts=attempts).send("GET", server.url + "/thing")
    assert len(server.requests) == made
    assert pauses == [0.1] * (made - 1)


@pytest.mark.parametrize(
    ("policy", "pauses"),
    [
        (RetryPolicy(), [0.1, 0.1, 0.1]),
        (RetryPolicy(is_growing=True), [0.1, 0.2, 0.4]),
        (RetryPolicy(delay_seconds=0), [0, 0, 0]),
        (RetryPolicy(delay_seconds=20), [15, 15, 15]),
        (RetryPolicy(delay_seconds=5, is_growing=True), [5, 10, 15]),
        (RetryPolicy(delay_seconds=-1), [0, 0, 0]),
    ],
)
def test_a_pause_stays_the_same_or_doubles_up_to_a_limit(policy: RetryPolicy, pauses: list[float]) -> None:
    """A pause is never negative and never longer than 15 seconds."""
    assert [policy.pause_after(attempt) for attempt in range(3)] == pauses


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("7", 7),
        ("0", 0.1),
        ("60", 60),
        ("61", 60),
        ("9" * 400, 60),
        ("soon", 0.1),
        ("-5", 0.1),
        ("1.5", 0.1),
        ("", 0.1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.1),
    ],
)
def test_retry_after_makes_a_pause_longer_up_to_a_minute(server: Server, value: str, pause: float) -> None:
    """A service may ask for patience, though not for any amount of it."""
    pauses: list[float] = []
    server.script("/thing", Fault(status=429, headers={"Retry-After": value}))
    service(pauses).send("GET", server.url + "/thing")
    assert pauses == [pause]


@pytest.mark.parametrize("name", ["Retry-After", "retry-after"])
def test_names_of_headers_have_no_case(server: Server, name: str) -> None:
    """HTTP/1.1 servers write them as they like. Source: RFC 9110 §5.1."""
    pauses: list[float] = []
    server.script("/thing", Fault(status=429, headers={name: "7"}), Fault(status=429, headers={name: "7"}))
    service(pauses).get_object(server.url + "/thing", "a thing", has_proxy=False)
    service(pauses).send("GET", server.url + "/thing")
    assert pauses == [7, 7]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("²", None),
        ("٣", None),
        ("tomorrow", None),
        (format_datetime(NOW.replace(second=35), usegmt=True), 30.0),
        (format_datetime(NOW.replace(second=0), usegmt=True), 0.0),
        ("Fri, 02 Jan 2026 03:04:35 -0000", 30.0),
        ("Fri, 02 Jan 2026 04:04:35 +0100", 30.0),
        ("Fri, 99 Jan 2026 03:04:35 GMT", None),
        ("Fri, 02 Jan 99999999999999999999 03:04:35 GMT", None),
        ("Fri, 02 Jan 2026 03:04:35 +99999999999999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    """Everything else counts as absent, whatever it is."""
    assert retry_after_seconds(value, NOW.timestamp()) == seconds


@pytest.mark.parametrize("drop", ["before", "middle"])
def test_a_connection_that_breaks_is_made_again(server: Server, drop: Any) -> None:
    """An answer that did not arrive, or not as a whole, is asked for again."""
    pauses: list[float] = []
    server.script("/thing", Fault(drop=drop), times=2)
    assert service(pauses).send("GET", server.url + "/thing").json() == {"method": "GET"}
    assert pauses == [0.1, 0.1]


def test_an_answer_that_takes_too_long_is_given_up(server: Server) -> None:
    """The time limit of the service ends an attempt."""
    server.script("/thing", Fault(hold=threading.Event()))
    with pytest.raises(PlatformUnavailable, match=r"1 attempts: ReadTimeout at 127.0.0.1:\d+$"):
        service(attempts=1, timeout_seconds=0.05).send("GET", server.url + "/thing")


def test_a_service_that_is_not_there_is_unavailable(server: Server) -> None:
    """A refused connection is tried as often as a temporary error."""
    pauses: list[float] = []
    server.stop()
    with pytest.raises(PlatformUnavailable, match=r"3 attempts: ConnectionError at 127.0.0.1:\d+$"):
        service(pauses, delay_seconds=-0.5).send("GET", server.url + "/thing")
    assert pauses == [0, 0]


def test_a_service_that_comes_back_is_found(server: Server) -> None:
    """The next attempt reaches a server that was restarted meanwhile."""
    server.stop()
    made = service(sleep=lambda pause: server.start())
    assert made.send("GET", server.url + "/thing").status_code == 200


@pytest.mark.parametrize("url", ["no-scheme/x", "ftp://example.com/x", "http:///x", "http://[::1/x"])
def test_a_url_that_cannot_be_asked_is_refused_without_another_attempt(url: str) -> None:
    """What is wrong with an address does not pass."""
    pauses: list[float] = []
    with pytest.raises(PlatformRefused, match="cannot be sent"):
        service(pauses).send("GET", url)
    assert pauses == []


@pytest.mark.parametrize(
    "fault",
    [Fault(status=503, body=ANSWER), Fault(status=400, body=ANSWER), Fault(drop="before"), Fault(drop="middle")],
)
def test_errors_tell_neither_credentials_nor_contents(server: Server, fault: Fault) -> None:
    """The path and the status say where to look; headers, query and bodies stay out."""
    server.script("/thing", fault, times=3)
    with pytest.raises((PlatformRefused, PlatformUnavailable)) as caught:
        service().send("POST", f"{server.url}/thing?signature={QUERY}", data=BODY, params={"more": QUERY})
    assert "POST /thing of the test service" in str(caught.value)
    for secret in (CREDENTIAL, QUERY, BODY, ANSWER):
        assert secret not in told(caught.value)


def test_a_url_that_cannot_be_asked_is_not_told() -> None:
    """Even a malformed address keeps its query and password to itself."""
    url = f"http://user:{CREDENTIAL}@/x?signature={QUERY}"
    with pytest.raises(PlatformRefused) as caught:
        service().send("GET", url)
    for secret in (CREDENTIAL, QUERY):
        assert secret not in told(caught.value)


def test_representations_do_not_tell_the_credential() -> None:
    """A service and its credential can be logged."""
    assert CREDENTIAL not in repr(HeaderAuth(CREDENTIAL)) + repr(service()) + repr(RetryPolicy())


def test_a_thread_keeps_its_connection_and_shares_it_with_none(server: Server) -> None:
    """Sessions of requests are not safe for threads, so each has its own."""
    made = service()
    sessions = [made._session(), made._session()]
    thread = threading.Thread(target=lambda: sessions.append(made._session()))
    thread.start()
    thread.join()
    assert sessions[0] is sessions[1]
    assert sessions[0] is not sessions[2]


def test_an_object_is_read_from_an_answer(server: Server) -> None:
    """A JSON object comes back as it is."""
    assert json_object(service().send("GET", server.url + "/thing"), "thing") == {"method": "GET"}


@pytest.mark.parametrize("body", [b"", b"<html>" + ANSWER.encode(), b"[1]", b"null", b'"text"', b"\xff\xfe\x00"])
def test_an_answer_that_is_no_object_is_refused(server: Server, body: bytes) -> None:
    """The message says what was expected and shows nothing of what came."""
    server.script("/thing", Fault(status=200, body=body))
    response = service().send("GET", server.url + "/thing")
    with pytest.raises(PlatformRefused, match=r"^thing: expected a JSON object, found something else$") as caught:
        json_object(response, "thing")
    assert ANSWER not in told(caught.value)
