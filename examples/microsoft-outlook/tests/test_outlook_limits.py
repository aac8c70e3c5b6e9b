"""Where the component gives up: answers without end, files without end, and what goes wrong while it cleans up."""

from importlib import import_module
from typing import Any

import pytest
import requests

from shipmate.emulator import Fault

LONG_AGO = "2020-01-01T00:00:00Z"
MAIL = {"to": "bob@example.com", "subject": "Hello"}
DRAFT = "/v1.0/me/messages/AAMk%2Fmessage%2B6%3D%3D"


def test_a_link_that_no_snapshot_can_hold_is_told(desk: Any) -> None:
    """The platform keeps 5 KB, and would cut it."""
    link = "https://graph.microsoft.com/v1.0/me/messages/delta?$deltatoken=" + "a" * 4000
    desk.graph.script(None, Fault(status=200, body={"value": [], "@odata.deltaLink": link}))
    assert "expected a link of at most 3000 characters" in desk.fails("poll_mail", folder="inbox")


def test_a_page_without_a_link_is_told(desk: Any) -> None:
    """Otherwise the next run would read all again."""
    desk.graph.script(None, Fault(status=200, body={"value": []}))
    assert "expected a URL at graph.microsoft.com" in desk.fails("poll_mail", folder="inbox")


def test_a_link_outside_the_api_is_not_followed(desk: Any) -> None:
    """Another version has other answers."""
    link = "https://graph.microsoft.com/beta/me/messages/delta?$skiptoken=a"
    desk.graph.script(None, Fault(status=200, body={"value": [], "@odata.nextLink": link}))
    assert "expected a path below /v1.0" in desk.fails("poll_mail", folder="inbox")


def test_a_redirect_is_not_followed(desk: Any) -> None:
    """Graph gives none, and a mail must not go elsewhere."""
    desk.graph.script(None, Fault(redirect=desk.uploads.url))
    assert "POST /me/messages answered 302" in desk.fails("send_mail", MAIL)
    assert not desk.uploads.requests


def test_a_run_ends_although_pages_do_not(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot has the place where the next run goes on."""
    desk.graph.deltas.page_size = 1
    for number in range(3):
        desk.mailbox.deliver(f"mail {number}")
    desk.run("poll_mail", folder="inbox")
    monkeypatch.setattr(import_module("outlook.polling"), "_MOST_PAGES", 2)
    emissions = desk.run("poll_mail", folder="inbox", start=LONG_AGO)
    assert len(emissions.data) == 2
    assert "the next run goes on" in desk.component.log
    assert len(desk.run("poll_mail", folder="inbox", snapshot=emissions.snapshots[-1]).data) == 1


@pytest.mark.parametrize(
    ("module", "name", "said"),
    [
        ("containers", "_DEEPEST", "levels"),
        ("containers", "_MOST_FOLDERS", "found more"),
        ("graph", "_MOST_PAGES", "pages"),
    ],
)
def test_lists_of_folders_have_an_end(
    desk: Any, monkeypatch: pytest.MonkeyPatch, module: str, name: str, said: str
) -> None:
    """Somebody waits in front of a screen."""
    desk.graph.deltas.page_size = 2
    desk.mailbox.add_folder("Projects", inside=desk.mailbox.folder("inbox"))
    assert desk.choices("poll_mail", "mail_folders")
    monkeypatch.setattr(import_module(f"outlook.{module}"), name, 1)
    with pytest.raises(Exception, match=said):
        desk.choices("poll_mail", "mail_folders")


def test_a_file_without_end_is_not_sent(desk: Any, platform: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Graph would not take it, and the disk has an end, too."""
    url = f"{platform.url}/v2/resources/storage/signed-url"
    urls = requests.post(url, auth=(platform.username, platform.key), timeout=5).json()
    requests.put(urls["put_url"], data=bytes(2_000_000), timeout=5)
    desk.run("send_mail", MAIL)
    monkeypatch.setattr(import_module("outlook.files"), "LARGEST_BYTES", 1024 * 1024)
    text = desk.fails("send_mail", MAIL, files={"large.bin": {"url": urls["get_url"]}})
    assert text == "large.bin: expected at most 1 MB, found more"
    assert len(desk.mailbox.sent) == 1


def test_attachments_that_are_none_are_told(desk: Any) -> None:
    """By the place where they stand."""
    msg = {"body": MAIL, "attachments": [{"url": "https://example.com/a"}]}
    [error] = desk.component.run("send_mail", msg, {"oauth": desk.keys}).errors
    assert error["message"] == "attachments of the message: expected an object, found list"


def test_a_draft_without_an_id_is_told(desk: Any) -> None:
    """It could not be sent."""
    desk.graph.script(None, Fault(status=201, body={}))
    assert "expected a draft with its id" in desk.fails("send_mail", MAIL)


def test_a_mail_whose_fate_cannot_be_looked_up_is_unclear(desk: Any) -> None:
    """It is not sent again."""
    desk.graph.script(DRAFT + "/send", Fault(drop="before", after_processing=True))
    desk.graph.script(DRAFT, Fault(status=404, body={"error": {"code": "ErrorItemNotFound"}}))
    assert "Drafts and Sent Items" in desk.fails("send_mail", MAIL)
    assert len(desk.mailbox.sent) == 1


def test_a_draft_that_cannot_be_deleted_hides_nothing(desk: Any) -> None:
    """The first error is the one that counts."""
    desk.graph.script(DRAFT + "/send", Fault(status=403, body={"error": {"code": "ErrorSendAsDenied"}}))
    desk.graph.script(DRAFT, Fault(status=403, body={"error": {"code": "ErrorAccessDenied"}}), method="DELETE")
    assert "403 ErrorSendAsDenied" in desk.fails("send_mail", MAIL)
    assert "a draft that was not sent could not be deleted" in desk.component.log


@pytest.mark.parametrize("answer", [{}, {"nextExpectedRanges": ["soon"]}, "nonsense"])
def test_an_upload_goes_on_without_being_told_where(desk: Any, platform: Any, answer: Any) -> None:
    """Then all that was sent has arrived."""
    content = bytes(range(256)) * 36_000
    url = f"{platform.url}/v2/resources/storage/signed-url"
    urls = requests.post(url, auth=(platform.username, platform.key), timeout=5).json()
    requests.put(urls["put_url"], data=content, timeout=5)
    desk.uploads.answers_with = answer
    desk.run("send_mail", MAIL, files={"large.bin": {"url": urls["get_url"]}})
    assert desk.mailbox.sent[0]["attachments"][0]["content"] == content


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("ada@example.com", ["ada@example.com"]),
        ("Ada <ada@example.com>; bob@example.com, ", ["ada@example.com", "bob@example.com"]),
        (["ada@example.com", "Bob <bob@example.com>"], ["ada@example.com", "bob@example.com"]),
        ('"Example, Ada" <ada@example.com>', ["ada@example.com"]),
        ([], []),
        (None, []),
        (" ", []),
    ],
)
def test_people_may_be_given_in_many_ways(given: Any, found: list[str]) -> None:
    """As forms, lists and other steps have them."""
    from outlook.fields import people_of

    assert [each["emailAddress"]["address"] for each in people_of({"to": given}, "to")] == found


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_an_id_stays_in_its_collection(segment: str) -> None:
    """A message chooses a mail and not another path."""
    path_of = import_module("outlook.urls").path_of
    with pytest.raises(ValueError, match="expected an id"):
        path_of("me", "messages", segment)
