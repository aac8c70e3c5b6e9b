"""Action: create an event, and invite its attendees."""

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from outlook.containers import calendars
from outlook.fields import choice_of, people_of, required_text, text_of, zoned
from outlook.graph import Graph, plain
from outlook.urls import path_of
from shipmate import Context, Message, message
from shipmate.kit import rebounding
from shipmate.kit.values import body_of, flag, number

__all__ = ["calendars", "process"]

_NAMESPACE: Final = uuid.UUID("0d1f4a52-64f5-5b0c-9c39-6d7b0a6c7f11")
_KINDS: Final = (("attendees", "required"), ("optionalAttendees", "optional"), ("resources", "resource"))
_SHOWN: Final = ("free", "tentative", "busy", "oof", "workingElsewhere")
_SENSITIVITIES: Final = ("normal", "personal", "private", "confidential")
_TWO_WEEKS_MINUTES: Final = 14 * 24 * 60


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Create the event that the message describes; see schemas/create_event.in.json."""
    event = event_of(body_of(msg), cfg)
    calendar = text_of(cfg, "calendar")
    event.setdefault("transactionId", transaction_id(msg, event, calendar))
    place = ("me", "calendars", calendar, "events") if calendar else ("me", "calendar", "events")
    with rebounding(context):
        # Graph creates one event for all requests with the same transactionId.
        created = Graph.connect(context, cfg).post(path_of(*place), event, is_repeatable=True)
        context.emit("data", message(plain(created)))


def event_of(body: dict[str, Any], cfg: dict[str, Any]) -> dict[str, Any]:
    """Return an event in the form of Graph.

    Raises:
        ValueError: A member is missing or invalid.
    """
    zone = text_of(body, "timeZone") or text_of(cfg, "time_zone") or "UTC"
    is_all_day = flag(body, "isAllDay")
    event: dict[str, Any] = {
        "subject": required_text(body, "subject"),
        "body": {
            "contentType": choice_of(body, "contentType", ("text", "html"), "text"),
            "content": text_of(body, "content"),
        },
        "start": zoned(body, "start", zone),
        "end": zoned(body, "end", zone),
        "isAllDay": is_all_day,
        "attendees": [{**person, "type": kind} for name, kind in _KINDS for person in people_of(body, name)],
        "importance": choice_of(body, "importance", ("low", "normal", "high"), "normal"),
        "showAs": choice_of(body, "showAs", _SHOWN, "busy"),
        "sensitivity": choice_of(body, "sensitivity", _SENSITIVITIES, "normal"),
    }
    _check_order(event, is_all_day=is_all_day)
    if given := text_of(body, "transactionId"):
        event["transactionId"] = given
    if location := text_of(body, "location"):
        event["location"] = {"displayName": location}
    if flag(body, "isOnlineMeeting"):
        event["isOnlineMeeting"] = True
    if body.get("reminderMinutes") not in (None, ""):
        minutes = number(body, "reminderMinutes", default=15, least=0, most=_TWO_WEEKS_MINUTES)
        event |= {"isReminderOn": True, "reminderMinutesBeforeStart": minutes}
    return event


def transaction_id(msg: Mapping[str, Any], event: Mapping[str, Any], calendar: str) -> str:
    """Return an id of the event that stays the same if the message comes again after a rebound."""
    if not msg.get("id"):
        return str(uuid.uuid4())
    facts = [msg["id"], calendar, event]
    return str(uuid.uuid5(_NAMESPACE, json.dumps(facts, sort_keys=True)))


def _check_order(event: dict[str, Any], *, is_all_day: bool) -> None:
    start, end = event["start"], event["end"]
    if start["timeZone"] == end["timeZone"] and end["dateTime"] < start["dateTime"]:
        raise ValueError("end: expected a time after start, found an earlier one")
    if is_all_day and not (start["dateTime"].endswith("T00:00:00") and end["dateTime"].endswith("T00:00:00")):
        raise ValueError("isAllDay: expected start and end at midnight, such as 2026-05-01 and 2026-05-02")
