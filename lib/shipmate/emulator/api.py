"""A REST API that an OAuth2 provider protects."""

import copy
import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from shipmate.emulator.http import Server
from shipmate.emulator.journal import Journal, Reply, Request
from shipmate.emulator.oauth2 import OAuth2Provider


class Api(Server):
    """A server whose routes all require an access token of a provider.

    >>> from shipmate.emulator import OAuth2Provider
    >>> with OAuth2Provider() as provider, Api(provider) as api:
    ...     api.route("GET", "/me", lambda request: Reply(200, {"id": 7}))

    Args:
        provider: Issues the tokens. The API shares its journal unless `journal` is given.
        token_header: Header with the bare token, in place of ``Authorization: Bearer``.
        refusal: Reply to a missing, expired or unknown token, in place of 401.
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
        """Require a scope at one path; other tokens get ``insufficient_scope`` with the status."""
        self._scopes[path] = (scope, status)

    def answer(self, request: Request) -> Reply:
        """Return the reply of the routes, or the refusal of a request without a valid token."""
        return self._refused(request) or super().answer(request)

    def admitted(self, request: Request) -> Request:
        """Return a copy of a request, with a token that the API accepts in place of its own."""
        scopes = " ".join(scope for scope, _ in self._scopes.values())
        token = self.provider.issue(scope=scopes)["access_token"]
        headers = copy.copy(request.headers)
        name, value = (self.token_header, token) if self.token_header else ("Authorization", f"Bearer {token}")
        del headers[name]
        headers[name] = value
        return replace(request, headers=headers)

    def _token(self, request: Request) -> str | None:
        return request.header(self.token_header) if self.token_header else request.bearer

    def _refused(self, request: Request) -> Reply | None:
        token = self._token(request)
        if token is None:
            # Without any credentials the challenge has no error code. Source: RFC 6750 §3.1.
            return self.refusal or _challenge(401, "unauthorized")
        state, _, scope = self.provider.use(token)
        if state != "valid":
            return self.refusal or _challenge(401, "invalid_token", f"the access token is {state}")
        required, status = self._scopes.get(request.path, ("", 403))
        if required and required not in scope.split():
            return _challenge(status, "insufficient_scope", "the access token may not do this", scope=required)
        return None


class DemoApi(Api):
    """A small CRM: /me, /contacts, /records in pages; and /echo, /redirect and /status/{code} to test a client.

    Args:
        provider: Issues the tokens.
        records: Records of /records, ``[{"id": 1, "name": "Record 1"}, ...]``; 25 samples unless given. POST adds one.
        **options: As for `Api`.
    """

    def __init__(
        self, provider: OAuth2Provider, *, records: Sequence[Mapping[str, Any]] | None = None, **options: Any
    ) -> None:
        super().__init__(provider, **options)
        samples: list[Mapping[str, Any]] = [{"id": number, "name": f"Record {number}"} for number in range(1, 26)]
        self.records = samples if records is None else list(records)
        self.contacts: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._last_contact = 0
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
        fields = _object(request)
        with self._lock:
            self._last_contact += 1
            key = str(self._last_contact)
            contact = self.contacts[key] = {**fields, "id": key}
        return Reply(201, contact, {"Location": f"{self.url}/contacts/{key}"})

    def _contact(self, request: Request, key: str) -> Reply:
        fields = _object(request) if request.method == "PUT" else {}
        with self._lock:
            contact = self.contacts.get(key)
            if contact is None:
                return Reply(404, {"error": "no such contact"})
            if request.method == "DELETE":
                del self.contacts[key]
                return Reply(204)
            if request.method == "PUT":
                contact = self.contacts[key] = {**fields, "id": key}
        return Reply(200, contact)

    def _add(self, request: Request) -> Reply:
        fields = _object(request)
        with self._lock:
            record = {**fields, "id": max((int(each["id"]) for each in self.records), default=0) + 1}
            self.records.append(record)
        return Reply(201, record)

    def _page(self, request: Request) -> Reply:
        """Return one page of the records.

        Query: ``mode`` is link (default), next or offset; ``limit`` is the size of a page; ``offset`` is the index of
        its first record, or ``after`` the id of the record before it.
        """
        query = request.query
        mode = query.get("mode", "link")
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 10))
        if "after" in query:
            return Reply(200, [each for each in self.records if int(each["id"]) > int(query["after"])][:limit])
        if mode not in ("link", "next", "offset") or offset < 0 or limit < 1:
            raise ValueError("expected mode link, next or offset, offset >= 0 and limit >= 1")
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
        received = {
            "method": request.method,
            "query": request.query,
            "headers": {name: value for name, value in request.headers.items() if name.lower() not in hidden},
            "body_length": len(request.body),
            "body_sha256": hashlib.sha256(request.body).hexdigest(),
        }
        return Reply(200, received)

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
