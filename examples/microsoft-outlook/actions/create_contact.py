"""Action: create a contact."""

from typing import Any, Final

from outlook.containers import contact_folders
from outlook.fields import moment_of, people_of, text_of
from outlook.graph import Graph, plain
from outlook.urls import path_of
from shipmate import Context, Message, message
from shipmate.kit import rebounding
from shipmate.kit.values import body_of

__all__ = ["contact_folders", "process"]

_TEXTS: Final = (
    "givenName",
    "surname",
    "displayName",
    "companyName",
    "jobTitle",
    "department",
    "mobilePhone",
    "personalNotes",
)


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Create the contact that the message describes; see schemas/create_contact.in.json."""
    contact = contact_of(body_of(msg))
    folder = text_of(cfg, "folder")
    place = ("me", "contactFolders", folder, "contacts") if folder else ("me", "contacts")
    with rebounding(context):
        created = Graph.connect(context, cfg).post(path_of(*place), contact)
        context.emit("data", message(plain(created)))


def contact_of(body: dict[str, Any]) -> dict[str, Any]:
    """Return a contact in the form of Graph.

    Raises:
        ValueError: The contact has no name, or a member is invalid.
    """
    contact: dict[str, Any] = {name: text for name in _TEXTS if (text := text_of(body, name).strip())}
    if not any(name in contact for name in ("givenName", "surname", "displayName", "companyName")):
        raise ValueError("givenName, surname, displayName, companyName: expected one of them, found none")
    if birthday := moment_of(body, "birthday"):
        contact["birthday"] = birthday
    people = [person["emailAddress"] for person in people_of(body, "emailAddresses")]
    if people:
        contact["emailAddresses"] = people
    phones = body.get("businessPhones") or []
    phones = [phones] if isinstance(phones, str) else phones
    if not isinstance(phones, list) or not all(isinstance(phone, str) for phone in phones):
        raise ValueError("businessPhones: expected texts, found something else")
    if phones:
        contact["businessPhones"] = phones
    return contact
