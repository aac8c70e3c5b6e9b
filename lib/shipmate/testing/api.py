"""An emulated API in the place of all that a component under test talks to, the token endpoint included."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from shipmate.emulator import Api, Journal, OAuth2Provider, OAuth2Refusal, Reply, Request, Server
from shipmate.emulator.grants import Grant

_WORDS: Final = re.compile(r"[^\s,;=:\"']+")
_EXPIRED: Final = Reply(401, {"error": "invalid_token"}, {"WWW-Authenticate": 'Bearer error="invalid_token"'})

Answer = Callable[[Request], Reply]


class EmulatedApi(Server):
    """Answers requests whose token is good as ``behind`` does; it answers token requests itself.

    It takes requests without any token: which hosts need one is not known. Client credentials are not looked at.

    Args:
        provider: Issues the tokens; it need not run.
        behind: Answers what the API lets through.
        expired: What an expired or unknown token is answered.
        has_oauth2: Whether a bearer that the provider does not know is refused; without OAuth2 it is an API key.
    """

    def __init__(
        self,
        provider: OAuth2Provider,
        behind: Answer,
        *,
        expired: Reply | None = None,
        has_oauth2: bool = True,
        journal: Journal | None = None,
    ) -> None:
        super().__init__(name="api", journal=journal)
        self.provider = provider
        self.expired = expired or _EXPIRED
        self.refused: list[Request] = []
        """Requests whose token was not good."""
        self.accepted: list[Request] = []
        """Requests whose token was good."""
        self._behind = behind
        self._has_oauth2 = has_oauth2

    def answer(self, request: Request) -> Reply:
        """Return tokens, the refusal of a token, or what ``behind`` says."""
        if asks_for_token(request):
            return self._grant(request.form)
        state = self._state(request)
        if state == "none":
            return self._behind(request)
        if state != "valid":
            self.refused.append(request)
            return self.expired
        self.accepted.append(request)
        return self._behind(request)

    def _state(self, request: Request) -> str:
        """Tell what the token in a request is worth, wherever it is: in a header of any name, or in the URL."""
        words = [word for value in request.headers.values() for word in _WORDS.findall(value)]
        for word in (*words, *request.query.values()):
            if self.provider.grants.state(word) != "unknown":
                return self.provider.use(word)[0]
        return "unknown" if self._has_oauth2 and request.bearer is not None else "none"

    def _grant(self, form: Mapping[str, str]) -> Reply:
        grants = self.provider.grants
        try:
            if form["grant_type"] == "refresh_token":
                return Reply(200, grants.refresh(form.get("refresh_token", "")))
        except OAuth2Refusal as error:
            return Reply(400, {"error": error.code, "error_description": error.description})
        return Reply(200, grants.issue(Grant("client", "user", form.get("scope", "")), has_refresh=False))


class RefusingApi(Server):
    """Refuses all credentials, whatever they are: API keys, passwords and tokens with a status, refreshes by OAuth2."""

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
    """Tell whether a request is one to a token endpoint."""
    is_form = "form" in (request.header("Content-Type") or "")
    return request.method == "POST" and is_form and b"grant_type=" in request.body


def answers_of(answers: Mapping[str, Any], otherwise: Any) -> Answer:
    """Return what answers requests by their paths.

    Args:
        answers: By path or by method and path, as ``"/contacts/{id}"`` or ``"POST /contacts"``: the body of the
            answer, a `Reply`, or a function of the request, and of the names in the path, that makes either.
        otherwise: The body for all other requests.
    """
    places = [(*_place(place), given) for place, given in answers.items()]

    def answer(request: Request) -> Reply:
        for method, pattern, given in places:
            if method in ("", request.method) and (found := pattern.fullmatch(request.path)):
                made = given(request, **found.groupdict()) if callable(given) else given
                return made if isinstance(made, Reply) else Reply(200, made)
        return Reply(200, otherwise)

    return answer


def _place(text: str) -> tuple[str, re.Pattern[str]]:
    method, _, path = text.rpartition(" ")
    parts = re.split(r"\{(\w+)\}", path)
    pattern = "".join(f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return method.strip().upper(), re.compile(pattern)


def behind(server: Server) -> Answer:
    """Return the answers of a server of the author's, without the tokens that it may ask for, with its faults."""

    def answer(request: Request) -> Reply:
        if isinstance(server, Api):
            return Server.answer(server, request)
        reply, _ = server.serve(request)
        return reply or Reply(503, {"error": "dropped"})

    return answer
