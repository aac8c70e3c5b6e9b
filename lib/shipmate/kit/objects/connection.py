"""The requests of one call of a generated function."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

from shipmate import urls
from shipmate.kit.objects.errors import UnexpectedAnswer
from shipmate.kit.objects.paging import Asked, Page, Paging, Position
from shipmate.kit.objects.routes import parameter_text

if TYPE_CHECKING:
    import requests

    from shipmate.session.session import Session

_MOST_PAGES: Final = 100_000
_MOST_RECORDS: Final = 10_000
_ABSOLUTE: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_HOST: Final = re.compile(r"\{(\w+)\}|https?://[^/?#]*", re.IGNORECASE)


class Connection:
    """An API and the session of an account: ``connection.get("/contacts/7").json()``."""

    def __init__(
        self, session: "Session", base_url: str, *, sends_forms: bool = False, hosts: Iterable[str] = ()
    ) -> None:
        """Send nothing yet.

        Args:
            session: The session: ``context.session(cfg)``.
            base_url: The URL below which paths are, without a slash at its end.
            sends_forms: Whether the API takes forms and not JSON.
            hosts: The hosts that a URL may name; None other than those of ``base_url`` unless given.
        """
        self.session = session
        self._base_url = base_url
        self._sends_forms = sends_forms
        self._hosts = tuple(hosts)
        self._reads = False

    def reading(self) -> "Connection":
        """Return the same connection for requests that change nothing: all of them are sent again after an error."""
        other = Connection(self.session, self._base_url, sends_forms=self._sends_forms, hosts=self._hosts)
        other._reads = True
        return other

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | Iterable[tuple[str, str]] = (),
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        allow: Iterable[int] = (),
        **limits: Any,
    ) -> "requests.Response":
        """Send a request and return the answer.

        Args:
            method: The method.
            path: The path below the base URL, with values that are encoded; or a URL.
            params: The parameters of the query, not encoded.
            body: The body, as JSON; None without one.
            headers: Further headers.
            allow: Statuses from 400 on that are no errors here.
            limits: Options of the session: ``timeout``, ``total_timeout_seconds``, ``max_bytes``; ``repeatable=True``
                for a POST that changes nothing, and so is sent again after an error.

        Raises:
            ApiError: The API answers with an error, or not at all.
            Diverted: The same, and the fields of the step say that it is emitted or tried later.
            ValueError: A URL leads to another host.
        """
        options: dict[str, Any] = {**({"repeatable": True} if self._reads else {}), **limits}
        if isinstance(body, str):
            options["data"] = body.encode()
        elif body is not None:
            options["data" if self._is_form(headers) else "json"] = body
        if params := params if isinstance(params, Mapping) else list(params):
            options["params"] = params
        if headers:
            options["headers"] = dict(headers)
        return self._send(method, self.url(path), allow, options)

    def get(self, path: str, **options: Any) -> "requests.Response":
        """Send a GET request; the arguments and errors are those of `send`."""
        return self.send("GET", path, **options)

    def follow(self, response: "requests.Response", following: str) -> "requests.Response":
        """Return the page that an answer names as the next one, by its URL.

        Raises:
            ApiError: The API answers with an error.
            UnexpectedAnswer: The URL leads to another host than the answer.
        """
        url = urljoin(response.url, following)
        if urls.origin(url) is None or urls.origin(url) != urls.origin(response.url):
            raise UnexpectedAnswer("expected a next page on the host of this one, found another host")
        return self._send("GET", _without_braces(url), (), {})

    def all(
        self,
        path: str,
        *,
        pages: Paging | None = None,
        params: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
        most: int = _MOST_RECORDS,
    ) -> Iterator[Any]:
        """Yield the records of all pages of a list: ``connection.all("/groups", pages=link("items", next="next"))``.

        Args:
            path: The path of the list, or its URL.
            pages: How the list comes, in one answer unless given. Pages have their largest size.
            params: Parameters of the query, not encoded.
            most: The most records.

        Raises:
            ApiError: The API answers with an error, or not at all.
            UnexpectedAnswer: The API returns the same page again, no list, or more records.
        """
        paging = pages or Paging("whole")
        size = paging.most if paging.size else None
        records = (record for page in self.pages(path, paging, params=params, size=size) for record in page.records)
        for number, record in enumerate(records):
            if number == most:
                raise UnexpectedAnswer(f"{path}: expected at most {most} records, found more: give most=")
            yield record

    def pages(
        self,
        path: str,
        paging: Paging,
        *,
        method: str = "GET",
        params: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
        size: int | None = None,
        start: Position = None,
        title: str = "",
    ) -> Iterator[Page]:
        """Yield the pages of a list.

        Args:
            path: The path of the list.
            paging: How the list comes.
            method: The method; with POST the parameters are in the body.
            params: The parameters, not encoded.
            size: The records of a page; None lets the API decide.
            start: The position of the first page.
            title: The name of the list in errors; its path unless given.

        Raises:
            ApiError: The API answers with an error, or not at all.
            UnexpectedAnswer: The API returns the same page again, or no list.
        """
        title = title or path
        given = list(params.items() if isinstance(params, Mapping) else params)
        asked, response = Asked(start, size), None
        seen: set[Position] = {start}
        before: list[Any] | None = None
        for _ in range(_MOST_PAGES):
            if response is not None and paging.kind == "link":
                response = self.follow(response, str(asked.position))
            else:
                response = self._list(method, path, [*given, *paging.params(asked).items()], title)
            answer = json_of(response)
            records = paging.read(answer)
            position = paging.after(asked, answer, len(records), response.headers)
            # Pages that the API names may have equal records: only a name that comes again is no other page.
            is_repeated = paging.jumps and bool(records) and records == before
            if is_repeated and size is not None and len(records) < size and not asked.was_full:
                return  # an API that returns all at once, whatever the position is
            if is_repeated or (position is not None and position in seen):
                raise UnexpectedAnswer(f"{title}: expected another page, found the same one again")
            yield Page(records, paging.total_of(answer), position, response.headers.get("Date"))
            if position is None:
                return
            seen.add(position)
            was_full = asked.was_full or (size is not None and len(records) >= size)
            asked, before = Asked(position, size, was_full), records
        raise UnexpectedAnswer(f"{title}: expected at most {_MOST_PAGES} pages, found more")

    def position(self, response: "requests.Response", link: str = "") -> str:
        """Return path and query of a link in an answer, or of the answer itself; `page` reads them in a later run.

        Raises:
            UnexpectedAnswer: The link leads to another host.
        """
        asked = (response.history or [response])[0].request.url or ""
        target = urljoin(response.url, link.strip()) if link else asked
        # An API behind a proxy may write http:// into its links. That is harmless, since only the path is used.
        same = re.sub(r"^http://", "https://", target) if asked.startswith("https://") else target
        if urls.origin(same) is None or urls.origin(same) != urls.origin(asked):
            raise UnexpectedAnswer("the next page: expected a path, or a URL on the host of this one, found another")
        parts = urlsplit(target)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def page(self, position: str, headers: Mapping[str, str] | None = None) -> "requests.Response":
        """Return the page at a position that `position` has returned.

        Args:
            position: The position: ``"/v1/contacts?page=2"``.
            headers: Further headers.

        Raises:
            ApiError: The API answers with an error, or not at all.
            ValueError: The position is no path: somebody has changed the snapshot.
        """
        if not position.startswith("/"):
            # Behind the host it would be a part of the host.
            raise ValueError("the position in the snapshot: expected a path that begins with /, found another text")
        return self._send("GET", self._host() + _without_braces(position), (), {"headers": headers} if headers else {})

    def url(self, path: str) -> str:
        """Return the URL of a path, with braces encoded: they are placeholders only in the base URL.

        Raises:
            ValueError: A URL leads to another host.
        """
        text = _without_braces(path)
        if not _ABSOLUTE.match(text):
            return f"{self._base_url}/{text.lstrip('/')}" if text else self._base_url
        if text.startswith("//"):
            raise ValueError("url: expected a path, or a URL with https://, found one without a scheme")
        if not self._hosts:
            raise ValueError(f"expected a path below {self._base_url}, found a URL: declare Api(hosts=...) to allow it")
        return text

    @property
    def takes_json(self) -> bool:
        """Whether bodies are JSON unless a header says otherwise."""
        return not self._sends_forms

    def _list(self, method: str, path: str, params: Sequence[tuple[str, Any]], title: str) -> "requests.Response":
        texts = [(name, parameter_text(value)) for name, value in params]
        if method == "GET":
            return self.get(path, params=texts)
        body = dict(params if self.takes_json else texts)
        if len(body) < len(params):
            raise ValueError(f"{title}: expected each search parameter once, found one twice")
        return self.reading().send(method, path, body=body)

    def _host(self) -> str:
        """Return scheme and host of the base URL; a member of a token with both as its placeholder."""
        match = _HOST.match(self._base_url)
        host = match[0] if match else ""
        field = self.session.fields.get(match[1]) if match and match[1] else None
        typed = _HOST.match(field.strip()) if isinstance(field, str) else None
        return typed[0] if typed else host

    def _send(self, method: str, url: str, allow: Iterable[int], options: Mapping[str, Any]) -> "requests.Response":
        from shipmate.session.exchange import accepted  # requests: 97 ms

        return accepted(self.session, method, url, allow=set(allow), **options)

    def _is_form(self, headers: Mapping[str, str] | None) -> bool:
        given = next((value for name, value in (headers or {}).items() if name.lower() == "content-type"), None)
        return self._sends_forms if given is None else "form-urlencoded" in given.lower()


def _without_braces(url: str) -> str:
    return url.replace("{", "%7B").replace("}", "%7D")


def json_of(response: "requests.Response") -> Any:
    """Return the JSON of an answer, None without a body.

    Raises:
        UnexpectedAnswer: The body is not JSON.
    """
    from shipmate.session import answers  # requests: 97 ms

    if not response.content.strip():
        return None
    try:
        return answers.json_of(response)
    except (ValueError, RecursionError):
        kind = answers.content_type(response)[:100] or "none"
        raise UnexpectedAnswer(f"expected JSON from the API, found a body of the type {kind}") from None
