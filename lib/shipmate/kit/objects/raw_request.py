"""The function that sends any request to an API."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from shipmate.invocation.message import Message, message
from shipmate.kit.objects.connection import Connection
from shipmate.kit.objects.errors import ValueMissing
from shipmate.kit.objects.fields import Schema
from shipmate.kit.objects.function import GeneratedFunction
from shipmate.kit.objects.members import is_missing
from shipmate.kit.objects.names import Names
from shipmate.kit.objects.views import Descriptor, check_box, entry
from shipmate.kit.values import flag

if TYPE_CHECKING:
    import requests

    from shipmate.invocation.context import Context

_NOT_FOUND = 404


class ApiOfRequests(Protocol):
    """An API that takes any request."""

    title: str
    methods: tuple[str, ...]

    def connect(self, context: "Context", cfg: Mapping[str, Any]) -> Connection:
        """Return a connection for an account."""
        ...


class RawRequest(GeneratedFunction):
    """Sends the request in a message, and emits the answer: status, headers and body."""

    def __init__(self, api: ApiOfRequests, names: Names) -> None:
        """Store the API."""
        super().__init__(names)
        self.api = api

    def run(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> Message:
        """Send the request of a message and return the answer.

        Raises:
            ApiError: The API answers with an error.
            ValueError: The message lacks a method or a URL, or the URL leads to another host.
        """
        from shipmate.kit.files.answered import answered_file, is_file  # requests: 97 ms
        from shipmate.session.answers import body_of, headers_of

        body = msg["body"]
        method = str(body.get("method") or "").upper()
        if method not in self.api.methods:
            raise ValueError(f"method: expected {', '.join(self.api.methods)}, found {method[:20] or 'none'}")
        if is_missing(body.get("url")):
            raise ValueMissing("url: expected a path or a URL, found none")
        allow = (_NOT_FOUND,) if flag(cfg, self.names.do_not_throw_404) else ()
        given = body.get("headers")
        headers = {str(name): str(value) for name, value in given.items()} if isinstance(given, Mapping) else {}
        streamed: dict[str, Any] = {"is_file": is_file} if method == "GET" else {}
        connection = self.api.connect(context, cfg)

        def send(more: Mapping[str, str]) -> "requests.Response":
            options = {"body": body.get("data") or None, "headers": {**headers, **more}, "allow": allow, **streamed}
            return connection.send(method, str(body["url"]), **options)

        response, attachments = send({}), None
        if streamed and response.status_code < 400 and is_file(response):
            answer, attachments = answered_file(context, response, send)
        else:
            answer = body_of(response)
        names = self.names
        found = {
            names.status: response.status_code,
            names.headers: headers_of(response),
            names.response_body: "" if answer is None else answer,
        }
        return message(found, attachments=attachments or None)

    def get_meta_model(self, context: "Context", cfg: Mapping[str, Any]) -> dict[str, Schema]:
        """Return the schemas, which no field changes."""
        return self._metadata()

    def descriptor(self) -> Descriptor:
        """Return the entry in ``component.json``."""
        note = "Then an answer with the status 404 is emitted like any other one"
        fields = {
            self.names.do_not_throw_404: check_box(self.names, "Don't throw error on 404 Response", note),
        }
        of_api = f" of {self.api.title}" if self.api.title else ""
        return entry(
            "Make Raw Request", f"Sends any request to the API{of_api}", fields, {"metadata": self._metadata()}
        )  # fmt: skip

    def _metadata(self) -> dict[str, Schema]:
        free: Schema = {"type": "object", "properties": {}}
        asked: Schema = {
            "method": {"title": "Method", "type": "string", "enum": list(self.api.methods), "required": True},
            "url": {"title": "URL", "type": "string", "required": True,
                    "help": {"description": "A path below the base URL, or a URL of the API"}},
            "data": {"title": "Request Body", **free},
            "headers": {"title": "Headers", **free},
        }  # fmt: skip
        names = self.names
        answered: Schema = {
            names.status: {"title": "Status Code", "type": "number", "required": True},
            names.headers: {"title": "HTTP headers", "required": True, **free},
            # Without a type: JSON of any kind, or text.
            names.response_body: {"title": "HTTP response body", "required": True},
        }
        return {
            "in": {"type": "object", "properties": asked},
            "out": {"type": "object", "properties": answered},
        }
