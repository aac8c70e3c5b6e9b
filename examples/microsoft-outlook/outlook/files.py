"""Reads the files of a message, for the attachments of a mail."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any, Final

from shipmate import Context
from shipmate.errors import IncompleteContent

# Source: https://learn.microsoft.com/graph/outlook-large-attachments
LARGEST_BYTES: Final = 150 * 1024 * 1024
_IN_MEMORY_BYTES: Final = 3 * 1024 * 1024
_PIECE_BYTES: Final = 64 * 1024
_ANY_KIND: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class File:
    """A file that was read to its end, so that its size is known."""

    name: str
    content_type: str
    size_bytes: int
    content: IO[bytes]

    def read(self) -> bytes:
        """Return the whole content."""
        return self.reopened().read()

    def reopened(self) -> IO[bytes]:
        """Return the content from its beginning."""
        self.content.seek(0)
        return self.content


def files_of(context: Context, msg: Mapping[str, Any], stack: ExitStack) -> list[File]:
    """Return the files of a message: its attachments, and the URLs in its body.

    Args:
        context: The context of the call.
        msg: The message.
        stack: Closes the files; small files are in memory, others on disk.

    Raises:
        ValueError: A file has no URL, is too large, or cannot be read to its end.
    """
    return [_fetched(context, *each, stack) for each in _named(msg)]


def _named(msg: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield name, URL and media type."""
    attached = msg.get("attachments") or {}
    if not isinstance(attached, Mapping):
        raise ValueError(f"attachments of the message: expected an object, found {type(attached).__name__}")
    for name, described in attached.items():
        yield _described(described, str(name))
    listed = (msg.get("body") or {}).get("attachments") or []
    if not isinstance(listed, list):
        raise ValueError(f"attachments: expected a list, found {type(listed).__name__}")
    for number, described in enumerate(listed, start=1):
        yield _described(described, f"attachment {number}")


def _described(described: object, fallback: str) -> tuple[str, str, str]:
    if not isinstance(described, Mapping) or not isinstance(described.get("url"), str) or not described["url"]:
        raise ValueError(f"{fallback}: expected an attachment with its url, found none")
    kind = described.get("content-type") or described.get("contentType") or _ANY_KIND
    return str(described.get("name") or fallback), described["url"], str(kind)


def _fetched(context: Context, name: str, url: str, kind: str, stack: ExitStack) -> File:
    # The caller's stack closes it.
    kept = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES))
    size = 0
    stream = context.attachments.open(url)
    try:
        while piece := stream.read(_PIECE_BYTES):
            size += len(piece)
            if size > LARGEST_BYTES:
                raise ValueError(f"{name}: expected at most {LARGEST_BYTES // 1024 // 1024} MB, found more")
            kept.write(piece)
    except IncompleteContent:
        raise ValueError(f"{name}: expected a file that can be read to its end, found one that breaks off") from None
    finally:
        stream.close()
    return File(name, kind, size, kept)
