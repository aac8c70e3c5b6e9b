"""How the component keeps its sign-in alive, and what becomes of errors."""

from typing import Any

import pytest

from emulated_graph.answers import refused
from shipmate.emulator import Fault


def fault(status: int, code: str = "generalException", **headers: str) -> Fault:
    """Return an error answer of Graph."""
    reply = refused(status, code, "It is told here.")
    return Fault(
        status=reply.status, body=reply.body, headers={name.replace("_", "-"): headers[name] for name in headers}
    )


def test_every_access_renews_the_refresh_token(desk: Any) -> None:
    """Two requests are two refreshes, and the keys of the latest one are what the platform has."""
    desk.mailbox.add_folder("Projects", inside=desk.mailbox.folder("inbox"))
    desk.choices("poll_mail", "mail_folders")
    assert len(desk.graph.requests) == desk.provider.refreshes == 2
    sent = [request.form["refresh_token"] for request in desk.provider.token_requests]
    assert sent[0] == desk.keys["refresh_token"]
    assert len(set(sent)) == 2
    assert desk.component.stored_keys["oauth"]["refresh_token"] not in sent


def test_new_keys_are_saved_before_graph_is_asked(desk: Any) -> None:
    """Otherwise a crash in between would lose them."""
    emissions = desk.run("create_contact", {"givenName": "Ada"})
    assert [name for name, _ in emissions.events] == ["updateKeys", "data"]


def test_a_scope_without_offline_access_gets_it_back(desk: Any) -> None:
    """Entra leaves it out of its answers, and gives a refresh token only to who asks for it."""
    from outlook.provider import with_offline_access

    assert with_offline_access({"scope": "Mail.Send"})["scope"] == "Mail.Send offline_access"
    for untouched in ({"scope": "offline_access Mail.Send"}, {"scope": ""}, {"access_token": "a"}):
        assert with_offline_access(dict(untouched)) == untouched


def test_credentials_that_work_are_verified(desk: Any) -> None:
    """By asking who has signed in."""
    assert desk.component.verify({"oauth": desk.keys}) == {"verified": True}
    assert desk.graph.requests[-1].path == "/v1.0/me"


@pytest.mark.parametrize("keys", [{"access_token": "old", "refresh_token": "wrong"}, {}])
def test_wrong_keys_are_not_verified_and_the_reason_is_told(desk: Any, keys: dict[str, str]) -> None:
    """The person must sign in again."""
    verdict = desk.component.verify({"oauth": keys})
    assert verdict["verified"] is False
    assert verdict["reason"]
    assert not desk.graph.requests


def test_a_token_that_graph_refuses_is_not_renewed_twice(desk: Any) -> None:
    """It was renewed just before: once more would not help, and 401 could go on for ever."""
    desk.graph.script(None, fault(401, "InvalidAuthenticationToken"))
    text = desk.fails("create_contact", {"givenName": "Ada"})
    assert "InvalidAuthenticationToken" in text
    assert "sign in again" in text
    assert (len(desk.graph.requests), desk.provider.refreshes) == (1, 1)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "ErrorAccessDenied", "does not cover this"),
        (404, "ErrorItemNotFound", "not in this mailbox"),
        (400, "ErrorInvalidIdMalformed", "not the id of an item"),
        (404, "MailboxNotEnabledForRESTAPI", "no mailbox in Exchange Online"),
    ],
)
def test_errors_of_graph_are_readable(desk: Any, status: int, code: str, said: str) -> None:
    """They name what was asked for, the code, what Graph says, what it means, and what its support needs."""
    desk.graph.script(None, fault(status, code))
    text = desk.fails("move_mail", {"messageId": "AAMk/1=", "folder": "archive"})
    assert text.startswith(f"POST /me/messages/AAMk%2F1%3D/move answered {status} {code}: It is told here. ")
    assert said in text
    assert "request-id 5b1c2f6e-" in text
    assert len(desk.graph.requests) == 1


def test_the_innermost_code_is_the_one_that_is_told(desk: Any) -> None:
    """The outermost one is often general."""
    body = {"error": {"code": "BadRequest", "message": "No.", "innererror": {"code": "ErrorQuotaExceeded"}}}
    desk.graph.script(None, Fault(status=400, body=body))
    assert "400 ErrorQuotaExceeded: No. The mailbox is full" in desk.fails("create_contact", {"givenName": "Ada"})


def test_answers_that_are_no_errors_of_graph_are_told_as_well(desk: Any) -> None:
    """As a proxy in between may give them."""
    desk.graph.script(None, Fault(status=403, body="<html>", headers={"Content-Type": "text/html"}))
    assert "answered 403 Forbidden" in desk.fails("create_contact", {"givenName": "Ada"})
    desk.graph.script(None, Fault(status=201, body="nonsense"))
    assert "expected a JSON object" in desk.fails("create_contact", {"givenName": "Ada"})


def test_a_short_throttle_is_waited_for(desk: Any) -> None:
    """Also for what must not be done twice: a throttled request was not done at all."""
    desk.graph.script(None, fault(429, "TooManyRequests", Retry_After="7"), fault(429, "TooManyRequests"))
    assert desk.run("create_contact", {"givenName": "Ada"}).message["body"]["givenName"] == "Ada"
    assert (len(desk.graph.requests), desk.pauses) == (3, [7.0, 2.0])


@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_long_throttle_is_left_to_a_rebound(desk: Any, status: int) -> None:
    """A worker that waits for minutes would keep other messages waiting."""
    desk.graph.script(None, fault(status, "TooManyRequests", Retry_After="120"))
    emissions = desk.run("find_meeting_times", {"from": "2026-05-04T09:00", "until": "2026-05-04T17:00"})
    assert not emissions.data
    assert not emissions.errors
    [reason] = emissions.rebounds
    assert f"answered {status}" in reason
    assert "wait 120 seconds" in reason
    assert (len(desk.graph.requests), desk.pauses) == (1, [])


def test_throttles_without_end_are_left_to_a_rebound(desk: Any) -> None:
    """Three attempts are enough."""
    desk.graph.script(None, fault(503, "serviceNotAvailable"), times=9)
    assert desk.run("move_mail", {"messageId": "a", "folder": "archive"}).rebounds
    assert (len(desk.graph.requests), desk.pauses) == (3, [1.0, 2.0])


def test_a_graph_that_cannot_be_reached_is_left_to_a_rebound(desk: Any) -> None:
    """Also for what must not be done twice: it never left."""
    desk.graph.stop()
    [reason] = desk.run("create_contact", {"givenName": "Ada"}).rebounds
    url = "https://graph.microsoft.com/v1.0/me/contacts"
    assert reason == f"POST {url} got no answer (ConnectionError): the connection was refused"
    assert desk.pauses == [1.0, 2.0]


def test_a_provider_that_gives_no_tokens_now_is_left_to_a_rebound(desk: Any) -> None:
    """Signing in again would not help."""
    desk.provider.script("/token", Fault(status=503, headers={"Retry-After": "0"}), times=9)
    assert desk.run("create_contact", {"givenName": "Ada"}).rebounds
    assert not desk.graph.requests


def test_what_must_not_be_done_twice_is_not_repeated_after_a_lost_answer(desk: Any) -> None:
    """A second contact would be one too many."""
    desk.graph.script(None, Fault(drop="before", after_processing=True))
    text = desk.fails("create_contact", {"givenName": "Ada"})
    assert "may have been done" in text
    assert len(desk.mailbox.contacts) == 1


def test_what_may_be_done_twice_is_repeated(desk: Any) -> None:
    """Reading, after answers that were lost or cut."""
    desk.graph.script(None, fault(500), fault(502))
    assert desk.choices("poll_mail", "mail_folders")
    assert len(desk.graph.requests) == 3
