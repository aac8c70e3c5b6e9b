"""The other host, to which large attachments are uploaded in pieces."""

import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from emulated_graph.answers import refused
from emulated_graph.mailbox import Item, Mailbox
from shipmate.emulator import Server
from shipmate.emulator.journal import Reply, Request

URL = "https://outlook.office.com"
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_STEP_BYTES = 320 * 1024
_LARGEST_PIECE_BYTES = 4 * 1024 * 1024


@dataclass
class _Session:
    message_id: str
    item: Item
    token: str
    content: bytearray = field(default_factory=bytearray)


class UploadHost(Server):
    """Takes pieces in their order, and wants no token of the account: the address has its own."""

    def __init__(self, mailbox: Mailbox) -> None:
        super().__init__(name="uploads")
        self._mailbox = mailbox
        self._sessions: dict[str, _Session] = {}
        self.answers_with: Any = None
        """What a piece is answered with, unless with where the next one begins."""
        for method, answer in (("PUT", self._put), ("GET", self._get)):
            self.route(method, "/api/v2.0/Users/{user}/Messages/{message}/AttachmentSessions/{session}", answer)

    def open(self, message_id: str, item: Item) -> Item:
        """Begin an upload and return the session as Graph answers it."""
        name, token = f"AAMk{len(self._sessions)}", secrets.token_urlsafe(16)
        self._sessions[name] = _Session(message_id, item, token)
        place = f"Users/me@example.com/Messages/message/AttachmentSessions/{name}"
        url = f"{URL}/api/v2.0/{place}?authtoken={token}"
        return {"uploadUrl": url, "expirationDateTime": "2030-01-01T00:00:00Z", "nextExpectedRanges": ["0-"]}

    def tokens(self) -> list[str]:
        """Return the tokens in the addresses, which nobody should see."""
        return [session.token for session in self._sessions.values()]

    def _session(self, request: Request, name: str) -> _Session | None:
        session = self._sessions.get(name)
        if session is None or request.query.get("authtoken") != session.token or request.header("Authorization"):
            return None
        return session

    def _get(self, request: Request, user: str, message: str, session: str) -> Reply:
        found = self._session(request, session)
        if found is None:
            return refused(401, "unauthenticated", "The token is not valid.")
        return Reply(200, {"nextExpectedRanges": [f"{len(found.content)}-"]})

    def _put(self, request: Request, user: str, message: str, session: str) -> Reply:
        found = self._session(request, session)
        if found is None:
            return refused(401, "unauthenticated", "The token is not valid.")
        told = _RANGE.fullmatch(request.header("Content-Range") or "")
        if told is None:
            return refused(400, "invalidRequest", "Content-Range is missing.")
        start, end, total = (int(number) for number in told.groups())
        is_last = end + 1 == total
        fits = len(request.body) == end + 1 - start <= _LARGEST_PIECE_BYTES and total == found.item["size"]
        if not fits or not (is_last or len(request.body) % _STEP_BYTES == 0):
            return refused(400, "invalidRequest", "The piece has a length that it cannot have.")
        if start != len(found.content):
            return refused(416, "invalidRange", "Uploaded fragment overlaps with existing data.")
        found.content += request.body
        if not is_last:
            answer = self.answers_with
            return Reply(200, {"nextExpectedRanges": [str(end + 1)]} if answer is None else answer)
        self._attach(found)
        return Reply(201, None, {"Location": f"{URL}/api/v2.0/attachments"})

    def _attach(self, session: _Session) -> None:
        attachment: dict[str, Any] = {
            "@odata.type": "#microsoft.graph.fileAttachment",
            "name": session.item["name"],
            "contentType": session.item["contentType"],
            "content": bytes(session.content),
        }
        self._mailbox.attachments.setdefault(session.message_id, []).append(attachment)
