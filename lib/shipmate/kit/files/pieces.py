"""Uploads a file in several requests: after an error the upload goes on where the API says.

An upload has an address of its own, which is a permission by itself: it gets no credentials of the account.

Source: RFC 9110 §14.4; https://learn.microsoft.com/graph/api/driveitem-createuploadsession and
https://developers.google.com/workspace/drive/api/guides/manage-uploads
"""

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final, Literal

import requests

from shipmate.errors import ApiError, IncompleteContent, ResponseTooSlow
from shipmate.http.adapter import LimitedAdapter, LimitedSession
from shipmate.http.limits import within
from shipmate.jsonvalue import member_at
from shipmate.platform.http_service import NO_AUTH
from shipmate.session.answers import code_of, reason_of
from shipmate.session.attempts import NO_ANSWER
from shipmate.session.policy import Failure, Policy
from shipmate.urls import is_private, shown

if TYPE_CHECKING:
    from shipmate.kit.files.transfer import HttpSession

_LARGEST_ANSWER_BYTES: Final = 1024 * 1024
_LONGEST_ANSWER_SECONDS: Final = 300.0
_TIMEOUTS_SECONDS: Final = (10.0, 60.0)
_SKIPPED_BYTES: Final = 1024 * 1024
_COMPLETE: Final = frozenset({200, 201, 204})
_RANGE: Final = re.compile(r"bytes=0-([0-9]{1,18})")
_RESUME_INCOMPLETE: Final = 308
_OTHER_PLACE: Final = 416
_GONE: Final = frozenset({404, 410})

_POLICY: Final = Policy(attempts=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """How an API takes a large file: one request opens an upload, and its address takes the pieces.

    Args:
        open: The method and the path that open an upload: ``("POST", "/items/{path}/session")``.
        above_bytes: Files up to this size are sent in one request.
        piece_bytes: The size of a piece; the default is a multiple of what Microsoft (320 KiB) and Google (256 KiB)
            ask for.
        body: The JSON of the request that opens an upload.
        url: The member of its answer that has the address; ``"Location"`` in the headers counts as well.
        asks: The method that asks how far an upload is: GET, as with Microsoft, or an empty PUT, as with Google.
        policy: When a piece is sent again.
    """

    open: tuple[str, str]
    above_bytes: int = 4_000_000
    piece_bytes: int = 12 * 320 * 1024
    body: Mapping[str, Any] | None = None
    url: str = "uploadUrl"
    asks: Literal["GET", "PUT"] = "GET"
    policy: Policy = _POLICY
    sleep: Callable[[float], object] = field(default=time.sleep, repr=False)


def open_upload(session: "HttpSession", method: str, url: str, rules: Pieces, **options: Any) -> str:
    """Open an upload, and return its address.

    Raises:
        ApiError: The API refuses, or its answer has no usable address.
    """
    body = {} if rules.body is None else {"json": dict(rules.body)}
    response = session.request(method, url, **body, **options)
    place = f"{method} {shown(url)}"
    if response.status_code >= 400:
        raise ApiError(f"{place} answered {response.status_code}", status=response.status_code)
    try:
        address = member_at(response.json(), rules.url)
    except ValueError:
        address = None
    address = address or response.headers.get("Location")
    if not isinstance(address, str) or not is_private(address):
        raise ApiError(f"{place}: expected an address with https for the pieces, found none")
    return address


def send_pieces(
    source: Callable[[], IO[bytes]], size: int, address: str, rules: Pieces, *, name: str = ""
) -> requests.Response | None:
    """Send a file to the address of an upload, and return the last answer.

    Args:
        source: Opens the file.
        size: Its length in bytes.
        address: The address of the upload.
        rules: How the API takes pieces.
        name: The name of the file, for errors.

    Returns:
        The answer to the last piece; None if the API has closed the upload after it, and the answer was lost.

    Raises:
        ApiError: The API refuses a piece, or it has failed too often.
        IncompleteContent: The file is shorter than ``size``.
    """
    with LimitedSession(LimitedAdapter()) as http:
        upload = _PieceUpload(http, source, size, address, rules, name)
        try:
            return upload.run()
        finally:
            upload.close()


class _PieceUpload:
    """One upload: the piece that is being sent, and the place where it starts."""

    def __init__(
        self, http: LimitedSession, source: Callable[[], IO[bytes]], size: int, address: str, rules: Pieces, name: str
    ) -> None:
        self._http = http
        self._source = source
        self._size = size
        self._address = address
        self._rules = rules
        # The path of the address may be the permission.
        self._place = f"the upload{' of ' if name else ''}{name} to {shown(address).split('/')[2]}"
        self._begun = time.monotonic()
        self._start = 0
        self._piece = b""
        self._file = source()

    def close(self) -> None:
        self._file.close()

    def run(self) -> requests.Response | None:
        attempt = 1
        self._move_to(0)
        while True:
            end = self._start + len(self._piece)
            response = self._sent("PUT", f"bytes {self._start}-{end - 1}/{self._size}", self._piece)
            if response is not None and response.status_code in _COMPLETE and end == self._size:
                return response
            if response is not None and _goes_on(response):
                reached = _reached(response, end)
            else:
                self._pause(response, attempt)
                asked = self._asked()
                if asked is not None and asked.status_code in _COMPLETE and self._rules.asks == "PUT":
                    return asked
                if asked is not None and asked.status_code in _GONE and end == self._size:
                    return None
                reached = self._start if asked is None or not _goes_on(asked) else _reached(asked, self._start)
            attempt = 1 if reached > self._start else attempt + 1
            if attempt == 1:
                self._begun = time.monotonic()
            if attempt > self._rules.policy.attempts:
                raise ApiError(f"{self._place}: expected progress, found none in {attempt - 1} attempts")
            self._move_to(min(reached, self._size - 1))

    def _move_to(self, place: int) -> None:
        """Make the bytes from ``place`` on the next piece.

        Raises:
            IncompleteContent: The file is too short.
        """
        end = self._start + len(self._piece)
        if place < self._start or place > end:
            self._file.close()
            self._file = self._source()
            self._skip(place)
            self._piece = b""
        else:
            self._piece = self._piece[place - self._start :]
        self._start = place
        if not self._piece:
            self._piece = _exactly(self._file, min(self._rules.piece_bytes, self._size - place))

    def _skip(self, count: int) -> None:
        while count:
            count -= len(_exactly(self._file, min(count, _SKIPPED_BYTES)))

    def _sent(self, method: str, content_range: str | None, data: bytes) -> requests.Response | None:
        headers = {} if content_range is None else {"Content-Range": content_range}
        options: dict[str, Any] = {"timeout": _TIMEOUTS_SECONDS, "allow_redirects": False, "auth": NO_AUTH}
        try:
            with within(_LARGEST_ANSWER_BYTES, _LONGEST_ANSWER_SECONDS):
                return self._http.request(
                    method, self._address, headers=headers, data=None if method == "GET" else data, **options
                )
        except (*NO_ANSWER, ResponseTooSlow):
            return None

    def _asked(self) -> requests.Response | None:
        """Ask how far the upload is: a piece may have arrived although its answer did not."""
        if self._rules.asks == "GET":
            return self._sent("GET", None, b"")
        return self._sent("PUT", f"bytes */{self._size}", b"")

    def _pause(self, response: requests.Response | None, attempt: int) -> None:
        """Wait before the piece is sent again.

        Raises:
            ApiError: The API refuses the piece, or it has failed too often.
        """
        failure, policy = Failure("PUT", None), self._rules.policy
        if response is not None and response.status_code != _OTHER_PLACE:
            failure = Failure("PUT", response.status_code, response.headers.get("Retry-After"))
        pause = policy.pause_seconds(
            failure,
            attempt,
            elapsed_seconds=time.monotonic() - self._begun,
            chance=random.random(),  # noqa: S311 - spreads load
            now=time.time(),
        )
        if pause is not None:
            self._rules.sleep(pause)
            return
        status = 0 if response is None else response.status_code
        if policy.may_pass(failure):
            found = f"HTTP {status}" if status else "no answer"
            raise ApiError(f"{self._place}: found {found} in {attempt} attempts", status=status, is_repeatable=True)
        reason, code = (reason_of(response), code_of(response)) if response is not None else ("", "")
        text = (
            f"{self._place} answered {status}" + (f": {reason}" if reason else "") + (f" (code {code})" if code else "")
        )
        raise ApiError(text, status=status, reason=reason, api_code=code)


def _goes_on(response: requests.Response) -> bool:
    return response.status_code < 300 or response.status_code == _RESUME_INCOMPLETE


def _exactly(file: IO[bytes], size: int) -> bytes:
    """Return the next bytes of a file.

    Raises:
        IncompleteContent: There are fewer.
    """
    data = file.read(size)
    if len(data) < size:
        raise IncompleteContent("the file: expected its whole length, found its end")
    return data


def _reached(response: requests.Response, otherwise: int) -> int:
    """Return the start of the next piece as the API names it.

    It is in the header ``Range: bytes=0-99`` or in the body: ``{"nextExpectedRanges": ["100-"]}``.
    """
    if match := _RANGE.fullmatch(response.headers.get("Range", "").strip()):
        return int(match[1]) + 1
    if response.status_code == _RESUME_INCOMPLETE:  # without Range nothing has arrived
        return 0
    try:
        return int(str(response.json()["nextExpectedRanges"][0]).partition("-")[0])
    except (ValueError, KeyError, IndexError, TypeError):
        return otherwise
