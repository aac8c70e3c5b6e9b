"""The server: routes of Graph that lead into a mailbox."""

import base64
import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from emulated_graph.answers import Refusal, not_found, refused, selected
from emulated_graph.delta import Deltas
from emulated_graph.mailbox import Item, Mailbox
from emulated_graph.meetings import suggestions
from emulated_graph.uploads import UploadHost
from shipmate.emulator import OAuth2Provider, Server
from shipmate.emulator.api import Api
from shipmate.emulator.journal import Reply, Request

URL = "https://graph.microsoft.com"
_KEYS = re.compile(r"\('([^']*)'\)")
_LARGEST_REQUEST_BYTES = 4 * 1024 * 1024


class OpenGraph(Server):
    """Graph for one account, to whoever asks."""

    def __init__(self, uploads: UploadHost, mailbox: Mailbox, **options: Any) -> None:
        super().__init__(**{"name": "graph", **options})
        self.mailbox = mailbox
        self.deltas = Deltas(mailbox, f"{URL}/v1.0")
        self._uploads = uploads
        me = "/v1.0/me"
        routes: dict[str, Any] = {
            f"GET {me}": self._account,
            f"GET {me}/mailFolders": lambda request: self._folders(request, None),
            f"GET {me}/mailFolders/{{key}}/childFolders": self._folders,
            f"GET {me}/mailFolders/{{folder}}/messages/delta": self._mail_delta,
            f"GET {me}/messages/{{key}}": self._message,
            f"DELETE {me}/messages/{{key}}": self._delete,
            f"POST {me}/messages": self._draft,
            f"POST {me}/messages/{{key}}/move": self._move,
            f"POST {me}/messages/{{key}}/send": self._send,
            f"GET {me}/messages/{{key}}/attachments": self._attachments,
            f"POST {me}/messages/{{key}}/attachments": self._attach,
            f"GET {me}/messages/{{key}}/attachments/{{number}}/$value": self._content,
            f"POST {me}/messages/{{key}}/attachments/createUploadSession": self._upload,
            f"POST {me}/sendMail": self._send_mail,
            f"GET {me}/contactFolders": lambda request: self._contact_folders(request, None),
            f"GET {me}/contactFolders/{{key}}/childFolders": self._contact_folders,
            f"GET {me}/contacts/delta": lambda request: self._contact_delta(request, "contacts"),
            f"GET {me}/contactFolders/{{folder}}/contacts/delta": self._contact_delta,
            f"POST {me}/contacts": lambda request: self._contact(request, "contacts"),
            f"POST {me}/contactFolders/{{folder}}/contacts": self._contact,
            f"GET {me}/calendars": self._calendars,
            f"GET {me}/calendar/events": lambda request: self._events(request, mailbox.calendar),
            f"GET {me}/calendars/{{calendar}}/events": self._events,
            f"POST {me}/calendar/events": lambda request: self._event(request, mailbox.calendar),
            f"POST {me}/calendars/{{calendar}}/events": self._event,
            f"POST {me}/findMeetingTimes": lambda request: Reply(200, suggestions(mailbox, request.json())),
        }
        for place, answer in routes.items():
            method, _, pattern = place.partition(" ")
            self.route(method, pattern, answer)

    def answer(self, request: Request) -> Reply:
        """Return what a route says; links name folders in OData's way, ``mailFolders('AAMk')``."""
        if len(request.body) > _LARGEST_REQUEST_BYTES:
            return refused(413, "RequestEntityTooLarge", "The request is too large.")
        try:
            return super().answer(replace(request, path=_KEYS.sub(r"/\1", request.path)))
        except Refusal as refusal:
            return refusal.reply

    def _account(self, request: Request) -> Reply:
        account = {"id": "user-1", "displayName": "Ada Example", "mail": "ada@example.com", "jobTitle": "Engineer"}
        return Reply(200, selected(account, request.query.get("$select")))

    def _folders(self, request: Request, key: str | None) -> Reply:
        folders = self.mailbox.folders
        shown = [
            {**folder, "childFolderCount": sum(each["parent"] == folder["id"] for each in folders.values())}
            for folder in folders.values()
            if folder["parent"] == key
        ]
        return self._page(request, shown)

    def _mail_delta(self, request: Request, folder: str) -> Reply:
        home = self.mailbox.folder(folder)
        items = [mail for mail in self.mailbox.messages.values() if mail["parentFolderId"] == home]
        return self.deltas.answer(request, f"me/mailFolders('{quote(home, safe='')}')/messages", home, items)

    def _message(self, request: Request, key: str) -> Reply:
        return Reply(200, selected(self.mailbox.message(key), request.query.get("$select")))

    def _delete(self, request: Request, key: str) -> Reply:
        self.mailbox.delete(key)
        return Reply(204)

    def _draft(self, request: Request) -> Reply:
        content = request.json()
        attached = content.pop("attachments", [])
        self._check_recipients(content)
        draft = self.mailbox.deliver(content.pop("subject"), folder="drafts", **{**content, "isDraft": True})
        self.mailbox.attachments[draft["id"]] = [_decoded(each) for each in attached]
        return Reply(201, draft)

    def _move(self, request: Request, key: str) -> Reply:
        return Reply(201, self.mailbox.move(key, request.json()["destinationId"]))

    def _send(self, request: Request, key: str) -> Reply:
        draft = self.mailbox.message(key)
        if not draft["isDraft"]:
            raise not_found()
        draft["isDraft"] = False
        self.mailbox.move(key, "sentitems")
        self.mailbox.sent.append({**draft, "attachments": self.mailbox.attachments[key]})
        return Reply(202)

    def _send_mail(self, request: Request) -> Reply:
        wanted = request.json()
        self._check_recipients(wanted["message"])
        attached = [_decoded(each) for each in wanted["message"].pop("attachments", [])]
        sent = {**wanted["message"], "attachments": attached, "saved": wanted.get("saveToSentItems", True)}
        self.mailbox.sent.append(sent)
        return Reply(202)

    def _attachments(self, request: Request, key: str) -> Reply:
        attached = self.mailbox.attachments.get(key, [])
        shown = [
            {"id": str(number), **{name: value for name, value in each.items() if name != "content"}}
            for number, each in enumerate(attached)
        ]
        return self._page(request, shown)

    def _attach(self, request: Request, key: str) -> Reply:
        self.mailbox.message(key)
        attachment = _decoded(request.json())
        if len(attachment["content"]) >= 3 * 1000 * 1000:
            return refused(413, "ErrorAttachmentSizeLimitExceeded", "The attachment is too large for one request.")
        self.mailbox.attachments[key].append(attachment)
        return Reply(201, {"id": str(len(self.mailbox.attachments[key]))})

    def _content(self, request: Request, key: str, number: str) -> Reply:
        return Reply(200, self.mailbox.attachments[key][int(number)]["content"])

    def _upload(self, request: Request, key: str) -> Reply:
        self.mailbox.message(key)
        return Reply(201, self._uploads.open(key, request.json()["AttachmentItem"]))

    def _contact_folders(self, request: Request, key: str | None) -> Reply:
        folders = self.mailbox.contact_folders.values()
        return self._page(request, [folder for folder in folders if folder.get("parent") == key])

    def _contact_delta(self, request: Request, folder: str) -> Reply:
        items = [contact for contact in self.mailbox.contacts.values() if contact["folder"] == folder]
        collection = (
            "me/contacts" if folder == "contacts" else f"me/contactFolders('{quote(folder, safe='')}')/contacts"
        )
        return self.deltas.answer(request, collection, folder, items)

    def _contact(self, request: Request, folder: str) -> Reply:
        return Reply(201, self.mailbox.save_contact(request.json(), folder=folder))

    def _calendars(self, request: Request) -> Reply:
        return self._page(request, list(self.mailbox.calendars.values()))

    def _events(self, request: Request, calendar: str) -> Reply:
        if calendar not in self.mailbox.calendars:
            raise not_found()
        since = request.query["$filter"].removeprefix("lastModifiedDateTime ge ")
        events = [
            event
            for event in self.mailbox.events.values()
            if event["calendar"] == calendar and event["lastModifiedDateTime"].rstrip("Z") >= since.rstrip("Z")
        ]
        return self._page(request, sorted(events, key=lambda each: str(each[request.query["$orderby"]])))

    def _event(self, request: Request, calendar: str) -> Reply:
        event = request.json()
        for known in self.mailbox.events.values():
            if known.get("transactionId") == event["transactionId"]:
                return Reply(201, known)
        if event.get("isOnlineMeeting"):
            event["onlineMeeting"] = {"joinUrl": "https://teams.microsoft.com/l/meetup-join/1"}
        return Reply(201, {"@odata.etag": "W/1", **self.mailbox.save_event(event, calendar=calendar)})

    def _page(self, request: Request, items: list[Item]) -> Reply:
        """Return some of the items, and a link to the rest."""
        query = request.query
        size = self.deltas.page_size or int(query.get("$top", 10))
        start = int(query.get("$skip", 0))
        body: dict[str, Any] = {"value": items[start : start + size]}
        if start + size < len(items):
            others = "&".join(f"{name}={value}" for name, value in query.items() if name != "$skip")
            others = others.replace(" ", "%20")
            body["@odata.nextLink"] = f"{URL}{request.path}?{others}&$skip={start + size}"
        return Reply(200, body)

    def _check_recipients(self, content: Item) -> None:
        written = json.dumps(content)
        if "nobody@" in written:
            raise Refusal(400, "ErrorInvalidRecipients", "At least one recipient isn't valid.")


class EmulatedGraph(OpenGraph, Api):
    """Graph for one account; each request needs a token of the provider."""

    def __init__(self, provider: OAuth2Provider, uploads: UploadHost, mailbox: Mailbox) -> None:
        refusal = refused(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
        super().__init__(uploads, mailbox, provider=provider, refusal=refusal)


def _decoded(attachment: Item) -> Item:
    content = base64.b64decode(attachment["contentBytes"])
    return {**{name: value for name, value in attachment.items() if name != "contentBytes"}, "content": content}
