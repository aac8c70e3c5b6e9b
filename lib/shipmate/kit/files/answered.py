"""Answers that are files: a small one is in the message, a larger one becomes an attachment, in pieces."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from shipmate.http.download import DownloadRules, open_download
from shipmate.http.upload import PIECE_BYTES
from shipmate.kit.files.transfer import name_of
from shipmate.session.answers import binary_body, content_type, is_binary_type

if TYPE_CHECKING:
    import requests

    from shipmate.invocation.context import Context
    from shipmate.platform.attachments import Attachment

LARGEST_BYTES: Final = 5 * 1024 * 1024
"""The largest file in a message; in base64 it has 7 MB."""


class AnsweredFile(NamedTuple):
    """A file in an answer."""

    body: dict[str, Any] | None
    """The file in the message, or the facts about its attachment; None if it is empty."""
    attachments: "dict[str, Attachment]"


def is_file(response: "requests.Response") -> bool:
    """Tell by its headers whether an answer is neither JSON nor text."""
    return is_binary_type(content_type(response))


def answered_file(
    context: "Context", response: "requests.Response", send: "Callable[[Mapping[str, str]], requests.Response]"
) -> AnsweredFile:
    """Return the file in an answer.

    Args:
        context: The context of the call.
        response: The answer, whose body was not read.
        send: Sends the request again with further headers, after a connection that was cut.

    Raises:
        IncompleteContent: The API did not send the whole file.
        PlatformRefused, PlatformUnavailable: The file could not be stored.
    """
    first, kind = [response], content_type(response)
    with open_download(lambda more, _: first.pop() if first else send(more), DownloadRules()) as file:
        begin = file.read(LARGEST_BYTES + 1)
        if len(begin) <= LARGEST_BYTES:
            return AnsweredFile(binary_body(begin, kind) if begin else None, {})
        opened = [chain([begin], iter(partial(file.read, PIECE_BYTES), b""))]
        name = name_of(file.headers, response.url)
        stored = context.attachments.upload(
            name, lambda: opened.pop() if opened else open_download(lambda more, _: send(more), DownloadRules()), kind
        )
    facts = {"attachmentUrl": stored["url"], "contentType": kind, "size": stored["size"]}
    return AnsweredFile(facts, {name: stored})
