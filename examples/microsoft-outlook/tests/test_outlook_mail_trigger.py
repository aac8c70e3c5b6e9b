"""The trigger that polls for new mail, and the choice of its folder."""

import base64
from typing import Any

import pytest

from shipmate.emulator import Fault

LONG_AGO = "2020-01-01T00:00:00Z"


def subjects(emissions: Any) -> list[str]:
    """Return the subjects of the mail that was emitted."""
    assert not emissions.errors, emissions.summary()
    return [message["body"]["subject"] for message in emissions.data]


def poll(desk: Any, snapshot: Any = None, **cfg: Any) -> tuple[list[str], Any]:
    """Run the trigger; return the subjects, and the snapshot of the next run."""
    emissions = desk.run("poll_mail", snapshot=snapshot, **{"folder": "inbox", **cfg})
    return subjects(emissions), (emissions.snapshots or [snapshot])[-1]


def test_the_first_run_takes_only_what_comes_in_from_then_on(desk: Any) -> None:
    """A mailbox has years of mail."""
    desk.mailbox.deliver("old", received=LONG_AGO)
    found, snapshot = poll(desk)
    assert found == []
    desk.mailbox.deliver("new")
    found, snapshot = poll(desk, snapshot)
    assert found == ["new"]
    assert poll(desk, snapshot)[0] == []


def test_the_first_run_may_begin_earlier(desk: Any) -> None:
    """The time in ``start`` counts in the zone that it names."""
    desk.mailbox.deliver("before", received="2026-01-01T07:59:59Z")
    desk.mailbox.deliver("after", received="2026-01-01T08:00:00Z")
    found, snapshot = poll(desk, start="2026-01-01T09:00:00+01:00")
    assert found == ["after"]
    assert poll(desk, snapshot, start="2026-01-01T09:00:00+01:00")[0] == []


def test_all_pages_of_a_round_are_read(desk: Any) -> None:
    """Each page has a snapshot of its own, after its mail and before the next page."""
    desk.graph.deltas.page_size = 2
    for number in range(5):
        desk.mailbox.deliver(f"mail {number}")
    emissions = desk.run("poll_mail", folder="inbox", start=LONG_AGO)
    assert subjects(emissions) == [f"mail {number}" for number in range(5)]
    kinds = [name for name, _ in emissions.events if name != "updateKeys"]
    assert kinds == ["data", "data", "snapshot", "data", "data", "snapshot", "data", "snapshot"]
    desk.mailbox.deliver("later")
    assert poll(desk, emissions.snapshots[-1])[0] == ["later"]


def test_a_run_that_breaks_off_goes_on_at_its_page(desk: Any) -> None:
    """Nothing is lost, and nothing of the pages before comes again."""
    desk.graph.deltas.page_size = 2
    for number in range(4):
        desk.mailbox.deliver(f"mail {number}")
    desk.graph.script("/v1.0/me/mailFolders/inbox/messages/delta", Fault(status=200, body={"value": "?"}))
    assert "expected a list" in desk.fails("poll_mail", folder="inbox", start=LONG_AGO)
    emissions = desk.run("poll_mail", folder="inbox", start=LONG_AGO)
    first = emissions.snapshots[0]
    assert poll(desk, first)[0] == ["mail 2", "mail 3"]


def test_messages_have_ids_that_stay_the_same(desk: Any) -> None:
    """A page that is emitted again can be told by the steps that follow."""
    desk.mailbox.deliver("one")
    desk.mailbox.deliver("two")
    first, second = (desk.run("poll_mail", folder="inbox", start=LONG_AGO) for _ in range(2))
    ids = [message["id"] for message in first.data]
    assert ids == [message["id"] for message in second.data]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("is_in_the_middle", [False, True])
def test_an_expired_link_begins_the_round_anew_without_repeating(desk: Any, is_in_the_middle: bool) -> None:
    """Graph forgets links after a while, also those between the pages of a round."""
    desk.graph.deltas.page_size = 2
    for number in range(3):
        desk.mailbox.deliver(f"mail {number}")
    emissions = desk.run("poll_mail", folder="inbox", start=LONG_AGO)
    snapshot = emissions.snapshots[0 if is_in_the_middle else -1]
    desk.graph.deltas.expire()
    desk.mailbox.deliver("later")
    found, snapshot = poll(desk, snapshot)
    assert found == (["mail 2", "later"] if is_in_the_middle else ["later"])
    assert [request.status for request in desk.graph.requests].count(410) == 1
    assert poll(desk, snapshot)[0] == []


def test_only_what_comes_in_counts(desk: Any) -> None:
    """Mail that is read, moved away or deleted is no new mail; what was moved in is, if it is not older."""
    _, snapshot = poll(desk)
    kept, moved = desk.mailbox.deliver("kept"), desk.mailbox.deliver("moved", folder="archive")
    found, snapshot = poll(desk, snapshot)
    assert found == ["kept"]
    desk.mailbox.move(kept["id"], "archive")
    desk.mailbox.move(moved["id"], "inbox")
    found, snapshot = poll(desk, snapshot)
    assert found == ["moved"]
    desk.mailbox.move(kept["id"], "inbox")
    desk.mailbox.delete(moved["id"])
    assert poll(desk, snapshot)[0] == []


def test_read_mail_can_be_left_out(desk: Any) -> None:
    """It was dealt with already."""
    desk.mailbox.deliver("read", isRead=True)
    desk.mailbox.deliver("unread")
    assert poll(desk, start=LONG_AGO, unread_only=True)[0] == ["unread"]
    assert poll(desk, start=LONG_AGO, unread_only="on")[0] == ["unread"]


def test_bodies_are_asked_for_as_they_are_wanted(desk: Any) -> None:
    """In each request, since links do not remember it."""
    desk.graph.deltas.page_size = 1
    desk.mailbox.deliver("one")
    desk.mailbox.deliver("two")
    poll(desk, start=LONG_AGO, plain_text=True)
    assert len(desk.graph.requests) == 2
    assert all('outlook.body-content-type="text"' in request.header("Prefer") for request in desk.graph.requests)


def test_attachments_are_stored_with_the_platform(desk: Any, platform: Any) -> None:
    """Files as they are, attached mail as .eml, links not at all, and equal names made different."""
    mail = desk.mailbox.deliver("with files", hasAttachments=True)
    kinds = [("a.txt", "file", "text/plain"), ("a.txt", "file", "text/plain"), ("Re: x", "item", None)]
    desk.mailbox.attachments[mail["id"]] = [
        {"@odata.type": f"#microsoft.graph.{kind}Attachment", "name": name, "contentType": media, "content": b"12345"}
        for name, kind, media in [*kinds, ("link", "reference", None)]
    ]
    desk.mailbox.deliver("without")
    emissions = desk.run("poll_mail", folder="inbox", start=LONG_AGO, store_attachments=True)
    first, second = emissions.data
    assert "attachments" not in second
    kept = {name: (each["content-type"], each["size"]) for name, each in first["attachments"].items()}
    assert kept == {
        "a.txt": ("text/plain", 5),
        "a-2.txt": ("text/plain", 5),
        "Re: x.eml": ("message/rfc822", 5),
    }


def test_a_folder_that_is_gone_is_told(desk: Any) -> None:
    """With what it means."""
    assert "404 ErrorItemNotFound" in desk.fails("poll_mail", folder="AAMk/gone+1==")
    assert "AAMk%2Fgone%2B1%3D%3D" in desk.graph.requests[-1].path


def test_the_token_goes_to_graph_only(desk: Any) -> None:
    """A link that leads elsewhere, in an answer or in a snapshot, is not followed."""
    for link in ("https://evil.example/v1.0/me/messages/delta", "http://graph.microsoft.com/v1.0/me", "https://["):
        desk.graph.script(None, Fault(status=200, body={"value": [], "@odata.nextLink": link}))
        assert "expected a URL at graph.microsoft.com" in desk.fails("poll_mail", folder="inbox")
    snapshot = {**poll(desk)[1], "link": "@evil.example/v1.0/me"}
    assert "404" in desk.fails("poll_mail", folder="inbox", snapshot=snapshot)
    assert desk.graph.requests[-1].path == "/v1.0/@evil.example/v1.0/me"


def test_a_snapshot_of_another_folder_counts_as_none(desk: Any) -> None:
    """Its link would read the other folder for ever."""
    desk.mailbox.deliver("in the archive", folder="archive")
    _, snapshot = poll(desk, start=LONG_AGO)
    assert poll(desk, snapshot, folder="archive", start=LONG_AGO)[0] == ["in the archive"]
    assert poll(desk, {"unknown": 1}, folder="archive", start=LONG_AGO)[0] == ["in the archive"]


def test_snapshots_stay_small(desk: Any) -> None:
    """The platform keeps 5 KB."""
    import json

    for number in range(300):
        desk.mailbox.deliver(f"mail {number}")
    emissions = desk.run("poll_mail", folder="inbox", start=LONG_AGO)
    assert len(emissions.data) == 300
    assert all(len(json.dumps(snapshot)) < 2000 for snapshot in emissions.snapshots)


@pytest.mark.parametrize(
    ("cfg", "said"), [({"folder": ""}, "folder: expected"), ({"start": "soon"}, "start: expected")]
)
def test_wrong_fields_are_told(desk: Any, cfg: dict[str, str], said: str) -> None:
    """Before anything is sent."""
    assert said in desk.fails("poll_mail", **{"folder": "inbox", **cfg})
    assert not desk.graph.requests


def test_folders_are_listed_with_their_paths(desk: Any) -> None:
    """All levels and all pages, sorted; their ids are escaped on the way."""
    desk.graph.deltas.page_size = 2
    inbox = desk.mailbox.folder("inbox")
    projects = desk.mailbox.add_folder("Projects", inside=inbox)
    year = desk.mailbox.add_folder("2026", inside=projects)
    choices = desk.choices("poll_mail", "mail_folders")
    assert choices[year] == "Inbox / Projects / 2026"
    labels = [
        "Archive",
        "Deleted Items",
        "Drafts",
        "Inbox",
        "Inbox / Projects",
        "Inbox / Projects / 2026",
        "Sent Items",
    ]
    assert list(choices.values()) == labels


def test_other_files_than_text_survive(desk: Any, platform: Any) -> None:
    """Byte by byte."""
    content = base64.b64decode("iVBORw0KGgo=") + bytes(range(256))
    mail = desk.mailbox.deliver("picture", hasAttachments=True)
    kind = "#microsoft.graph.fileAttachment"
    attachment = {"@odata.type": kind, "name": "a.png", "contentType": "image/png", "content": content}
    desk.mailbox.attachments[mail["id"]] = [attachment]
    emissions = desk.run("poll_mail", folder="inbox", start=LONG_AGO, store_attachments=True)
    (stored,) = platform.maester.objects.values()
    assert (stored.data, stored.content_type) == (content, "image/png")
    assert emissions.message["attachments"]["a.png"]["size"] == len(content)
