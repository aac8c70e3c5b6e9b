"""A REST API that an OAuth2 provider protects."""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from shipmate.emulator.http import Server
from shipmate.emulator.journal import Journal, Reply, Request
from shipmate.emulator.oauth2 import OAuth2Provider


class Api(Server):
    """A server all of whose routes need an access token of a provider.

    >>> from shipmate.emulator import OAuth2Provider
    >>> with OAuth2Provider() as provider, Api(provider) as api:
    ...     api.route("GET", "/me", lambda request: Reply(200, {"id": 7}))

    Args:
        provider: Who issues the tokens; its journal is used unless another is given.
        token_header: A header of the API's own that carries the bare token instead of ``Authorization: Bearer``.
        refusal: What an expired or unknown token is answered instead of 401.
    """

    def __init__(
        self,
        provider: OAuth2Provider,
        *,
        token_header: str | None = None,
        refusal: Reply | None = None,
        name: str = "api",
        journal: Journal | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(name=name, journal=journal or provider.journal, port=port)
        self.provider = provider
        self.token_header = token_header
        self.refusal = refusal
        self._scopes: dict[str, tuple[str, int]] = {}

    def require_scope(self, path: str, scope: str, *, status: int = 403) -> None:
        """Answer insufficient_scope to tokens without a scope, at one path."""
        self._scopes[path] = (scope, status)

    def answer(self, request: Request) -> Reply:
        """Return the refusal of a request without a valid token, otherwise what the routes say to it."""
        return self._refused(request) or super().answer(request)

    def _token(self, request: Request) -> str | None:
        return request.header(self.token_header) if self.token_header else request.bearer

    def _refused(self, request: Request) -> Reply | None:
        token = self._token(request)
        if token is None:
            # No error code when there are no credentials at all. Source: RFC 6750 §3.1.
            return self.refusal or _challenge(401, "unauthorized")
        state, _, scope = self.provider.use(token)
        if state != "valid":
            return self.refusal or _challenge(401, "invalid_token", f"the access token is {state}")
        required, status = self._scopes.get(request.path, ("", 403))
        if required and required not in scope.split():
            return _challenge(status, "insufficient_scope", "the access token may not do this", scope=required)
        return None


class DemoApi(Api):
    """A small CRM: /me, /contacts, /records in pages, and resources that help to test a client.

    Args:
        provider: Who issues the tokens.
        records: What /records pages through; 25 made-up ones unless given. POST adds to them.
        **options: As for `Api`.
    """

    def __init__(
        self, provider: OAuth2Provider, *, records: Sequence[Mapping[str, Any]] | None = None, **options: Any
    ) -> None:
        super().__init__(provider, **options)
        made_up: list[Mapping[str, Any]] = [{"id": number, "name": f"Record {number}"} for number in range(1, 26)]
        self.records = made_up if records is None else list(records)
        self.contacts: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._contacts_made = 0
        self.route("GET", "/me", self._me)
        self.route("GET", "/contacts", self._list)
        self.route("POST", "/contacts", self._create)
        for method in ("GET", "PUT", "DELETE"):
            self.route(method, "/contacts/{key}", self._contact)
        self.route("GET", "/records", self._page)
        self.route("POST", "/records", self._add)
        self.route("*", "/echo", self._echo)
        self.route("*", "/redirect", self._redirect)
        self.route("*", "/status/{code}", lambda request, code: Reply(int(code), {"status": int(code)}))

    def _me(self, request: Request) -> Reply:
        return Reply(200, {"id": "user", "name": "Ada Example", "email": "ada@example.com"})

    def _list(self, request: Request) -> Reply:
        with self._lock:
            return Reply(200, list(self.contacts.values()))

    def _create(self, request: Request) -> Reply:
        contact = _object(request)
        with self._lock:
            self._contacts_made += 1
            key = str(self._contacts_made)
            made = self.contacts[key] = {**contact, "id": key}
        return Reply(201, made, {"Location": f"{self.url}/contacts/{key}"})

    def _contact(self, request: Request, key: str) -> Reply:
        change = _object(request) if request.method == "PUT" else {}
        with self._lock:
            found = self.contacts.get(key)
            if found is None:
                return Reply(404, {"error": "no such contact"})
            if request.method == "DELETE":
                del self.contacts[key]
                return Reply(204)
            if request.method == "PUT":
                found = self.contacts[key] = {**change, "id": key}
        return Reply(200, found)

    def _add(self, request: Request) -> Reply:
        record = _object(request)
        with self._lock:
            made = {**record, "id": max((int(each["id"]) for each in self.records), default=0) + 1}
            self.records.append(made)
        return Reply(201, made)

    def _page(self, request: Request) -> Reply:
        """Answer one page: ``mode`` is link, next or offset; ``offset`` or ``after``, and ``limit``, say which."""
        query = request.query
        mode = query.get("mode", "link")
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 10))
        if "after" in query:
            return Reply(200, [each for each in self.records if int(each["id"]) > int(query["after"])][:limit])
        if mode not in ("link", "next", "offset") or offset < 0 or limit < 1:
            raise ValueError("expected mode link, next or offset, and a sane offset and limit")
        page, total = self.records[offset : offset + limit], len(self.records)
        following = None
        if offset + limit < total:
            following = f"{self.url}/records?{urlencode({**query, 'offset': offset + limit, 'limit': limit})}"
        if mode == "link":
            return Reply(200, page, {"Link": f'<{following}>; rel="next"'} if following else {})
        if mode == "next":
            return Reply(200, {"records": page, "next": following})
        return Reply(200, {"records": page, "total": total, "offset": offset, "limit": limit})

    def _echo(self, request: Request) -> Reply:
        hidden = {"authorization", (self.token_header or "").lower()}
        seen = {
            "method": request.method,
            "query": request.query,
            "headers": {name: value for name, value in request.headers.items() if name.lower() not in hidden},
            "body_length": len(request.body),
            "body_sha256": hashlib.sha256(request.body).hexdigest(),
        }
        return Reply(200, seen)

    def _redirect(self, request: Request) -> Reply:
        query = request.query
        return Reply(int(query.get("status", 302)), None, {"Location": query.get("to", "/me")})


def _object(request: Request) -> dict[str, Any]:
    value = request.json()
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object")
    return value


def _challenge(status: int, error: str, description: str = "", *, scope: str = "") -> Reply:
    parts = ['Bearer realm="demo"']
    if description:
        parts += [f'error="{error}"', f'error_description="{description}"']
    if scope:
        parts.append(f'scope="{scope}"')
    return Reply(status, {"error": error}, {"WWW-Authenticate": ", ".join(parts)})
