"""Attaches files to a draft: small files with one request, large files in pieces.

Source: https://learn.microsoft.com/graph/outlook-large-attachments
"""

import base64
from typing import Any, Final

from outlook.files import File
from outlook.graph import Graph
from outlook.provider import POLICY
from outlook.urls import path_of
from shipmate import ApiError
from shipmate.kit import Pieces
from shipmate.kit.files.pieces import send_pieces

# Larger files are uploaded in pieces.
SMALL_BYTES: Final = 3 * 1000 * 1000
_PIECES: Final = Pieces(open=("POST", "createUploadSession"), policy=POLICY)


def is_small(file: File) -> bool:
    """Tell whether a file fits into one request."""
    return file.size_bytes < SMALL_BYTES


def inline(file: File) -> dict[str, Any]:
    """Return a file as an attachment with its content."""
    return {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": file.name,
        "contentType": file.content_type,
        "contentBytes": base64.b64encode(file.read()).decode("ascii"),
    }


def attach(graph: Graph, message_id: str, file: File) -> None:
    """Attach a file to a draft.

    Raises:
        ApiError: Graph refuses the file.
    """
    place = ("me", "messages", message_id, "attachments")
    if is_small(file):
        graph.post(path_of(*place), inline(file))
        return
    item = {"attachmentType": "file", "name": file.name, "contentType": file.content_type, "size": file.size_bytes}
    # An unused session does no harm.
    session = graph.post(path_of(*place, "createUploadSession"), {"AttachmentItem": item}, is_repeatable=True)
    url = session.get("uploadUrl")
    if not isinstance(url, str) or not url.startswith("https://"):
        raise ApiError("POST createUploadSession: expected an uploadUrl with https, found something else")
    # The address is a permission by itself: no error shows it, and the account's token is not sent to it.
    send_pieces(file.reopened, file.size_bytes, url, _PIECES, name=file.name)
