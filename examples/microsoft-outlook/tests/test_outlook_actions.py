"""The actions that move mail, create events and contacts, and find meeting times."""

from typing import Any

import pytest

from shipmate.emulator import Fault

MEETING = {"subject": "Review", "start": "2026-05-04T10:00", "end": "2026-05-04T11:00", "timeZone": "Europe/Berlin"}
DAY = {"from": "2026-05-04T09:00", "until": "2026-05-04T12:00", "timeZone": "Europe/Berlin"}


def test_a_mail_is_moved_and_keeps_its_id(desk: Any) -> None:
    """Into the folder in the message, or else the chosen one."""
    mail = desk.mailbox.deliver("hello")
    body = desk.run("move_mail", {"messageId": mail["id"]}, folder="archive").message["body"]
    assert (body["id"], body["parentFolderId"]) == (mail["id"], desk.mailbox.folder("archive"))
    desk.run("move_mail", {"messageId": mail["id"], "folder": "deleteditems"}, folder="archive")
    assert mail["parentFolderId"] == desk.mailbox.folder("deleteditems")


def test_moving_is_repeated_after_a_lost_answer(desk: Any) -> None:
    """Since the id stays, it ends where it should."""
    mail = desk.mailbox.deliver("hello")
    desk.graph.script(None, Fault(drop="before", after_processing=True))
    assert desk.run("move_mail", {"messageId": mail["id"], "folder": "archive"}).message["body"]["id"] == mail["id"]


def test_destinations_are_the_well_known_folders_and_all_others(desk: Any) -> None:
    """The first ones fit every account."""
    choices = desk.choices("move_mail", "destinations")
    assert choices["deleteditems"] == "Deleted items (well-known)"
    assert choices[desk.mailbox.folder("archive")] == "Archive"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"folder": "archive"}, "messageId: expected text, found nothing"),
        ({"messageId": "a"}, "folder: expected text, found nothing"),
        ([], "the body of the message: expected an object, found list"),
    ],
)
def test_a_move_without_its_data_is_told(desk: Any, body: Any, said: str) -> None:
    """Before anything is sent."""
    assert said in desk.fails("move_mail", body)
    assert not desk.graph.requests


def test_an_event_is_created_with_all_that_can_be_said(desk: Any) -> None:
    """Attendees by their kinds, times with their zone, and an online meeting."""
    wanted = {
        **MEETING,
        "attendees": "bob@example.com",
        "optionalAttendees": ["cid@example.com"],
        "resources": "room@example.com",
        "location": "Room 7",
        "isOnlineMeeting": True,
        "reminderMinutes": "0",
        "showAs": "Tentative",
        "sensitivity": "private",
        "contentType": "html",
        "content": "<b>Agenda</b>",
    }
    body = desk.run("create_event", wanted).message["body"]
    assert body["start"] == {"dateTime": "2026-05-04T10:00:00", "timeZone": "Europe/Berlin"}
    assert [(each["emailAddress"]["address"], each["type"]) for each in body["attendees"]] == [
        ("bob@example.com", "required"),
        ("cid@example.com", "optional"),
        ("room@example.com", "resource"),
    ]
    assert body["onlineMeeting"]["joinUrl"].startswith("https://teams")
    assert (body["isReminderOn"], body["reminderMinutesBeforeStart"]) == (True, 0)
    assert (body["showAs"], body["location"]) == ("tentative", {"displayName": "Room 7"})
    assert "@odata.etag" not in body


def test_an_event_is_made_once_after_a_lost_answer(desk: Any) -> None:
    """Graph knows it by its transactionId."""
    desk.graph.script(None, Fault(drop="before", after_processing=True))
    body = desk.run("create_event", MEETING).message["body"]
    assert list(desk.mailbox.events) == [body["id"]]
    again = desk.run("create_event", {**MEETING, "transactionId": body["transactionId"]}).message["body"]
    assert again["id"] == body["id"]


def test_an_event_is_made_once_although_its_message_comes_again(desk: Any) -> None:
    """After a rebound nobody knows whether the requests before it were done."""
    cfg = {"oauth": desk.keys}
    msg = {"id": "1f0c7f3e-0000-4000-8000-000000000001", "body": MEETING}
    desk.graph.script(None, Fault(status=504, headers={"Retry-After": "300"}, after_processing=True))
    assert desk.component.run("create_event", msg, cfg).rebounds
    assert desk.component.run("create_event", msg, cfg).data
    assert len(desk.mailbox.events) == 1
    desk.component.run("create_event", {**msg, "body": {**MEETING, "subject": "Another one"}}, cfg)
    desk.component.run("create_event", {**msg, "id": "another"}, cfg)
    desk.component.run("create_event", {"body": MEETING}, cfg)
    assert len(desk.mailbox.events) == 4


def test_the_time_zone_may_come_from_the_step_or_the_time_itself(desk: Any) -> None:
    """A time with an offset is a moment; the message wins over the step."""
    event = {"subject": "x", "start": "2026-05-04T10:00:00+02:00", "end": "2026-05-04T11:00"}
    body = desk.run("create_event", event, time_zone="UTC").message["body"]
    assert body["start"] == {"dateTime": "2026-05-04T08:00:00", "timeZone": "UTC"}
    body = desk.run("create_event", {**event, "start": "2026-05-04T10:00"}, time_zone="Asia/Tokyo").message["body"]
    assert body["start"]["timeZone"] == body["end"]["timeZone"] == "Asia/Tokyo"


def test_an_event_goes_into_the_chosen_calendar(desk: Any) -> None:
    """Whose id is escaped."""
    other = "AAMk/calendar+9=="
    desk.mailbox.calendars[other] = {"id": other, "name": "Team"}
    assert other in desk.choices("create_event", "calendars")
    desk.run("create_event", MEETING, calendar=other)
    assert [event["calendar"] for event in desk.mailbox.events.values()] == [other]


def test_an_event_of_whole_days(desk: Any) -> None:
    """From midnight to midnight, as Graph wants it."""
    days = {"subject": "Fair", "start": "2026-05-04", "end": "2026-05-06", "isAllDay": True}
    assert desk.run("create_event", days).message["body"]["end"]["dateTime"] == "2026-05-06T00:00:00"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"subject": " "}, "subject: expected text"),
        ({"start": "tomorrow"}, "start: expected a time such as"),
        ({"end": ""}, "end: expected text"),
        ({"end": "2026-05-04T09:00"}, "end: expected a time after start"),
        ({"isAllDay": True}, "isAllDay: expected start and end at midnight"),
        ({"reminderMinutes": "soon"}, "reminderMinutes: expected a number"),
        ({"attendees": "Bob"}, "attendees: expected an address"),
    ],
)
def test_a_wrong_event_is_told(desk: Any, change: dict[str, Any], said: str) -> None:
    """Before anything is sent."""
    assert said in desk.fails("create_event", {**MEETING, **change})
    assert not desk.graph.requests


def test_meeting_times_are_found(desk: Any) -> None:
    """Flat, with who is free."""
    desk.mailbox.busy["bob@example.com"] = [("2026-05-04T09:00", "2026-05-04T11:00")]
    question = {**DAY, "attendees": "bob@example.com", "durationMinutes": 60}
    body = desk.run("find_meeting_times", question).message["body"]
    assert body["found"] is True
    assert body["suggestions"][0] == {
        "start": "2026-05-04T11:00:00.0000000",
        "end": "2026-05-04T12:00:00.0000000",
        "timeZone": "Europe/Berlin",
        "confidence": 100.0,
        "reason": "Suggested because it is one of the nearest times when all attendees are available.",
        "organizer": "free",
        "attendees": [{"address": "bob@example.com", "availability": "free"}],
        "locations": [],
    }


@pytest.mark.parametrize(
    ("who", "code", "said"),
    [
        ("bob@example.com", "attendeesUnavailable", "at none of the times"),
        ("stranger@example.org", "attendeesUnavailableOrUnknown", "outside the organisation"),
        ("", "organizerUnavailable", "not free yourself"),
    ],
)
def test_why_there_are_no_meeting_times_is_told(desk: Any, who: str, code: str, said: str) -> None:
    """As Graph says it, and in words."""
    whole_day = [("2026-05-04T00:00", "2026-05-05T00:00")]
    desk.mailbox.busy["bob@example.com" if who else "me"] = whole_day
    body = desk.run("find_meeting_times", {**DAY, "attendees": who}).message["body"]
    assert (body["found"], body["suggestions"], body["emptySuggestionsReason"]) == (False, [], code)
    assert said in body["explanation"]


def test_an_unknown_reason_is_told_as_it_is(desk: Any) -> None:
    """Graph may learn new ones."""
    desk.graph.script(None, Fault(status=200, body={"emptySuggestionsReason": "new", "meetingTimeSuggestions": []}))
    body = desk.run("find_meeting_times", DAY).message["body"]
    assert (body["emptySuggestionsReason"], body["explanation"]) == ("new", "Graph does not know why")


def test_a_contact_is_created(desk: Any) -> None:
    """In the default folder or the chosen one."""
    wanted = {
        "givenName": "Ada",
        "surname": "Byron",
        "emailAddresses": "Ada <ada@example.com>",
        "businessPhones": "+44 20 7946 0000",
        "birthday": "1990-12-10",
    }
    body = desk.run("create_contact", wanted).message["body"]
    assert body["emailAddresses"] == [{"address": "ada@example.com", "name": "Ada"}]
    assert (body["businessPhones"], body["birthday"]) == (["+44 20 7946 0000"], "1990-12-10T00:00:00Z")
    desk.run("create_contact", {"surname": "Byron"}, folder="AAMk/f+1==")
    assert desk.graph.requests[-1].path == "/v1.0/me/contactFolders/AAMk%2Ff%2B1%3D%3D/contacts"


@pytest.mark.parametrize(
    ("body", "said"),
    [({}, "givenName, surname"), ({"givenName": "Ada", "businessPhones": [7]}, "businessPhones: expected texts")],
)
def test_a_wrong_contact_is_told(desk: Any, body: dict[str, Any], said: str) -> None:
    """Before anything is sent."""
    assert said in desk.fails("create_contact", body)
    assert not desk.graph.requests
