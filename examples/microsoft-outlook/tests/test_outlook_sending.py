"""The action that sends mail: content, attachments of all sizes, and never twice."""

from typing import Any

import pytest

from shipmate.emulator import Fault

MAIL = {"to": "Bob <bob@example.com>; cid@example.com", "subject": "Hello", "content": "Good morning"}
LARGE = bytes(range(256)) * 36_000  # 9.2 MB, so that there are three pieces
MEDIUM = bytes(2_500_000)


@pytest.fixture
def stored(platform: Any) -> Any:
    """Return a function that stores a file with the platform and describes it as a message does."""
    import requests

    def store(content: bytes, kind: str = "application/pdf") -> dict[str, Any]:
        urls = requests.post(
            f"{platform.url}/v2/resources/storage/signed-url", auth=(platform.username, platform.key), timeout=5
        ).json()
        requests.put(urls["put_url"], data=content, headers={"Content-Type": kind}, timeout=5).raise_for_status()
        return {"url": urls["get_url"], "content-type": kind, "size": len(content)}

    return store


def test_a_mail_is_sent_and_its_ids_are_emitted(desk: Any) -> None:
    """With all that can be said about it."""
    wanted = {
        **MAIL,
        "cc": ["dee@example.com", {"address": "eve@example.com", "name": "Eve"}],
        "bcc": {"emailAddress": {"address": "fay@example.com"}},
        "replyTo": "office@example.com",
        "contentType": "HTML",
        "importance": "high",
    }
    body = desk.run("send_mail", wanted).message["body"]
    [sent] = desk.mailbox.sent
    assert (body["id"], body["internetMessageId"]) == (sent["id"], sent["internetMessageId"])
    assert (body["to"], body["savedToSentItems"]) == (["bob@example.com", "cid@example.com"], True)
    assert sent["toRecipients"][0] == {"emailAddress": {"address": "bob@example.com", "name": "Bob"}}
    assert [each["emailAddress"]["address"] for each in sent["ccRecipients"]] == ["dee@example.com", "eve@example.com"]
    assert sent["bccRecipients"] == [{"emailAddress": {"address": "fay@example.com"}}]
    assert sent["body"] == {"contentType": "html", "content": "Good morning"}
    assert (sent["importance"], sent["replyTo"][0]["emailAddress"]["address"]) == ("high", "office@example.com")
    assert len(desk.graph.requests) == 2


def test_no_copy_is_kept_when_none_is_wanted(desk: Any, stored: Any) -> None:
    """Then all goes in one request, and there are no ids."""
    body = desk.run("send_mail", {**MAIL, "saveToSentItems": False}, files={"a.pdf": stored(b"%PDF")}).message["body"]
    [sent] = desk.mailbox.sent
    assert sent["saved"] is False
    assert sent["attachments"][0]["content"] == b"%PDF"
    assert (body["savedToSentItems"], "id" in body) == (False, False)
    assert [request.path for request in desk.graph.requests] == ["/v1.0/me/sendMail"]


def test_small_attachments_go_along_with_the_draft(desk: Any, stored: Any) -> None:
    """Those of the message, and those that the body names by their URLs."""
    listed = [
        {"name": "b.txt", "url": stored(b"two")["url"], "contentType": "text/plain"},
        {"url": stored(b"3")["url"]},
    ]
    emissions = desk.run("send_mail", {**MAIL, "attachments": listed}, files={"a.pdf": stored(b"one")})
    attached = desk.mailbox.sent[0]["attachments"]
    assert [(each["name"], each["contentType"], each["content"]) for each in attached] == [
        ("a.pdf", "application/pdf", b"one"),
        ("b.txt", "text/plain", b"two"),
        ("attachment 2", "application/octet-stream", b"3"),
    ]
    assert emissions.message["body"]["attachments"][0] == {"name": "a.pdf", "size": 3}
    assert len(desk.graph.requests) == 2


def test_several_attachments_that_do_not_fit_into_one_request_go_one_by_one(desk: Any, stored: Any) -> None:
    """Each of them is small enough for a request of its own."""
    desk.run("send_mail", MAIL, files={"a": stored(MEDIUM), "b": stored(MEDIUM)})
    assert [len(each["content"]) for each in desk.mailbox.sent[0]["attachments"]] == [len(MEDIUM)] * 2
    assert len(desk.calls("POST")) == 4


def test_a_large_attachment_is_uploaded_in_pieces_without_the_token(
    desk: Any, stored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other host checks order, length and that nothing but its own token comes along; no log has that one."""
    monkeypatch.setenv("LOG_LEVEL", "trace")
    emissions = desk.run("send_mail", MAIL, files={"large.bin": stored(LARGE), "small": stored(b"1")})
    assert not emissions.errors, emissions.summary()
    attached = {each["name"]: each["content"] for each in desk.mailbox.sent[0]["attachments"]}
    assert attached == {"large.bin": LARGE, "small": b"1"}
    assert len(desk.uploads.requests) == 3
    assert not any(request.header("Authorization") for request in desk.uploads.requests)
    assert "AttachmentSessions" in desk.component.log


@pytest.mark.parametrize(
    "trouble",
    [
        Fault(drop="before"),
        Fault(drop="before", after_processing=True),
        Fault(status=503),
        Fault(status=500, after_processing=True),
    ],
)
def test_an_upload_goes_on_where_it_broke_off(desk: Any, stored: Any, trouble: Fault) -> None:
    """Whether the piece had arrived or not."""
    desk.uploads.script(None, trouble, method="PUT")
    desk.run("send_mail", MAIL, files={"large.bin": stored(LARGE)})
    assert desk.mailbox.sent[0]["attachments"][0]["content"] == LARGE
    assert "GET" in [request.method for request in desk.uploads.requests]


def test_an_upload_that_does_not_go_on_is_left_to_a_rebound(desk: Any, stored: Any) -> None:
    """Nothing was sent, and no draft is left behind."""
    desk.uploads.script(None, Fault(status=503, headers={"Retry-After": "600"}), times=9)
    emissions = desk.run("send_mail", MAIL, files={"large.bin": stored(LARGE)})
    assert "the upload of large.bin to outlook.office.com: found HTTP 503" in emissions.rebounds[0]
    assert (desk.mailbox.sent, desk.mailbox.messages) == ([], {})


def test_an_upload_that_is_refused_is_an_error(desk: Any, stored: Any) -> None:
    """With what the other host says, and without its address."""
    body = {"error": {"code": "ErrorAttachmentSizeLimitExceeded", "message": "Too large."}}
    desk.uploads.script(None, Fault(status=413, body=body))
    text = desk.fails("send_mail", MAIL, files={"large.bin": stored(LARGE)})
    assert "the upload of large.bin to outlook.office.com answered 413: Too large" in text
    assert "ErrorAttachmentSizeLimitExceeded" in text
    assert "authtoken" not in text
    assert desk.mailbox.messages == {}


def test_the_answers_of_an_upload_have_a_limit(desk: Any, stored: Any) -> None:
    """They come from another host than Graph."""
    desk.uploads.script(None, Fault(status=202, body={"nextExpectedRanges": ["0-"], "x": "a" * 1_100_000}))
    text = desk.fails("send_mail", MAIL, files={"large.bin": stored(LARGE)})
    assert "the answer of outlook.office.com: expected at most 1048576 decoded bytes" in text
    assert "authtoken" not in text


def test_an_upload_address_without_https_is_not_used(desk: Any, stored: Any) -> None:
    """The file would travel in clear."""
    place = "/v1.0/me/messages/AAMk%2Fmessage%2B6%3D%3D/attachments/createUploadSession"
    desk.graph.script(place, Fault(status=201, body={"uploadUrl": "http://outlook.office.com/x"}))
    assert "expected an uploadUrl with https" in desk.fails("send_mail", MAIL, files={"a": stored(LARGE)})
    assert not desk.uploads.requests


def test_a_large_attachment_needs_a_copy(desk: Any, stored: Any) -> None:
    """Only a draft can take it, and of a draft that is sent Exchange keeps a copy."""
    text = desk.fails("send_mail", {**MAIL, "saveToSentItems": False}, files={"a": stored(LARGE)})
    assert text.startswith("saveToSentItems: expected true")
    assert not desk.graph.requests


def send_path(desk: Any) -> str:
    """Return the path at which the next draft is sent."""
    return "/v1.0/me/messages/AAMk%2Fmessage%2B6%3D%3D/send"


@pytest.mark.parametrize("trouble", [{"drop": "before"}, {"status": 504}, {"status": 503}])
def test_a_mail_whose_answer_was_lost_is_known_to_be_sent(desk: Any, trouble: dict[str, Any]) -> None:
    """It is no draft any more, so it is not sent again."""
    desk.graph.script(send_path(desk), Fault(**trouble, after_processing=True))
    assert desk.run("send_mail", MAIL).message["body"]["id"] == desk.mailbox.sent[0]["id"]
    assert len(desk.mailbox.sent) == 1
    assert [request.path for request in desk.calls("POST")].count(send_path(desk)) == 1


@pytest.mark.parametrize("trouble", [{"drop": "before"}, {"status": 504}, {"status": 503}])
def test_a_mail_whose_fate_is_unclear_is_not_repeated(desk: Any, trouble: dict[str, Any]) -> None:
    """It is a draft still, but Exchange may have taken it: a person must look, and finds the draft."""
    desk.graph.script(send_path(desk), Fault(**trouble))
    text = desk.fails("send_mail", MAIL)
    assert "may have been done" in text
    assert "Drafts and Sent Items" in text
    assert len(desk.mailbox.messages) == 1
    assert [request.path for request in desk.calls("POST")].count(send_path(desk)) == 1


def test_a_whole_mail_is_not_repeated_either(desk: Any) -> None:
    """Nothing can be looked up."""
    desk.graph.script(None, Fault(drop="before", after_processing=True))
    assert "may have been done" in desk.fails("send_mail", {**MAIL, "saveToSentItems": "no"})
    assert len(desk.mailbox.sent) == 1


def test_a_throttled_mail_is_left_to_a_rebound_without_its_draft(desk: Any) -> None:
    """The rebound makes a new one."""
    desk.graph.script(send_path(desk), Fault(status=429, headers={"Retry-After": "300"}))
    assert "wait 300 seconds" in desk.run("send_mail", MAIL).rebounds[0]
    assert (desk.mailbox.sent, desk.mailbox.messages) == ([], {})


def test_an_attachment_whose_fate_is_unclear_costs_the_draft_only(desk: Any, stored: Any) -> None:
    """Otherwise the mail could have it twice, or not at all."""
    place = "/v1.0/me/messages/AAMk%2Fmessage%2B6%3D%3D/attachments"
    desk.graph.script(place, Fault(drop="before", after_processing=True))
    assert desk.run("send_mail", MAIL, files={"a": stored(MEDIUM), "b": stored(MEDIUM)}).rebounds
    assert (desk.mailbox.sent, desk.mailbox.messages) == ([], {})


def test_a_mail_that_graph_refuses_is_an_error(desk: Any) -> None:
    """With Graph's words."""
    assert "ErrorInvalidRecipients" in desk.fails("send_mail", {"to": "nobody@example.com"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"to": ""}, "to, cc, bcc: expected at least one address"),
        ({"to": "nonsense"}, "to: expected an address"),
        ({"to": 7}, "to: expected addresses, found int"),
        ({"cc": [{"name": "Ada"}]}, "cc: expected an address"),
        ({"subject": 7}, "subject: expected text"),
        ({"contentType": "markdown"}, "contentType: expected one of text, html"),
        ({"attachments": {}}, None),
        ({"attachments": "a.pdf"}, "attachments: expected a list"),
        ({"attachments": [{"name": "a.pdf"}]}, "attachment 1: expected an attachment with its url"),
    ],
)
def test_wrong_input_is_told_before_anything_is_sent(desk: Any, change: dict[str, Any], said: str | None) -> None:
    """In one line, without the content."""
    if said is None:
        assert desk.run("send_mail", {**MAIL, **change}).data
        return
    assert said in desk.fails("send_mail", {**MAIL, **change})
    assert not desk.graph.requests


def test_a_platform_that_gives_no_files_now_is_left_to_a_rebound(desk: Any, stored: Any, platform: Any) -> None:
    """Nothing was sent."""
    described = stored(b"one")
    platform.script(None, Fault(status=503), times=9, method="GET")
    assert desk.run("send_mail", MAIL, files={"a.pdf": described}).rebounds
    assert not desk.graph.requests


def test_a_file_that_breaks_off_is_not_sent(desk: Any, stored: Any, platform: Any) -> None:
    """Half a file would be worse than none."""
    described = stored(LARGE)
    platform.script(None, Fault(drop="middle"), times=9, method="GET")
    text = desk.fails("send_mail", MAIL, files={"large.bin": described})
    assert "large.bin: expected a file that can be read to its end" in text
    assert not desk.graph.requests
