"""What is in a mailbox, and the history of its changes."""

import itertools
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from emulated_graph.answers import not_found

Item = dict[str, Any]


@dataclass
class Change:
    """One change of one item in one folder."""

    place: str
    kind: str
    item: Item


@dataclass
class Mailbox:
    """Folders with their items, by ids that have in them what must be escaped in URLs."""

    folders: dict[str, Item] = field(default_factory=dict)
    contact_folders: dict[str, Item] = field(default_factory=dict)
    calendars: dict[str, Item] = field(default_factory=dict)
    messages: dict[str, Item] = field(default_factory=dict)
    contacts: dict[str, Item] = field(default_factory=dict)
    events: dict[str, Item] = field(default_factory=dict)
    attachments: dict[str, list[Item]] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    sent: list[Item] = field(default_factory=list)
    busy: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """For each person inside the organisation, when they are not free; ``me`` is the account itself."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: Any = field(default_factory=itertools.count)
    _now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        for name in ("Inbox", "Drafts", "Sent Items", "Archive", "Deleted Items"):
            self.add_folder(name, well_known=name.replace(" ", "").lower())
        self.calendar = self._new_id("calendar")
        self.calendars[self.calendar] = {"id": self.calendar, "name": "Calendar", "isDefaultCalendar": True}

    def add_folder(self, name: str, *, inside: str | None = None, well_known: str | None = None) -> str:
        """Make a mail folder and return its id."""
        identity = self._new_id("folder")
        self.folders[identity] = {"id": identity, "displayName": name, "parent": inside, "well_known": well_known}
        return identity

    def folder(self, name: str) -> str:
        """Return the id of a folder by its id or well-known name."""
        for identity, folder in self.folders.items():
            if name in (identity, folder["well_known"]) or name.lower() == folder["well_known"]:
                return identity
        raise not_found()

    def now(self) -> str:
        """Return a moment that is later than all before, to 100 nanoseconds as Exchange has it."""
        self._now += timedelta(milliseconds=1500)
        return self._now.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"

    def deliver(self, subject: str, *, folder: str = "inbox", received: str | None = None, **more: Any) -> Item:
        """Put a mail into a folder."""
        with self.lock:
            home = self.folder(folder)
            identity = more.get("id") or self._new_id("message")
            mail = {
                "@odata.etag": f'W/"{identity}"',
                "id": identity,
                "internetMessageId": f"<{identity}@example.com>",
                "conversationId": f"conversation-{identity}",
                "parentFolderId": home,
                "subject": subject,
                "receivedDateTime": received or self.now()[:19] + "Z",
                "isRead": False,
                "isDraft": False,
                "hasAttachments": False,
                "from": {"emailAddress": {"name": "Ada", "address": "ada@example.com"}},
                "body": {"contentType": "html", "content": f"<p>{subject}</p>"},
                **more,
            }
            self.messages[identity] = mail
            self._note(home, "created", mail)
            return mail

    def move(self, identity: str, folder: str) -> Item:
        """Move a mail; its id stays."""
        with self.lock:
            mail = self.message(identity)
            self._note(mail["parentFolderId"], "deleted", mail)
            mail["parentFolderId"] = self.folder(folder)
            self._note(mail["parentFolderId"], "created", mail)
            return mail

    def delete(self, identity: str) -> None:
        """Delete a mail for good."""
        with self.lock:
            mail = self.message(identity)
            del self.messages[identity]
            self._note(mail["parentFolderId"], "deleted", mail)

    def message(self, identity: str) -> Item:
        """Return a mail by its id."""
        if identity not in self.messages:
            raise not_found()
        return self.messages[identity]

    def save_contact(self, contact: Item, *, folder: str = "contacts") -> Item:
        """Make a contact, or change the one with that id."""
        with self.lock:
            kind = "updated" if "id" in contact else "created"
            identity = contact.get("id") or self._new_id("contact")
            changed = self.now()
            saved = {**self.contacts.get(identity, {}), **contact, "id": identity, "folder": folder}
            saved |= {"lastModifiedDateTime": changed, "changeKey": f"version {changed}"}
            self.contacts[identity] = saved
            self._note(folder, kind, saved)
            return saved

    def delete_contact(self, identity: str) -> None:
        """Delete a contact."""
        with self.lock:
            contact = self.contacts.pop(identity)
            self._note(contact["folder"], "deleted", contact)

    def save_event(self, event: Item, *, calendar: str | None = None, changed: str | None = None) -> Item:
        """Make an event, or change the one with that id."""
        with self.lock:
            identity = event.get("id") or self._new_id("event")
            saved = {**self.events.get(identity, {}), **event, "id": identity, "calendar": calendar or self.calendar}
            saved["lastModifiedDateTime"] = changed or self.now()
            self.events[identity] = saved
            return saved

    def _note(self, place: str, kind: str, item: Item) -> None:
        self.history.append(Change(place, kind, dict(item)))

    def _new_id(self, kind: str) -> str:
        return f"AAMk/{kind}+{next(self._numbers)}=="
