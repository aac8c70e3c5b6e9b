"""Sends a mail, and never sends it twice.

Graph cannot recognise that two requests are about the same mail. So a request to send is never repeated after an
unclear outcome; the message may come again only if it fails before that request.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from outlook.fields import choice_of, people_of, text_of
from outlook.files import File
from outlook.graph import Graph
from outlook.uploads import attach, inline, is_small
from outlook.urls import path_of
from shipmate import ApiError, ShipmateError
from shipmate.kit.values import flag

# The size of one request with everything in it.
LARGEST_REQUEST_BYTES: Final = 4 * 1000 * 1000


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail in the form of Graph, and whether a copy is kept."""

    content: dict[str, Any]
    is_kept: bool

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Mail":
        """Read the body of a message; see schemas/send_mail.in.json.

        Raises:
            ValueError: A member is missing or invalid.
        """
        people = {name: people_of(body, name) for name in ("to", "cc", "bcc", "replyTo")}
        if not any(people[name] for name in ("to", "cc", "bcc")):
            raise ValueError("to, cc, bcc: expected at least one address, found none")
        kind = choice_of(body, "contentType", ("text", "html"), "text")
        content: dict[str, Any] = {
            "subject": text_of(body, "subject"),
            "body": {"contentType": kind, "content": text_of(body, "content")},
            "toRecipients": people["to"],
            "ccRecipients": people["cc"],
            "bccRecipients": people["bcc"],
            "importance": choice_of(body, "importance", ("low", "normal", "high"), "normal"),
        }
        if people["replyTo"]:
            content["replyTo"] = people["replyTo"]
        return cls(content, flag(body, "saveToSentItems", default=True))


def send(graph: Graph, mail: Mail, files: list[File]) -> dict[str, Any]:
    """Send a mail and return its ids if a copy is kept, else an empty object.

    Raises:
        ApiError: The mail was not sent; it may have been sent if the error ``is_unclear``.
        ValueError: The mail is too large to be sent without a copy.
    """
    return _send_draft(graph, mail, files) if mail.is_kept else _send_whole(graph, mail, files)


def _send_whole(graph: Graph, mail: Mail, files: list[File]) -> dict[str, Any]:
    """Send everything in one request, the only way to keep no copy."""
    if _size(mail, files) > LARGEST_REQUEST_BYTES:
        raise ValueError("saveToSentItems: expected true for a mail with such large attachments, found false")
    whole = {**mail.content, "attachments": [inline(file) for file in files]}
    graph.post("/me/sendMail", {"message": whole, "saveToSentItems": False})
    return {}


def _send_draft(graph: Graph, mail: Mail, files: list[File]) -> dict[str, Any]:
    """Create a draft, attach the files, send it: so the mail has ids, and its state can be read."""
    draft = mail.content
    later = list(files)
    if all(is_small(file) for file in files) and _size(mail, files) <= LARGEST_REQUEST_BYTES:
        draft, later = {**draft, "attachments": [inline(file) for file in files]}, []
    # A second draft does no harm: nobody receives it.
    made = graph.post("/me/messages", draft, is_repeatable=True)
    identity = str(made.get("id") or "")
    if not identity:
        raise ApiError("POST /me/messages: expected a draft with its id, found none")
    try:
        _attach_all(graph, identity, later)
        _dispatch(graph, identity)
    except ShipmateError as error:
        if not (isinstance(error, ApiError) and error.is_unclear):
            _discard(graph, identity)
        raise
    return {name: made.get(name) for name in ("id", "internetMessageId", "conversationId")}


def _attach_all(graph: Graph, identity: str, files: list[File]) -> None:
    try:
        for file in files:
            attach(graph, identity, file)
    except ApiError as error:
        if not error.is_unclear:
            raise
        # The draft may have the file twice or not at all, but it was not sent.
        raise ApiError(f"{error}: the draft is thrown away", status=error.status, is_repeatable=True) from None


def _dispatch(graph: Graph, identity: str) -> None:
    """Send a draft; after an unclear outcome, read whether it is still a draft."""
    try:
        graph.post(path_of("me", "messages", identity, "send"))
    except ApiError as error:
        if not error.is_unclear:
            raise
        try:
            found = graph.get(path_of("me", "messages", identity), select="isDraft")
        except ShipmateError:
            found = {}
        if found.get("isDraft") is not False:
            text = f"{error}: look into Drafts and Sent Items"
            raise ApiError(text, status=error.status, is_unclear=True) from None
        graph.log.warning("the answer to the request to send was lost, and the mail is no draft any more: it was sent")


def _discard(graph: Graph, identity: str) -> None:
    """Delete a draft that will not be sent."""
    try:
        graph.send("DELETE", path_of("me", "messages", identity))
    except ShipmateError as error:
        graph.log.warning("a draft that was not sent could not be deleted", extra={"reason": str(error)})


def _size(mail: Mail, files: list[File]) -> int:
    """Return the size of one request with everything in it, in bytes; base64 turns three bytes into four."""
    written = len(json.dumps(mail.content).encode())
    return written + sum(file.size_bytes * 4 // 3 + 4 + len(file.name) + 200 for file in files)
