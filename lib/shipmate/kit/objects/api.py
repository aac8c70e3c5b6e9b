"""An API as an author declares it: where it is, how it takes bodies, how an account is verified."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from shipmate.errors import ApiError
from shipmate.jsonvalue import member_at
from shipmate.kit.objects.connection import Connection
from shipmate.kit.objects.members import is_missing
from shipmate.kit.objects.names import Names, names_from
from shipmate.kit.objects.paging import Paging
from shipmate.kit.objects.raw_request import RawRequest
from shipmate.kit.objects.routes import text_of
from shipmate.oauth2.options import VARIABLE
from shipmate.session.diverted import Diverted
from shipmate.session.policy import Policy
from shipmate.settings import require
from shipmate.urls import MEMBER, HostPattern

if TYPE_CHECKING:
    from shipmate.invocation.context import Context
    from shipmate.invocation.message import Verdict

_FIRST: Final = re.compile(r"\{(\w+)\}")
_AUTHORITY: Final = re.compile(r"(https?)://([^/?#]*)", re.IGNORECASE)
_VERIFY_SECONDS: Final = 20.0


class Api:
    """An HTTP API: ``Api("{base_url}/v1", verify="/me")``.

    `raw_request` and `verify_credentials` are functions of a component as they are.
    """

    def __init__(
        self,
        base_url: str,
        *,
        verify: str = "/",
        verified_by: Sequence[int] = (),
        title: str = "",
        headers: Mapping[str, str] | None = None,
        sends_forms: bool = False,
        methods: Sequence[str] = ("GET", "POST", "PUT", "PATCH", "DELETE"),
        hosts: Sequence[str] | None = None,
        names: Names | Mapping[str, Any] | str | None = None,
        **session: Any,
    ) -> None:
        """Declare an API; nothing is sent.

        Args:
            base_url: The URL below which all paths are. ``{name}`` is a credential field, or a member of a token.
            verify: The path of a cheap GET request that any account may send, to verify credentials.
            verified_by: Statuses from 400 that verify credentials, too: ``(403,)`` for an API that answers 401 to wrong
                credentials, and 403 to an account which must not send the request of ``verify``.
            title: The name of the API in texts.
            headers: Headers of every request; ``{{NAME}}`` is the environment variable ``NAME``.
            sends_forms: Whether the API takes forms and not JSON.
            methods: The methods of raw requests.
            hosts: The hosts that may receive requests; that of ``base_url`` unless given.
            names: The ids and defaults of all functions: `Names`, changes of the newest ones, or a preset.
            **session: Options of ``context.session``: ``header="X-Key: {apiKey}"``, ``policy=Policy(attempts=2)``.

        Raises:
            ValueError: A URL or a name is not possible.
        """
        if not _FIRST.match(base_url) and not _AUTHORITY.match(base_url):
            raise ValueError(f"base_url: expected https://... or '{{base_url}}/...', found {base_url!r}")
        self.base_url = base_url.rstrip("/")
        self.title = title
        self.verify = verify
        self._verified_by = frozenset(verified_by)
        self.names = names_from(names, Names())
        self.methods = tuple(methods)
        self._headers = {"Accept": "application/json", **(headers or {})}
        self._variables = [name for value in self._headers.values() for name in VARIABLE.findall(value)]
        self._sends_forms = sends_forms
        self._hosts = tuple(hosts) if hosts is not None else _hosts_of(self.base_url)
        self._options = session

    def connect(self, context: "Context", cfg: Mapping[str, Any], **options: Any) -> Connection:
        """Return a connection for the account in ``cfg``: ``api.connect(context, cfg).get("/me")``.

        Args:
            context: The context of the call.
            cfg: The configuration of the call.
            options: Options of ``context.session`` in place of the declared ones.
        """
        # A tuple, by which the session finds its plan again.
        hosts: dict[str, Any] = {"hosts": self._hosts} if self._hosts else {}
        session = context.session(cfg, **{**hosts, **self._options, **options})
        session.headers.update(self._filled_headers())
        return Connection(session, self._base(session), sends_forms=self._sends_forms, hosts=self._hosts)

    def choices(
        self, path: str, *, key: str, label: str, pages: Paging | None = None, params: Mapping[str, Any] | None = None
    ) -> "Callable[[Context, Mapping[str, Any]], dict[str, str]]":
        """Return a select model with all records of a list: ``api.choices("/groups", key="id", label="name")``.

        Args:
            path: The path of the list.
            key: The path of the value in a record.
            label: The path of what a person sees; a record without it shows its value.
            pages: How the list comes, in one answer unless given.
            params: Parameters of the query.
        """

        def model(context: "Context", cfg: Mapping[str, Any]) -> dict[str, str]:
            connection = self.connect(context, cfg).reading()
            records = connection.all(path, pages=pages, params=params or {})
            found = ((text_of(member_at(each, key)), member_at(each, label)) for each in records)
            return {value: value if is_missing(shown) else str(shown) for value, shown in found}

        model.__name__ = re.sub(r"\W+", "_", path).strip("_")
        return model

    @property
    def raw_request(self) -> RawRequest:
        """The function that sends any request."""
        return RawRequest(self, self.names)

    def available(self) -> dict[str, str]:
        """Return the functions of the API, and their ids in new components."""
        return {"raw_request": "makeRawRequest"}

    def verify_credentials(self, context: "Context", credentials: Mapping[str, Any]) -> "Verdict":
        """Verify credentials with one request; ``verify_credentials.py`` imports this function."""
        connection = self.connect(context, credentials, policy=Policy(attempts=2, budget_seconds=_VERIFY_SECONDS))
        try:
            response = connection.get(self.verify, allow=range(400, 600), total_timeout_seconds=_VERIFY_SECONDS)
        except (ApiError, Diverted) as error:
            return {"verified": False, "reason": f"the API cannot be reached: {error}"}
        status = response.status_code
        if status < 400:
            return {"verified": True}
        said = connection.session.error_of(response).reason
        if status in self._verified_by:
            context.logger.warning("the credentials are valid, but not for all requests", extra={"status": status})
            return {"verified": True}
        return {"verified": False, "reason": self._reason(status) + (f": {said}" if said else "")}

    def oauth2_options(self) -> dict[str, Any] | None:
        """Return the options of OAuth2, None if the options name another way to prove the account."""
        given, auth = self._options, self._options.get("auth", "oauth2")
        is_other = "query" in given or "basic" in given or "{access_token}" not in given.get("header", "{access_token}")
        if is_other or "oauth2" not in ((auth,) if isinstance(auth, str) else auth):
            return None
        return {name: value for name, value in given.items() if name not in ("auth", "policy", "read_error")}

    def missing_fields(self, view_classes: Mapping[str, Any], *, has_oauth2: bool) -> Iterator[str]:
        """Yield what the API needs and the credential fields of a component lack, one sentence for each.

        Args:
            view_classes: The view class of each credential field.
            has_oauth2: Whether the component has ``credentials.oauth2``.
        """
        from shipmate.session.ways import way_from, ways_in  # requests: 97 ms

        ways = ways_in(view_classes, has_oauth2=has_oauth2 or "token_url" in self._options)
        kinds = {way.kind for way in ways}
        options: tuple[Literal["header", "query", "basic"], ...] = ("header", "query", "basic")
        for option in options:
            template = self._options.get(option)
            if not isinstance(template, str) or "{access_token}" in template:
                continue
            for name in MEMBER.findall(template):
                if name not in view_classes:
                    yield f"expected the field {name!r}, which Api({option}=...) sends, found none"
            kinds.add(way_from(option, template).kind)
        given = self._options.get("auth", ())
        for kind in (given,) if isinstance(given, str) else given:
            if kind not in kinds and kind != "none":
                yield f"expected fields for {kind}, which Api(auth=...) names, found none with a known name"
        if "oauth2" not in kinds:  # a token may have further members
            for name in MEMBER.findall(self.base_url):
                if name not in view_classes:
                    yield f"expected the field {name!r}, which the base URL of Api needs, found none"

    def _filled_headers(self) -> dict[str, str]:
        """Return the headers with environment variables filled in.

        Raises:
            MissingSetting: A variable is not set; the text names all of them.
        """
        if not self._variables:
            return self._headers
        require(os.environ, *self._variables, reason="Api(headers=...) sends it")
        return {name: VARIABLE.sub(lambda match: os.environ[match[1]], value) for name, value in self._headers.items()}

    def _base(self, session: Any) -> str:
        """Return the base URL; a slash at the end of a URL that a person typed in is dropped."""
        match = _FIRST.match(self.base_url)
        value = session.fields.get(match[1]) if match else None
        if match is None or not isinstance(value, str) or not value.endswith("/"):
            return self.base_url
        return value.strip().rstrip("/") + self.base_url[match.end() :]

    def _reason(self, status: int) -> str:
        if status == 401:
            return "the API refuses the credentials (401)"
        if status == 403:
            return f"the API knows the account and does not allow it GET {self.verify} (403)"
        if status == 404:
            return f"the API does not have GET {self.verify} (404), check the URL"
        return f"the API answered {status} to GET {self.verify}"


def _hosts_of(base_url: str) -> tuple[str, ...]:
    """Return the hosts that a base URL names; none if a part of its host is a placeholder."""
    if match := _FIRST.match(base_url):
        return (match[0],)
    match = _AUTHORITY.match(base_url)
    host = match[0] if match else ""
    return (host,) if HostPattern.parse(host) else ()
