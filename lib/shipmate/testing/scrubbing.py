"""Removal of secrets from the recordings of vcrpy."""

import copy
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from shipmate.jsonvalue import BOM
from shipmate.logs.redaction import MASK, Redactor, is_secret_name
from shipmate.testing.routes import is_on_this_machine

# Recorded in clear; any other header may hold a secret.
_HARMLESS_HEADERS: Final = frozenset(
    {"accept", "accept-encoding", "accept-language", "allow", "cache-control", "connection", "content-encoding"}
    | {"content-language", "content-length", "content-type", "date", "etag", "expires", "host", "last-modified"}
    | {"link", "location", "pragma", "retry-after", "server", "transfer-encoding", "user-agent", "vary"}
)
_SECRET_PARAMETERS: Final = frozenset({"code", "assertion", "client_assertion", "sig", "signature", "state"})
_ELEMENT: Final = re.compile(r"(?P<start><(?:\w++:)?(?P<name>\w++)[^<>]*+>)[^<]++</")
# Lets zlib detect gzip and deflate.
_WINDOW: Final = 32 + zlib.MAX_WBITS


def scrubbed(recorded: Any) -> Any:
    """Return a request or response of vcrpy without tokens, passwords and authorization; for both of its hooks.

        vcr.VCR(before_record_request=scrubbed, before_record_response=scrubbed)

    It returns None for a request to a server on this machine, such as the emulator's, which is then not recorded.
    """
    return _response(recorded) if isinstance(recorded, dict) else _request(recorded)


def _request(recorded: Any) -> Any:
    if is_on_this_machine(urlsplit(recorded.uri).hostname):
        return None
    body = _body(_read(recorded.body), _content_type(recorded.headers))
    # Without Content-Length: it differs with the length of a secret, and requests would not match their recording.
    others = {name: value for name, value in recorded.headers.items() if name.lower() != "content-length"}
    headers = {name: _header(name, value) for name, value in others.items()}
    return type(recorded)(recorded.method, _url(recorded.uri), body, headers)


def _read(body: Any) -> Any:
    """Return a body, as bytes if it is a stream; vcrpy returns a new stream on each access."""
    if hasattr(body, "read"):
        return body.read()
    return b"".join(body) if isinstance(body, Iterator) else body


def _response(recorded: dict[str, Any]) -> dict[str, Any]:
    response = copy.deepcopy(recorded)
    headers = {name: _header(name, value) for name, value in recorded["headers"].items()}
    content = recorded["body"].get("string")
    if content is not None:
        content, is_plain = _decompressed(content, headers)
        response["body"]["string"] = _body(content, _content_type(headers)) if is_plain else MASK.encode()
        length = str(len(response["body"]["string"]))
        headers = {name: [length] if name.lower() == "content-length" else value for name, value in headers.items()}
        headers = {name: value for name, value in headers.items() if name.lower() != "content-encoding"}
    response["headers"] = headers
    return response


def _decompressed(content: Any, headers: Mapping[str, Any]) -> tuple[Any, bool]:
    """Return the decompressed content and True, or the content as it is and False if its encoding is unknown."""
    encoding = _one(headers, "content-encoding")
    if not encoding or encoding == "identity" or not content:
        return content, True
    try:
        return zlib.decompress(content, _WINDOW), True
    except zlib.error:
        return content, False


def _body(body: Any, content_type: str) -> Any:
    if isinstance(body, bytes):
        try:
            return _text(body.decode(), content_type).encode()
        except UnicodeDecodeError:
            return body  # binary, for example an image
    return body and _text(body, content_type)


def _text(text: str, content_type: str) -> str:
    redactor = Redactor()
    try:
        value = json.loads(text.removeprefix(BOM))
    except ValueError:
        if "form" in content_type:
            return _query(text)
        return redactor.redact(_ELEMENT.sub(_element, text))
    return json.dumps(_json(value, redactor)) if isinstance(value, dict | list) else redactor.redact(text)


def _element(match: re.Match[str]) -> str:
    return f"{match['start']}{MASK}</" if _is_secret(match["name"]) else match[0]


def _json(value: Any, redactor: Redactor) -> Any:
    """Mask members with the name of a secret, at any depth and of any type."""
    if isinstance(value, dict):
        return {
            name: MASK if _is_secret(name) and member not in (None, "") else _json(member, redactor)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_json(member, redactor) for member in value]
    return redactor.redact(value) if isinstance(value, str) else value


def _query(text: str) -> str:
    pairs = parse_qsl(text, keep_blank_values=True)
    return urlencode(
        [(name, MASK if _is_secret(name) else Redactor().redact(value)) for name, value in pairs], safe="*"
    )


def _url(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, _query(parts.query) if parts.query else "", ""))


def _header(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_header(name, each) for each in value]
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    if name.lower() in ("location", "link"):
        return _url(text) if name.lower() == "location" else Redactor().redact(text)
    return value if name.lower() in _HARMLESS_HEADERS and Redactor().redact(text) == text else MASK


def _content_type(headers: Mapping[str, Any]) -> str:
    return _one(headers, "content-type")


def _one(headers: Mapping[str, Any], lower_name: str) -> str:
    """Return the first value of a header, empty if there is none."""
    for name, value in headers.items():
        if name.lower() == lower_name:
            first = value[0] if isinstance(value, list) and value else value
            return first.decode("latin-1") if isinstance(first, bytes) else str(first)
    return ""


def _is_secret(name: str) -> bool:
    return name.lower() in _SECRET_PARAMETERS or is_secret_name(name)
