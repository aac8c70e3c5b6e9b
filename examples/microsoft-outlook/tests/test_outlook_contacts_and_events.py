"""The triggers that poll for contacts and events."""

from typing import Any

import pytest

from shipmate.emulator import Fault

LONG_AGO = "2020-01-01T00:00:00Z"


def poll(desk: Any, function: str, snapshot: Any = None, **cfg: Any) -> tuple[list[Any], Any]:
    """Run a trigger; return the bodies, and the snapshot of the next run."""
    emissions = desk.run(function, snapshot=snapshot, **cfg)
    assert not emissions.errors, emissions.summary()
    return [message["body"] for message in emissions.data], (emissions.snapshots or [snapshot])[-1]


def names(bodies: list[Any]) -> list[str]:
    return [body.get("givenName") or body.get("subject") for body in bodies]


def test_contacts_come_all_and_then_when_they_change(desk: Any) -> None:
    """Each version once."""
    desk.graph.deltas.page_size = 2
    ada, *_ = (desk.mailbox.save_contact({"givenName": name}) for name in ("Ada", "Bob", "Cid"))
    found, snapshot = poll(desk, "poll_contacts")
    assert names(found) == ["Ada", "Bob", "Cid"]
    assert poll(desk, "poll_contacts", snapshot)[0] == []
    desk.mailbox.save_contact({"id": ada["id"], "givenName": "Ada Maria"})
    desk.mailbox.save_contact({"givenName": "Dee"})
    assert names(poll(desk, "poll_contacts", snapshot)[0]) == ["Ada Maria", "Dee"]


def test_contacts_may_begin_with_what_changes(desk: Any) -> None:
    """Those that are there already are passed over."""
    ada = desk.mailbox.save_contact({"givenName": "Ada"})
    desk.mailbox.contacts[ada["id"]]["lastModifiedDateTime"] = LONG_AGO
    found, snapshot = poll(desk, "poll_contacts", begin="changes")
    assert found == []
    desk.mailbox.save_contact({"givenName": "Bob"})
    assert names(poll(desk, "poll_contacts", snapshot, begin="changes")[0]) == ["Bob"]


def test_deleted_contacts_come_when_they_are_wanted(desk: Any) -> None:
    """Only their id is left."""
    ada = desk.mailbox.save_contact({"givenName": "Ada"})
    _, snapshot = poll(desk, "poll_contacts")
    desk.mailbox.delete_contact(ada["id"])
    assert poll(desk, "poll_contacts", snapshot)[0] == []
    assert poll(desk, "poll_contacts", snapshot, removed=True)[0] == [
        {"id": ada["id"], "removed": {"reason": "deleted"}}
    ]


def test_contacts_do_not_come_again_when_a_link_has_expired(desk: Any) -> None:
    """The round goes through all of them anew, and takes what is later."""
    desk.mailbox.save_contact({"givenName": "Ada"})
    desk.mailbox.save_contact({"givenName": "Bob"})
    _, snapshot = poll(desk, "poll_contacts")
    desk.graph.deltas.expire()
    desk.mailbox.save_contact({"givenName": "Cid"})
    found, snapshot = poll(desk, "poll_contacts", snapshot)
    assert names(found) == ["Cid"]
    assert poll(desk, "poll_contacts", snapshot)[0] == []


def test_what_is_older_than_the_last_complete_round_does_not_come_again(desk: Any) -> None:
    """Also when there are too many to remember them: the time of the change tells."""
    for name in ("Ada", "Bob"):
        desk.mailbox.save_contact({"givenName": name})
    _, snapshot = poll(desk, "poll_contacts")
    desk.graph.deltas.expire()
    desk.mailbox.save_contact({"givenName": "Cid"})
    # Bob is the latest one, and nothing tells that he was emitted.
    assert names(poll(desk, "poll_contacts", {**snapshot, "done": ""})[0]) == ["Bob", "Cid"]


def test_what_was_deleted_before_the_first_run_does_not_come(desk: Any) -> None:
    """Graph may name it nevertheless, and nobody has heard of it."""
    link = "https://graph.microsoft.com/v1.0/me/contacts/delta?$deltatoken=a"
    page = {"value": [{"id": "AAMk1", "@removed": {"reason": "deleted"}}], "@odata.deltaLink": link}
    desk.graph.script(None, Fault(status=200, body=page), Fault(status=200, body=page))
    found, snapshot = poll(desk, "poll_contacts", removed=True)
    assert found == []
    assert poll(desk, "poll_contacts", snapshot, removed=True)[0][0]["id"] == "AAMk1"


def test_contacts_of_another_folder(desk: Any) -> None:
    """Its id is escaped."""
    folder = "AAMk/folder+7=="
    desk.mailbox.contact_folders[folder] = {"id": folder, "displayName": "Customers"}
    desk.mailbox.contact_folders["b"] = {"id": "b", "displayName": "Big ones", "parent": folder}
    assert desk.choices("poll_contacts", "contact_folders") == {folder: "Customers", "b": "Customers / Big ones"}
    desk.mailbox.save_contact({"givenName": "Ada"}, folder=folder)
    desk.mailbox.save_contact({"givenName": "Bob"})
    assert names(poll(desk, "poll_contacts", folder=folder)[0]) == ["Ada"]


def test_events_come_when_they_are_made_or_changed(desk: Any) -> None:
    """Each version once, in the order of the changes."""
    desk.mailbox.save_event({"subject": "old"}, changed=LONG_AGO)
    found, snapshot = poll(desk, "poll_events")
    assert found == []
    one = desk.mailbox.save_event({"subject": "one"})
    desk.mailbox.save_event({"subject": "two"})
    found, snapshot = poll(desk, "poll_events", snapshot)
    assert names(found) == ["one", "two"]
    desk.mailbox.save_event({**one, "subject": "one, later"})
    found, snapshot = poll(desk, "poll_events", snapshot)
    assert names(found) == ["one, later"]
    assert poll(desk, "poll_events", snapshot)[0] == []


def test_no_event_is_missed_when_another_one_changes_between_pages(desk: Any) -> None:
    """It moves to the end, and by counting, the next page would begin one event too late."""
    desk.graph.deltas.page_size = 2
    events = [desk.mailbox.save_event({"subject": f"event {number}"}) for number in range(5)]
    wait = desk.graph.answer

    def answer(request: Any) -> Any:
        reply = wait(request)
        if len(desk.calls("GET")) == 1:
            desk.mailbox.save_event({**events[0], "subject": "changed"})
        return reply

    desk.graph.answer = answer
    found, _ = poll(desk, "poll_events", start=LONG_AGO)
    assert names(found) == ["event 0", "event 1", "event 2", "event 3", "event 4", "changed"]


def test_many_events_of_one_moment_are_paged_through(desk: Any) -> None:
    """As an import leaves them; they do not come again with the next run."""
    desk.graph.deltas.page_size = 3
    for number in range(10):
        desk.mailbox.save_event({"subject": f"event {number}"}, changed="2026-01-01T00:00:00.1234567Z")
    found, snapshot = poll(desk, "poll_events", start=LONG_AGO)
    assert names(found) == [f"event {number}" for number in range(10)]
    assert poll(desk, "poll_events", snapshot)[0] == []


def test_an_event_from_the_future_does_not_silence_the_trigger(desk: Any) -> None:
    """It comes once, and so does every change after it."""
    desk.graph.deltas.page_size = 2
    for number in range(3):
        desk.mailbox.save_event({"subject": f"far {number}"}, changed="9999-12-31T23:59:59Z")
    desk.mailbox.save_event({"subject": "one"})
    found, snapshot = poll(desk, "poll_events", start=LONG_AGO)
    assert names(found) == ["one", "far 0", "far 1", "far 2"]
    assert "3 events have a time of change in the future" in desk.component.log
    desk.mailbox.save_event({"subject": "two"})
    found, snapshot = poll(desk, "poll_events", snapshot)
    assert names(found) == ["two"]
    assert poll(desk, "poll_events", snapshot)[0] == []


def test_an_event_whose_time_has_another_form_is_refused(desk: Any) -> None:
    """Its place among the others is unknown."""
    desk.mailbox.save_event({"subject": "one"}, changed="2026-01-01T00:00:00+02:00")
    assert "a time of Graph: expected a form such as" in desk.fails("poll_events", start=LONG_AGO)


def test_an_event_within_the_first_second_does_not_come_again(desk: Any) -> None:
    """The time of the first run has no fractions, those of events have."""
    desk.mailbox.save_event({"subject": "one"}, changed="2026-01-01T00:00:00.5000000Z")
    found, snapshot = poll(desk, "poll_events", start="2026-01-01T00:00:00Z")
    assert names(found) == ["one"]
    assert poll(desk, "poll_events", snapshot)[0] == []


def test_events_after_a_throttled_page_are_not_repeated(desk: Any) -> None:
    """The pages before it are in the snapshot."""
    desk.graph.deltas.page_size = 1
    for number in range(3):
        desk.mailbox.save_event({"subject": f"event {number}"})
    wait = desk.graph.answer

    def answer(request: Any) -> Any:
        from shipmate.emulator.journal import Reply

        return wait(request) if len(desk.calls("GET")) < 2 else Reply(429, None, {"Retry-After": "600"})

    desk.graph.answer = answer
    emissions = desk.run("poll_events", start=LONG_AGO)
    assert names([message["body"] for message in emissions.data]) == ["event 0"]
    assert len(emissions.rebounds) == 1
    desk.graph.answer = wait
    assert names(poll(desk, "poll_events", emissions.snapshots[-1])[0]) == ["event 1", "event 2"]


def test_calendars_are_listed_and_can_be_chosen(desk: Any) -> None:
    """Those of others with their owners."""
    other = "AAMk/calendar+9=="
    desk.mailbox.calendars[other] = {"id": other, "name": "Team", "owner": {"name": "Bob"}}
    assert desk.choices("poll_events", "calendars") == {
        desk.mailbox.calendar: "Calendar (default)",
        other: "Team (Bob)",
    }
    desk.mailbox.save_event({"subject": "theirs"}, calendar=other)
    desk.mailbox.save_event({"subject": "mine"})
    assert names(poll(desk, "poll_events", calendar=other, start=LONG_AGO)[0]) == ["theirs"]


def test_events_in_a_time_zone(desk: Any) -> None:
    """It is a preference of the request, in which a name cannot smuggle others."""
    poll(desk, "poll_events", time_zone="Europe/Berlin", plain_text=True)
    prefer = desk.graph.requests[-1].header("Prefer")
    assert 'outlook.timezone="Europe/Berlin", outlook.body-content-type="text"' in prefer
    assert "time_zone: expected" in desk.fails("poll_events", time_zone='UTC", x="y')


@pytest.mark.parametrize("function", ["poll_contacts", "poll_events"])
def test_pages_that_repeat_themselves_end_in_an_error(desk: Any, function: str) -> None:
    """A loop would never end, and would look like work."""
    page = {"value": [], "@odata.nextLink": "https://graph.microsoft.com/v1.0/me/round?$skip=1"}
    desk.graph.script(None, Fault(status=200, body=page), times=5)
    text = desk.run(function).errors[0]["message"]
    assert "found the same again" in text
    assert len(desk.graph.requests) == 2
