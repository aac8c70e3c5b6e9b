"""The reference component against a real API, through the way that ``shipmate exec`` takes."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from rest.answers import read_body
from rest.api import policy_of
from shipmate import ApiError
from shipmate.component import load
from shipmate.emulator import DemoApi, Fault, OAuth2Provider, Platform, Reply, Server
from shipmate.local.run import LocalRun
from shipmate.logs.log import Redactor

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Desk:
    """The component, an API and a provider."""

    api: DemoApi
    provider: OAuth2Provider
    platform: Platform
    cfg: dict[str, Any]

    def local_run(self, **cfg: Any) -> LocalRun:
        environ = {
            "CLIENT_ID": "demo-client",
            "CLIENT_SECRET": "demo-secret",
            "TOKEN_URI": self.provider.token_url,
            **self.platform.environ(),
        }
        return LocalRun(load(ROOT), {**self.cfg, **cfg}, keys_file=None, environ=environ, redactor=Redactor())

    def run(self, function: str, *, msg: Any = None, snapshot: Any = None, **cfg: Any) -> list[dict[str, Any]]:
        """Run a function and return its events."""
        events: list[dict[str, Any]] = []
        component = load(ROOT)
        body = {} if msg is None else msg
        run = self.local_run(**cfg)
        run.exec(component.function(function), {"body": body, "headers": {}}, snapshot or {}, write_line=events.append)
        return events

    def data(self, function: str, **kwargs: Any) -> list[Any]:
        """Run a function that must not fail and return the bodies that it emits."""
        events = self.run(function, **kwargs)
        assert not [event for event in events if event["event"] == "error"]
        return [event["value"]["body"] for event in events if event["event"] == "data"]

    def error(self, function: str, **kwargs: Any) -> str:
        """Run a function that must fail once and return the error's text."""
        [event] = self.run(function, **kwargs)
        assert event["event"] == "error"
        return str(event["value"]["message"])


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Return a valid sign-in."""
    with OAuth2Provider() as provider, DemoApi(provider) as api, Platform(journal=provider.journal) as platform:
        yield Desk(api, provider, platform, {"base_url": api.url, "oauth": provider.issue()})


def records(events: list[dict[str, Any]]) -> list[int]:
    return [event["value"]["body"]["id"] for event in events if event["event"] == "data"]


def last_snapshot(events: list[dict[str, Any]]) -> Any:
    return [event["value"] for event in events if event["event"] == "snapshot"][-1]


# --- the action --------------------------------------------------------------------------------------------


def test_an_answer_is_emitted_with_status_headers_and_body(desk: Desk) -> None:
    """A JSON answer as the value that it is."""
    [body] = desk.data("send_request", msg={"url": "/me"})
    assert body["statusCode"] == 200
    assert body["headers"]["content-type"] == "application/json"
    assert body["body"]["name"]


def test_method_query_headers_and_body_come_from_the_message(desk: Desk) -> None:
    """An object is sent as JSON, text as it is; the method may stand in the cfg."""
    msg = {"method": "post", "url": "echo", "query": {"a": "1"}, "headers": {"X-One": "2"}, "body": {"b": "ü"}}
    [answer] = desk.data("send_request", msg=msg)
    seen = answer["body"]
    assert (seen["method"], seen["query"], seen["headers"]["X-One"]) == ("POST", {"a": "1"}, "2")
    assert seen["headers"]["Content-Type"] == "application/json"
    [answer] = desk.data("send_request", msg={"url": "/echo", "body": "plain ü"}, method="PUT")
    assert (answer["body"]["method"], answer["body"]["body_length"]) == ("PUT", 8)


def test_an_expired_token_is_refreshed_on_the_way(desk: Desk) -> None:
    """And its body is sent whole again."""
    desk.provider.expire_access_tokens()
    events = desk.run("send_request", msg={"method": "POST", "url": "/contacts", "body": {"name": "Ada"}})
    assert [event["event"] for event in events] == ["updateKeys", "data"]
    assert next(iter(desk.api.contacts.values()))["name"] == "Ada"


def test_error_answers_are_clear_errors_unless_they_are_to_be_emitted(desk: Desk) -> None:
    """Without the query, which may hold what nobody should see."""
    text = desk.error("send_request", msg={"url": "/status/404", "query": {"q": "s3cret"}})
    assert "GET" in text
    assert "/status/404 answered 404" in text
    assert "s3cret" not in text
    for checked in (True, "on"):
        [body] = desk.data("send_request", msg={"url": "/status/404"}, emit_errors=checked)
        assert body["statusCode"] == 404


def test_a_busy_api_is_asked_again(desk: Desk) -> None:
    """As it says, and not for ever."""
    desk.api.script(
        "/me", Fault(status=429, headers={"Retry-After": "0"}), Fault(status=503, headers={"Retry-After": "0"})
    )
    assert desk.data("send_request", msg={"url": "/me"})[0]["statusCode"] == 200
    desk.api.script("/me", Fault(status=500, headers={"Retry-After": "0"}), times=3)
    assert "500" in desk.error("send_request", msg={"url": "/me"}, retries="2")
    desk.api.script("/me", Fault(status=503))
    assert "503" in desk.error("send_request", msg={"url": "/me"}, retries=0)


def test_text_binary_and_empty_answers(desk: Desk) -> None:
    """Text as text, bytes as base64 or as an attachment, nothing as null."""
    for kind in ("text/plain; charset=utf-8", "application/xml", "image/svg+xml"):
        desk.api.script("/x", Fault(status=200, body="grün".encode(), headers={"Content-Type": kind}))
        assert desk.data("send_request", msg={"url": "/x"})[0]["body"]
    desk.api.script("/x", Fault(status=204))
    assert desk.data("send_request", msg={"url": "/x"})[0]["body"] is None
    picture = Fault(status=200, body=b"\x89PNG", headers={"Content-Type": "image/png"})
    desk.api.script("/x", picture, picture)
    assert desk.data("send_request", msg={"url": "/x"})[0]["body"] == {"base64": "iVBORw==", "contentType": "image/png"}
    [event] = desk.run("send_request", msg={"url": "/x"}, binary="attachment")
    attachment = event["value"]["attachments"]["answer"]
    assert (attachment["content-type"], attachment["size"]) == ("image/png", 4)
    [stored] = desk.platform.maester.objects.values()
    assert (stored.data, stored.content_type) == (b"\x89PNG", "image/png")


def test_text_is_utf_8_unless_it_says_otherwise(desk: Desk) -> None:
    """Also when it says something that nobody knows, or nothing at all."""
    for kind, data in {
        "text/plain": "grün".encode(),
        "text/plain; charset=latin-1": "grün".encode("latin-1"),
        "text/plain; charset=nonsense": "grün".encode(),
        "": "grün".encode(),
    }.items():
        desk.api.script("/x", Fault(status=200, body=data, headers={"Content-Type": kind}))
        assert desk.data("send_request", msg={"url": "/x"})[0]["body"] == "grün"
    desk.api.script("/x", Fault(status=200, body=b"\xff\xfe", headers={"Content-Type": ""}))
    assert desk.data("send_request", msg={"url": "/x"})[0]["body"] == {"base64": "//4=", "contentType": ""}


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("application/json", b'{"error": {"message": "no\\n  such thing"}}', ": no such thing"),
        ("application/problem+json", b'{"detail": "' + b"x" * 300 + b'"}', ": " + "x" * 200 + "…"),
        ("application/json", b'{"code": 7}', " (code 7)"),
        (
            "application/json",
            b'[{"message": "No such column", "errorCode": "INVALID_FIELD"}]',
            ": No such column (code INVALID_FIELD)",
        ),
        ("application/json", b'[{"message": "one"}, {"message": "two"}]', ": one; two"),
        ("application/json", b'{"error": {"code": "", "message": {"lang": "en", "value": "Odd"}}}', ": Odd"),
        ("application/json", b'{"odata.error": {"message": {"lang": "en", "value": "Odd"}}}', ": Odd"),
        ("application/json", b'{"error": {"code": "1", "details": [], "message": "Odd"}}', ": Odd (code 1)"),
        ("application/vnd.api+json", b'{"errors": [{"title": "Bad", "detail": "is short"}]}', ": is short"),
        ("application/vnd.api+json", b'{"errors": [{"title": "a"}, {"title": "b"}]}', ": a; b"),
        ("application/json", b'{"errors": "Not Found"}', ": Not Found"),
        ("application/json", b'{"errors": {"name": ["is missing", "is odd"]}}', ": name: is missing; name: is odd"),
        ("application/json", b'{"errorMessages": ["no issue"], "errors": {}}', ": no issue"),
        ("application/json", b'{"errorMessages": [], "errors": {"summary": "is empty"}}', ": summary: is empty"),
        ("application/json", b'{"fault": {"faultstring": "quota"}}', ": quota"),
        ("application/json", b'"Not Found"', ": Not Found"),
        ("application/json", b'{"error": ' * 2000 + b"1" + b"}" * 2000, ""),
        ("application/json", b"[" * 200_000, ""),
        ("application/json", b'\xef\xbb\xbf{"message": "with a mark"}', ": with a mark"),
        ("application/json; charset=utf-8", b'\xef\xbb\xbf{"message": "with a mark"}', ": with a mark"),
        ("text/plain", b"word " * 39 + b"0123456789abcdef", ": " + ("word " * 39).strip() + "…"),
        ("application/json", b"{", ""),
        ("text/plain", b"not today", ": not today"),
        ("text/html", b"<h1>Oops</h1>", ""),
    ],
)
def test_an_error_says_why_the_api_refuses(desk: Desk, kind: str, body: bytes, reason: str) -> None:
    """In one short line."""
    desk.api.script("/x", Fault(status=400, body=body, headers={"Content-Type": kind}))
    text = desk.error("send_request", msg={"url": "/x"})
    assert text == f"GET {desk.api.url}/x answered 400 Bad Request{reason}"


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_json_behind_a_byte_order_mark_is_read(desk: Desk, kind: str) -> None:
    """Whether the answer names its charset or not."""
    body = b'\xef\xbb\xbf{"name": "gr\xc3\xbcn"}'
    desk.api.script("/x", Fault(status=200, body=body, headers={"Content-Type": kind}))
    assert desk.data("send_request", msg={"url": "/x"})[0]["body"] == {"name": "grün"}


def test_an_error_that_repeats_the_token_does_not_reveal_it(desk: Desk) -> None:
    """The runtime removes what it knows to be secret."""
    token = desk.cfg["oauth"]["access_token"]
    desk.api.script("/x", Fault(status=400, body={"error": f"bad {token}"}))
    assert token not in json.dumps(desk.run("send_request", msg={"url": "/x"}))


def test_what_is_not_json_although_it_says_so_is_an_error(desk: Desk) -> None:
    """It names what was asked for."""
    desk.api.script("/x", Fault(status=200, body=b"{", headers={"Content-Type": "application/json"}))
    assert "expected JSON" in desk.error("send_request", msg={"url": "/x"})


def test_an_answer_too_large_for_base64_is_an_error() -> None:
    """The text says what to do instead."""
    response = requests.Response()
    response._content = b"\0" * 6_000_000
    response.headers["Content-Type"] = "application/zip"
    with pytest.raises(ApiError, match="attachments"):
        read_body(response)


@pytest.mark.parametrize(
    ("msg", "text"),
    [
        ({}, "url"),
        ([], "url"),
        ({"url": 7}, "url"),
        ({"url": "/me", "method": "BREW"}, "method"),
        ({"url": "/me", "query": []}, "query"),
        ({"url": "/me", "headers": {"authorization": "Bearer mine"}}, "authorization"),
        ({"url": "/me", "headers": {"Host": "evil.example"}}, "Host"),
        ({"url": "https://evil.example/me"}, "expected one of the hosts, found evil.example:443"),
        ({"url": "//evil.example/me"}, "expected a path"),
    ],
)
def test_a_message_that_cannot_be_is_refused_before_anything_is_sent(desk: Desk, msg: Any, text: str) -> None:
    """Above all one that would take the token to another host."""
    assert text in desk.error("send_request", msg=msg)
    assert desk.provider.journal.requests == []


@pytest.mark.parametrize("retries", ["11", "many", "-1"])
def test_a_number_of_retries_that_makes_no_sense_is_refused(desk: Desk, retries: str) -> None:
    """With what would."""
    assert "from 0 to 10" in desk.error("send_request", msg={"url": "/me"}, retries=retries)


def test_urls_stay_below_the_base_url(desk: Desk) -> None:
    """Braces in a message are no placeholders, those of the base URL are."""
    base = desk.api.url

    def sent(url: str, **cfg: Any) -> str:
        desk.run("send_request", msg={"url": url}, **cfg)
        request = desk.api.requests[-1]
        return f"{request.path}?{request.query_string}".rstrip("?")

    assert sent("", base_url=f"{base}/v1/") == "/v1"
    assert sent("/a b/{id}?q=ü%20", base_url=f"{base}/v1/") == "/v1/a%20b/%7Bid%7D?q=%C3%BC%20"
    assert sent(f"{base}/other", base_url=f"{base}/v1") == "/other"
    assert sent("go?to=https://b.example/#x") == "/go?to=https://b.example/"
    oauth = {**desk.cfg["oauth"], "instance_url": base}
    assert sent("/me", base_url="{instance_url}/v1", oauth=oauth) == "/v1/me"
    before = len(desk.api.requests)
    for target in ("https://user@evil.example/", "http://localhost:port/", f"{base}0/", "{instance_url}@evil.example/"):
        desk.run("send_request", msg={"url": target}, base_url="{instance_url}", oauth=oauth)
    assert [request.path for request in desk.api.requests[before:]] == ["/%7Binstance_url%7D@evil.example/"]


@pytest.mark.parametrize(
    "base",
    [None, "", "ftp://x", 7, "https://api.example@evil.example", "https://a\\@b.example", "https://u:p@a.example"],
)
def test_a_base_url_has_one_clear_host(desk: Desk, base: Any) -> None:
    """A person must see to which host the token goes."""
    assert "base_url in the credentials" in desk.error("send_request", msg={"url": "/me"}, base_url=base)
    assert desk.provider.journal.requests == []


def test_the_fields_of_the_step_say_what_is_sent_again(desk: Desk) -> None:
    """After 500 a POST may have been done already, and a person may say that this does no harm."""
    policy = policy_of({"retry_unsafe": "on", "max_wait": "7"})
    assert (policy.repeat, policy.longest_pause_seconds) == ("all", 7)
    assert (policy_of({}).repeat, policy_of({}).longest_pause_seconds) == ("safe", 60)
    busy = Fault(status=503, headers={"Retry-After": "0"})
    desk.api.script("/contacts", busy, method="POST")
    contact = {"method": "POST", "url": "/contacts", "body": {"name": "Ada"}}
    assert "it may have been done" in desk.error("send_request", msg=contact)
    desk.api.script("/contacts", busy, method="POST")
    assert desk.data("send_request", msg=contact, retry_unsafe=True)[0]["statusCode"] == 201


@pytest.mark.parametrize("max_wait", ["601", "long"])
def test_a_longest_wait_that_makes_no_sense_is_refused(desk: Desk, max_wait: str) -> None:
    """With what would."""
    assert "max_wait: expected a number from 0 to 600" in desk.error(
        "send_request", msg={"url": "/"}, max_wait=max_wait
    )


# --- the trigger -------------------------------------------------------------------------------------------

PAGINGS = [
    {"paging": "link", "path": "/records?mode=link&limit=10"},
    {"paging": "next_url", "path": "/records?mode=next&limit=10", "records_field": "records"},
    {"paging": "offset", "path": "/records?mode=offset", "records_field": "records", "page_size": "10"},
]


@pytest.mark.parametrize("paging", PAGINGS, ids=lambda paging: paging["paging"])
def test_all_pages_are_emitted_once_and_the_next_run_goes_on(desk: Desk, paging: dict[str, str]) -> None:
    """Also when the last page has got longer meanwhile."""
    events = desk.run("poll_records", **paging)
    assert records(events) == list(range(1, 26))
    snapshot = last_snapshot(events)
    assert len(json.dumps(snapshot)) < 5000
    again = desk.run("poll_records", snapshot=snapshot, **paging)
    assert again == []
    desk.api.records.extend({"id": number, "name": "new"} for number in range(26, 38))
    events = desk.run("poll_records", snapshot=snapshot, **paging)
    assert records(events) == list(range(26, 38))
    assert desk.run("poll_records", snapshot=last_snapshot(events), **paging) == []


@pytest.mark.parametrize("paging", PAGINGS, ids=lambda paging: paging["paging"])
def test_nothing_is_lost_or_counted_twice_wherever_it_dies(desk: Desk, paging: dict[str, str]) -> None:
    """A run that resumes from any snapshot emits the rest; what was emitted after it has the same message ids."""
    complete = desk.run("poll_records", **paging)
    everything = {event["value"]["id"] for event in complete if event["event"] == "data"}
    for died_at in range(len(complete)):
        before = complete[:died_at]
        snapshots = [event["value"] for event in before if event["event"] == "snapshot"]
        after = desk.run("poll_records", snapshot=snapshots[-1] if snapshots else {}, **paging)
        ids = [event["value"]["id"] for event in before + after if event["event"] == "data"]
        assert set(ids) == everything
        assert len(ids) - len(everything) <= 1


def test_pages_can_be_emitted_as_a_whole(desk: Desk) -> None:
    """A page without new records is not emitted."""
    events = desk.run("poll_records", emit="page", **PAGINGS[0])
    sizes = [len(event["value"]["body"]["records"]) for event in events if event["event"] == "data"]
    assert sizes == [10, 10, 5]
    assert desk.run("poll_records", emit="page", snapshot=last_snapshot(events), **PAGINGS[0]) == []


def test_equal_records_and_bare_values_are_records_too(desk: Desk) -> None:
    """Of two that are the same, the second is another one."""
    desk.api.records = [{"id": 1}, {"id": 1}, 7, "x"]  # type: ignore[list-item]
    events = desk.run("poll_records", **PAGINGS[0])
    bodies = [event["value"]["body"] for event in events if event["event"] == "data"]
    assert bodies == [{"id": 1}, {"id": 1}, {"value": 7}, {"value": "x"}]
    desk.api.records.append({"id": 1})
    assert desk.data("poll_records", snapshot=last_snapshot(events), **PAGINGS[0]) == [{"id": 1}]


def test_a_record_with_an_id_is_not_emitted_again_when_it_changes(desk: Desk) -> None:
    """The field that identifies it says that it is the same."""
    events = desk.run("poll_records", id_field="id", **PAGINGS[0])
    desk.api.records[24] = {"id": 25, "name": "changed"}
    assert desk.run("poll_records", id_field="id", snapshot=last_snapshot(events), **PAGINGS[0]) == []


def test_an_api_that_pages_in_circles_is_stopped(desk: Desk) -> None:
    """A run must end."""
    desk.api.script("/records", Fault(status=200, body=[1], headers={"Link": '</records>; rel="next"'}), times=9)
    events = desk.run("poll_records", paging="link", path="/records")
    assert "read before" in events[-1]["value"]["message"]


def test_the_next_page_is_not_fetched_from_another_host(desk: Desk) -> None:
    """The token would go along."""
    with Server(name="foreign") as foreign:
        foreign.route("*", "/records", lambda request: Reply(200, []))
        link = {"Link": f'<{foreign.url}/records>; rel="next"'}
        desk.api.script("/records", Fault(status=200, body=[1], headers=link))
        events = desk.run("poll_records", paging="link", path="/records")
        assert "expected a path" in events[-1]["value"]["message"]
        assert foreign.requests == []


@pytest.mark.parametrize(
    ("cfg", "text"),
    [
        ({"paging": "link"}, "path"),
        ({"paging": "magic", "path": "/records"}, "paging"),
        ({"paging": "offset", "path": "/records", "page_size": "1001"}, "page_size"),
        ({"paging": "link", "path": "/me"}, "expected a list of records"),
        ({"paging": "link", "path": "/records", "records_field": "a.b"}, "a.b"),
        ({"paging": "link", "path": "/status/418"}, "418"),
    ],
)
def test_what_cannot_be_polled_is_said_so(desk: Desk, cfg: dict[str, str], text: str) -> None:
    """One error that names the field."""
    assert text in desk.error("poll_records", **cfg)


def test_metadata_and_choices_come_from_the_first_records(desk: Desk) -> None:
    """As the platform asks for them while a flow is designed."""
    desk.api.records = [{"id": 1, "tags": [], "nested": {}, "ok": True, "ratio": 0.5, "name": "x"}, 7]  # type: ignore[list-item]
    run, function = desk.local_run(**PAGINGS[0]), load(ROOT).function("poll_records")
    out = run.call(function, "getMetaModel").value["out"]["properties"]
    assert {name: described["type"] for name, described in out.items()} == {
        "id": "integer",
        "tags": "array",
        "nested": "object",
        "ok": "boolean",
        "ratio": "number",
        "name": "string",
    }
    assert set(run.call(function, "record_fields").value) == set(out)
    page = desk.local_run(emit="page", **PAGINGS[0]).call(function, "get_meta_model").value["out"]
    assert page["properties"]["records"]["items"]["properties"] == out


LINKS = {"paging": "next_url", "path": "/pages", "records_field": "records", "next_field": "links.next"}


def page(records: list[Any], link: Any = None) -> Reply:
    return Reply(200, {"records": records, "links": {"next": link}})


def test_links_may_be_relative_and_the_base_url_may_come_from_the_token(desk: Desk) -> None:
    """They are relative to the page, not to the base URL."""
    desk.api.route("GET", "/v1/pages", lambda request: page([len(request.query)], None if request.query else "?p=2"))
    oauth = {**desk.cfg["oauth"], "instance_url": desk.api.url}
    events = desk.run("poll_records", base_url="{instance_url}/v1", oauth=oauth, **LINKS)
    assert [event["value"]["body"] for event in events if event["event"] == "data"] == [{"value": 0}, {"value": 1}]
    assert desk.data("send_request", msg={"url": desk.api.url + "/me"}, base_url="{instance_url}/v1", oauth=oauth)


@pytest.mark.parametrize(
    ("link", "text"),
    [("/pages", "read before"), (7, "next_field"), ("/pages?" + "x" * 1000, "1000 characters")],
)
def test_a_next_page_that_cannot_be_is_an_error(desk: Desk, link: Any, text: str) -> None:
    """And none that is asked for again and again, run after run."""
    desk.api.route("GET", "/pages", lambda request: page([1], link))
    events = desk.run("poll_records", **LINKS)
    assert text in events[-1]["value"]["message"]
    snapshots = [event["value"] for event in events if event["event"] == "snapshot"]
    again = desk.run("poll_records", snapshot=snapshots[-1] if snapshots else {}, **LINKS)
    assert [event["event"] for event in again] == ["error"]


def test_an_api_that_ignores_the_offset_is_an_error(desk: Desk) -> None:
    """In the next run, too, and without emitting anything twice."""
    desk.api.route("GET", "/pages", lambda request: Reply(200, [1, 2]))
    events = desk.run("poll_records", paging="offset", path="/pages")
    assert [event["event"] for event in events] == ["data", "snapshot", "data", "snapshot", "snapshot", "error"]
    again = desk.run("poll_records", paging="offset", path="/pages", snapshot=last_snapshot(events))
    assert [event["event"] for event in again] == ["error"]


def test_an_api_that_gives_fewer_records_than_asked_for_loses_none(desk: Desk) -> None:
    """Only an empty page is the last one."""
    desk.api.route("GET", "/pages", lambda request: Reply(200, list(range(7))[int(request.query["offset"]) :][:3]))
    assert len(desk.data("poll_records", paging="offset", path="/pages", page_size="5")) == 7


def test_a_snapshot_of_another_collection_counts_as_none(desk: Desk) -> None:
    """As do those that are no snapshots at all."""
    events = desk.run("poll_records", **PAGINGS[0])
    for snapshot in (last_snapshot(events), {"a": 1}, [1]):
        assert len(records(desk.run("poll_records", snapshot=snapshot, **PAGINGS[2]))) == 25


def test_a_record_without_a_time_is_an_error_when_times_are_compared(desk: Desk) -> None:
    """It could come again with every run, or never."""
    assert "updated_at" in desk.error("poll_records", since_field="updated_at", **PAGINGS[0])


def test_the_api_is_asked_for_later_changes_only(desk: Desk) -> None:
    """With the time of the latest change, as the API has given it."""
    desk.api.records = [{"id": number, "updated_at": f"2026-01-0{number}T00:00:00Z"} for number in range(1, 4)]
    cfg = {**PAGINGS[0], "since_field": "updated_at", "since_param": "updated_since", "id_field": "id"}
    events = desk.run("poll_records", **cfg)
    assert desk.run("poll_records", snapshot=last_snapshot(events), **cfg) == []
    assert [request.query.get("updated_since") for request in desk.api.requests] == [None, "2026-01-03T00:00:00Z"]


# --- credentials -------------------------------------------------------------------------------------------


def test_credentials_are_verified_by_reading_the_test_path(desk: Desk) -> None:
    """And refused with the status, or with the error of the refresh."""
    assert desk.local_run(test_path="/me").verify().value == {"verified": True}
    refused = desk.local_run(test_path="/status/403").verify()
    assert refused.value == {"verified": False, "reason": f"GET {desk.api.url}/status/403 answered 403 Forbidden"}
    assert f"GET {desk.api.url}/ answered 404" in desk.local_run().verify().value["reason"]
    desk.provider.revoke()
    assert "Sign in again" in desk.local_run(test_path="/me").verify().value["reason"]


def test_a_compressed_answer_is_unpacked(desk: Desk) -> None:
    """As requests does."""
    packed = gzip.compress(b'{"a": 1}')
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    desk.api.script("/x", Fault(status=200, body=packed, headers=headers))
    assert desk.data("send_request", msg={"url": "/x"})[0]["body"] == {"a": 1}
