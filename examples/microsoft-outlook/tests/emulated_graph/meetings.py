"""When people can meet."""

from datetime import datetime, timedelta
from typing import Any

from emulated_graph.mailbox import Mailbox

_STEP = timedelta(minutes=30)
# How likely somebody comes. Source: https://learn.microsoft.com/graph/api/user-findmeetingtimes
_CHANCE = {"free": 100.0, "unknown": 49.0, "busy": 0.0}


def suggestions(mailbox: Mailbox, question: dict[str, Any]) -> dict[str, Any]:
    """Return the times, or why there are none."""
    slot = question["timeConstraint"]["timeSlots"][0]
    zone = slot["start"]["timeZone"]
    length = timedelta(minutes=int(question["meetingDuration"].removeprefix("PT").removesuffix("M")))
    start, end = (datetime.fromisoformat(slot[name]["dateTime"]) for name in ("start", "end"))
    people = [each["emailAddress"]["address"] for each in question["attendees"]]
    found, seen = [], set()
    while start + length <= end:
        states = {person: _state(mailbox, person, start, start + length) for person in people}
        mine = _state(mailbox, "me", start, start + length)
        chance = sum(_CHANCE[state] for state in states.values()) / len(states) if states else 100.0
        seen |= {"organizer" if mine == "busy" and not question["isOrganizerOptional"] else "others", *states.values()}
        if (mine == "free" or question["isOrganizerOptional"]) and chance >= question["minimumAttendeePercentage"]:
            found.append(_suggestion(start, start + length, zone, chance, mine, states))
        start += _STEP
    found = found[: question["maxCandidates"]]
    return {"emptySuggestionsReason": "" if found else _why(seen), "meetingTimeSuggestions": found}


def _why(seen: set[str]) -> str:
    if "others" not in seen:
        return "organizerUnavailable"
    return "attendeesUnavailableOrUnknown" if "unknown" in seen else "attendeesUnavailable"


def _state(mailbox: Mailbox, person: str, start: datetime, end: datetime) -> str:
    if person not in mailbox.busy and person != "me":
        return "unknown"
    taken = mailbox.busy.get(person, [])
    overlaps = any(datetime.fromisoformat(one) < end and datetime.fromisoformat(two) > start for one, two in taken)
    return "busy" if overlaps else "free"


def _suggestion(
    start: datetime, end: datetime, zone: str, chance: float, mine: str, states: dict[str, str]
) -> dict[str, Any]:
    def moment(when: datetime) -> dict[str, str]:
        return {"dateTime": when.isoformat() + ".0000000", "timeZone": zone}

    return {
        "confidence": chance,
        "organizerAvailability": mine,
        "suggestionReason": "Suggested because it is one of the nearest times when all attendees are available.",
        "attendeeAvailability": [
            {"availability": state, "attendee": {"emailAddress": {"address": person}}}
            for person, state in states.items()
        ],
        "locations": [],
        "meetingTimeSlot": {"start": moment(start), "end": moment(end)},
    }
