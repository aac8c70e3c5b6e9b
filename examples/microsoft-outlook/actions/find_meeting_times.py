"""Action: find times at which people can meet."""

from typing import Any, Final

from outlook.fields import choice_of, people_of, text_of, zoned
from outlook.graph import Graph
from shipmate import Context, Message, message
from shipmate.kit import rebounding
from shipmate.kit.values import body_of, flag, number

# Source: https://learn.microsoft.com/graph/api/resources/meetingtimesuggestionsresult
_WHY_NONE: Final = {
    "attendeesUnavailable": "at none of the times enough of the attendees are free",
    "attendeesUnavailableOrUnknown": "not enough attendees are free, or their calendars cannot be read: "
    "those of people outside the organisation cannot",
    "locationsUnavailable": "none of the locations is free",
    "organizerUnavailable": "you are not free yourself",
    "unknown": "Graph does not know why",
}
_DOMAINS: Final = ("work", "personal", "unrestricted")
_LONGEST_MINUTES: Final = 24 * 60


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the times that Graph suggests, or the reason for none; see schemas/find_meeting_times.in.json."""
    question = question_of(body_of(msg))
    with rebounding(context):
        # The request changes nothing.
        answer = Graph.connect(context, cfg).post("/me/findMeetingTimes", question, is_repeatable=True)
        context.emit("data", message(readable(answer)))


def question_of(body: dict[str, Any]) -> dict[str, Any]:
    """Return the question in the form of Graph.

    Raises:
        ValueError: A member is missing or invalid.
    """
    zone = text_of(body, "timeZone") or "UTC"
    minutes = number(body, "durationMinutes", default=30, least=5, most=_LONGEST_MINUTES)
    slot = {"start": zoned(body, "from", zone), "end": zoned(body, "until", zone)}
    people = [{**person, "type": "required"} for person in people_of(body, "attendees")]
    rooms = [{**room, "type": "resource"} for room in people_of(body, "resources")]
    return {
        "attendees": people + rooms,
        "timeConstraint": {
            "activityDomain": choice_of(body, "activityDomain", _DOMAINS, "work"),
            "timeSlots": [slot],
        },
        "meetingDuration": f"PT{minutes}M",
        "maxCandidates": number(body, "maxSuggestions", default=10, least=1, most=100),
        "minimumAttendeePercentage": number(body, "minimumAttendeePercentage", default=50, least=0, most=100),
        "isOrganizerOptional": flag(body, "isOrganizerOptional"),
        "returnSuggestionReasons": True,
    }


def readable(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer for flows: flat, and with an explanation if no time was found."""
    suggestions = [_suggestion(each) for each in answer.get("meetingTimeSuggestions") or []]
    found: dict[str, Any] = {"found": bool(suggestions), "suggestions": suggestions}
    if not suggestions:
        reason = answer.get("emptySuggestionsReason") or "unknown"
        found["emptySuggestionsReason"] = reason
        found["explanation"] = _WHY_NONE.get(reason, _WHY_NONE["unknown"])
    return found


def _suggestion(given: dict[str, Any]) -> dict[str, Any]:
    slot = given.get("meetingTimeSlot") or {}
    start, end = slot.get("start") or {}, slot.get("end") or {}
    return {
        "start": start.get("dateTime"),
        "end": end.get("dateTime"),
        "timeZone": start.get("timeZone"),
        "confidence": given.get("confidence"),
        "reason": given.get("suggestionReason"),
        "organizer": given.get("organizerAvailability"),
        "attendees": [_availability(each) for each in given.get("attendeeAvailability") or []],
        "locations": [each.get("displayName") for each in given.get("locations") or []],
    }


def _availability(given: dict[str, Any]) -> dict[str, Any]:
    person = (given.get("attendee") or {}).get("emailAddress") or {}
    return {"address": person.get("address"), "availability": given.get("availability")}
