"""Stores the attachments of a received mail."""

from typing import Any, Final

from outlook.graph import Graph
from outlook.urls import path_of
from shipmate import Attachment, Context
from shipmate.kit import add_file

# A reference is a link to a file in another place.
_REFERENCE: Final = "#microsoft.graph.referenceAttachment"
_ITEM: Final = "#microsoft.graph.itemAttachment"


def stored_files(context: Context, graph: Graph, mail: dict[str, Any]) -> dict[str, Attachment]:
    """Store the files of a mail at the platform, and return the attachments for its message by their names."""
    stored: dict[str, Attachment] = {}
    if not mail.get("hasAttachments"):
        return stored
    place = path_of("me", "messages", str(mail["id"]), "attachments")
    for each in graph.pages(place, select="id,name,contentType,size,isInline"):
        if each.get("@odata.type") == _REFERENCE:
            continue
        # A mail that is attached to a mail comes as RFC 5322 text, which mail programs read.
        is_item = each.get("@odata.type") == _ITEM
        kind = "message/rfc822" if is_item else each.get("contentType") or "application/octet-stream"
        name = f"{each.get('name') or 'attachment'}{'.eml' if is_item else ''}"
        add_file(stored, *graph.stored(context, f"{place}{path_of(str(each['id']))}/$value", name, str(kind)))
    return stored
