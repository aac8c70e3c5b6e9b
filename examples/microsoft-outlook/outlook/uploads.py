"""Attaches files to a draft: small files with one request, large files in pieces.

Source: https://learn.microsoft.com/graph/outlook-large-attachments
"""

import base64
from collections.abc import Callable
from typing import Any, Final

import requests

from outlook.errors import Busy, GraphError, refusal
from outlook.files import File
from outlook.graph import Graph
from outlook.patience import NO_ANSWER, TIMEOUTS_SECONDS, Patience, is_temporary, retry_after_seconds
from outlook.urls import path_of
from shipmate.errors import ResponseTooLarge, ResponseTooSlow
from shipmate.http.adapter import LimitedAdapter
from shipmate.http.limits import within

# Larger files are uploaded in pieces.
SMALL_BYTES: Final = 3 * 1000 * 1000
# Pieces are multiples of 320 KiB, and should stay below 4 MB.
PIECE_BYTES: Final = 12 * 320 * 1024
# An answer names the next piece, and the last one the attachment.
_LONGEST_ANSWER_BYTES: Final = 1024 * 1024
_LONGEST_ANSWER_SECONDS: Final = 300.0


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
        GraphError: Graph refuses the file; `Busy` if it may accept it later.
    """
    place = ("me", "messages", message_id, "attachments")
    if is_small(file):
        graph.post(path_of(*place), inline(file))
        return
    item = {
        "attachmentType": "file",
        "name": file.name,
        "contentType": file.content_type,
        "size": file.size_bytes,
    }
    # An unused session does no harm.
    session = graph.post(path_of(*place, "createUploadSession"), {"AttachmentItem": item}, is_repeatable=True)
    url = session.get("uploadUrl")
    if not isinstance(url, str) or not url.startswith("https://"):
        raise GraphError("POST createUploadSession: expected an uploadUrl with https, found something else")
    Upload(url, file, graph.patience, graph.wait).run()


class Upload:
    """The upload of one file to the address of its session.

    The address is a permission by itself: no error shows it, and the account's token is not sent to it.
    """

    def __init__(self, url: str, file: File, patience: Patience, wait: Callable[[float], object]) -> None:
        """Prepare the upload; nothing is sent yet."""
        self._url = url
        self._file = file
        self._patience = patience
        self._wait = wait

    def run(self) -> None:
        """Send all pieces in order; a piece that fails is sent again, a few times.

        Raises:
            GraphError: The address refuses a piece; `Busy` if it may accept it later.
        """
        start, attempt = 0, 1
        with requests.Session() as session:
            session.mount("https://", LimitedAdapter())
            while start < self._file.size_bytes:
                response = self._put(session, start)
                if response is not None and response.status_code == 201:
                    return
                if response is not None and response.ok:
                    reached = self._expected(response, self._end(start) + 1)
                    if reached > start:
                        start, attempt = reached, 1
                        continue
                self._pause(response, attempt)
                start, attempt = self._resumed(session, start), attempt + 1

    def _put(self, session: requests.Session, start: int) -> requests.Response | None:
        end = self._end(start)
        headers = {
            "Content-Range": f"bytes {start}-{end}/{self._file.size_bytes}",
            "Content-Type": "application/octet-stream",
        }
        return self._sent(session, "PUT", headers=headers, data=self._file.read(start, end + 1 - start))

    def _resumed(self, session: requests.Session, start: int) -> int:
        """Read where to continue: a piece may have arrived although its answer did not."""
        response = self._sent(session, "GET")
        return start if response is None or not response.ok else self._expected(response, start)

    def _sent(self, session: requests.Session, method: str, **kwargs: Any) -> requests.Response | None:
        try:
            with within(_LONGEST_ANSWER_BYTES, _LONGEST_ANSWER_SECONDS):
                return session.request(
                    method, self._url, timeout=TIMEOUTS_SECONDS, allow_redirects=False, auth=_without_netrc, **kwargs
                )
        except (*NO_ANSWER, ResponseTooSlow):
            return None
        except ResponseTooLarge as error:
            raise GraphError(f"the upload of {self._file.name}: {error}") from None

    def _pause(self, response: requests.Response | None, attempt: int) -> None:
        """Wait before a piece is sent again, or give up."""
        place = f"the upload of {self._file.name}"
        status = None if response is None or response.ok else response.status_code
        if response is not None and not is_temporary(status):
            raise refusal(place, response)
        asked = None if response is None else retry_after_seconds(response)
        seconds = self._patience.pause_seconds(attempt, asked)
        if seconds is None:
            found = "no answer" if response is None else f"HTTP {response.status_code}"
            raise Busy(f"{place} did not go on: {found}", status=status)
        self._wait(seconds)

    def _end(self, start: int) -> int:
        return min(start + PIECE_BYTES, self._file.size_bytes) - 1

    def _expected(self, response: requests.Response, otherwise: int) -> int:
        """Return the start of the next piece in an answer: ``{"nextExpectedRanges": ["2097152-"]}``."""
        try:
            text = str(response.json()["nextExpectedRanges"][0]).partition("-")[0]
            return min(int(text), self._file.size_bytes)
        except (ValueError, KeyError, IndexError, TypeError):
            return otherwise


def _without_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add nothing; without an auth object, requests adds a password of the user's netrc file."""
    return request
