"""Action: send one request and emit the response."""

from typing import Any

from rest.answers import read_body
from rest.api import connect
from shipmate import Context, Message, message
from shipmate.http.headers import HOP_BY_HOP
from shipmate.kit.values import choice, flag
from shipmate.session.answers import content_type, is_binary

# A message must not choose the account or the host, nor speak to the machines on the way.
_NOT_FOR_MESSAGES = HOP_BY_HOP | {"authorization", "cookie", "host", "content-length", "expect"}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Send the request that the message describes; see schemas/send_request.in.json."""
    wanted = msg["body"]
    if not isinstance(wanted, dict) or not isinstance(wanted.get("url"), str):
        raise ValueError("url: expected a URL or a path in the body of the message, found nothing")
    method = str(wanted.get("method") or cfg.get("method") or "GET").upper()
    response = connect(context, cfg).send(
        choice({"method": method}, "method", *METHODS),
        wanted["url"],
        params=_object(wanted, "query"),
        headers=_headers(wanted),
        body=wanted.get("body"),
        allow=range(400, 600) if flag(cfg, "emit_errors") else (),
    )
    answer = {
        "statusCode": response.status_code,
        "headers": {name.lower(): value for name, value in response.headers.items()},
    }
    if is_binary(response) and cfg.get("binary") == "attachment":
        attachment = context.attachments.upload("answer", response.content, content_type(response))
        context.emit("data", message({**answer, "body": None}, attachments={"answer": attachment}))
    else:
        context.emit("data", message({**answer, "body": read_body(response)}))


def _object(wanted: dict[str, Any], name: str) -> dict[str, Any]:
    value = wanted.get(name)
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"{name}: expected an object of names and values, found {type(value).__name__}")
    return value or {}


def _headers(wanted: dict[str, Any]) -> dict[str, str]:
    headers = {name: str(value) for name, value in _object(wanted, "headers").items() if value is not None}
    for name in headers:
        if name.strip().lower() in _NOT_FOR_MESSAGES:
            raise ValueError(f"headers: {name} is set by this component, leave it out")
    return headers
