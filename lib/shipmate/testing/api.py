"""An emulated API for all requests of a component under test, token requests included."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from shipmate.emulator import Api, Journal, OAuth2Provider, OAuth2Refusal, Reply, Request, Server
from shipmate.emulator.grants import Grant
from shipmate.oauth2.answer_body import read_members

_NO_ROUTE: Final = (404, 405)
_WORDS: Final = re.compile(r"[^\s,;=:\"']+")
_EXPIRED: Final = Reply(401, {"error": "invalid_token"}, {"WWW-Authenticate": 'Bearer error="invalid_token"'})

Answer = Callable[[Request], Reply]


class EmulatedApi(Server):
    """An API that replies to requests with a valid token as ``behind`` does, and to token requests by itself.

    It accepts requests without a token, since it does not know which hosts require one, and any client credentials.

    Args:
        provider: Issues the tokens; need not be started.
        behind: Replies to accepted requests.
        expired: Reply to an expired or unknown token.
        has_oauth2: Whether a bearer that the provider does not know is refused; without OAuth2 it is an API key.
        tokens: Replies to token requests before the API does so by itself; 404 and 405 leave them to the API.
    """

    def __init__(
        self,
        provider: OAuth2Provider,
        behind: Answer,
        *,
        expired: Reply | None = None,
        has_oauth2: bool = True,
        tokens: Answer | None = None,
        journal: Journal | None = None,
    ) -> None:
        super().__init__(name="api", journal=journal)
        self.provider = provider
        self.expired = expired or _EXPIRED
        self.refused: list[Request] = []
        """Requests with an expired or unknown token."""
        self.accepted: list[Request] = []
        """Requests with a valid token."""
        self.refuses: set[str] = set()
        """Texts that a request must not have in its headers or its query: a password, for example, that was changed."""
        self._behind = behind
        self._has_oauth2 = has_oauth2
        self._tokens = tokens

    def answer(self, request: Request) -> Reply:
        """Return a token response, the refusal of a token, or the reply of ``behind``."""
        if asks_for_token(request):
            return self._grant(request)
        sent = (*request.headers.values(), *request.query.values())
        if any(text in value for text in self.refuses for value in sent):
            self.refused.append(request)
            return Reply(401, {"error": "unauthorized"})
        state = self._state(request)
        if state == "none":
            return self._behind(request)
        if state != "valid":
            self.refused.append(request)
            return self.expired
        self.accepted.append(request)
        return self._behind(request)

    def _state(self, request: Request) -> str:
        """Return the state of the token in a request, which may be in any header or in the query."""
        words = [word for value in request.headers.values() for word in _WORDS.findall(value)]
        for word in (*words, *request.query.values()):
            if self.provider.grants.state(word) != "unknown":
                return self.provider.use(word)[0]
        return "unknown" if self._has_oauth2 and request.bearer is not None else "none"

    def _grant(self, request: Request) -> Reply:
        grants, form = self.provider.grants, request.form
        if self._tokens is not None and grants.owner(form.get("refresh_token", "")) is None:
            reply = self._tokens(request)
            if reply.status not in _NO_ROUTE:
                token = (read_members(reply.encoded()[1]) or {}).get("access_token")
                if isinstance(token, str):
                    grants.admit(Grant("client", "user", form.get("scope", "")), token)
                return reply
        try:
            if form["grant_type"] == "refresh_token":
                return Reply(200, grants.refresh(form.get("refresh_token", "")))
        except OAuth2Refusal as error:
            return Reply(400, {"error": error.code, "error_description": error.description})
        return Reply(200, grants.issue(Grant("client", "user", form.get("scope", "")), has_refresh=False))


class RefusingApi(Server):
    """An API that refuses all credentials: API requests with ``status``, token requests with an OAuth2 error."""

    def __init__(self, status: int) -> None:
        super().__init__(name="api")
        self._reply = Reply(status, {"error": "wrong credentials"})

    def answer(self, request: Request) -> Reply:
        """Return the refusal."""
        if not asks_for_token(request):
            return self._reply
        if request.form["grant_type"] in ("client_credentials", "password"):
            return Reply(401, {"error": "invalid_client"})
        return Reply(400, {"error": "invalid_grant"})


def asks_for_token(request: Request) -> bool:
    """Return whether a request is a token request."""
    is_form = "form" in (request.header("Content-Type") or "")
    return request.method == "POST" and is_form and b"grant_type=" in request.body


def answers_of(answers: Mapping[str, Any], otherwise: Any) -> Answer:
    """Return a function that replies to requests by their paths.

    Args:
        answers: By path or by method and path, ``"/contacts/{id}"`` or ``"POST /contacts"``: the body of the reply, a
            `Reply`, or a function of the request and the names in the path that returns one of these.
        otherwise: The body for all other requests.
    """
    routes = [(*_route(route), answer) for route, answer in answers.items()]

    def reply(request: Request) -> Reply:
        for method, pattern, answer in routes:
            if method in ("", request.method) and (match := pattern.fullmatch(request.path)):
                body = answer(request, **match.groupdict()) if callable(answer) else answer
                return body if isinstance(body, Reply) else Reply(200, body)
        return Reply(200, otherwise)

    return reply


def _route(text: str) -> tuple[str, re.Pattern[str]]:
    method, _, path = text.rpartition(" ")
    parts = re.split(r"\{(\w+)\}", path)
    pattern = "".join(f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return method.strip().upper(), re.compile(pattern)  # pattern: the author of a test writes it


def behind(server: Server) -> Answer:
    """Return a function that replies as the author's server does, with its faults; an `Api` gets a valid token."""

    def answer(request: Request) -> Reply:
        reply, _ = server.serve(server.admitted(request) if isinstance(server, Api) else request)
        return reply or Reply(503, {"error": "dropped"})

    return answer
