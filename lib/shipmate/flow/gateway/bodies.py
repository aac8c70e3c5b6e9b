"""Makes the body and the attachments of a message from the body of a request."""

import mimetypes
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shipmate.errors import InvalidMessage
from shipmate.flow.gateway.forms import append, parse_form
from shipmate.flow.gateway.multipart import parameters, parse_multipart
from shipmate.flow.gateway.ports import Storage
from shipmate.flow.gateway.request import BadRequest
from shipmate.flow.gateway.xml_body import parse_xml
from shipmate.jsonvalue import InvalidJson, from_json, to_json
from shipmate.kit.files.names import unique_name

_EXTENSIONS: Final[Mapping[str, str]] = {
    "text/csv": "csv",
    "text/yaml": "yaml",
    "text/html": "html",
    "text/plain": "txt",
    "text/javascript": "js",
    "application/javascript": "js",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/gif": "gif",
    "image/bmp": "bmp",
}


@dataclass(frozen=True, slots=True)
class Content:
    """The body and the attachments of a message."""

    body: Any = field(repr=False)
    attachments: Mapping[str, Any] = field(default_factory=dict, repr=False)


def unpacked(data: bytes, codings: list[str], most_bytes: int) -> bytes:
    """Return the body of a request without its ``Content-Encoding``.

    Raises:
        BadRequest: The encoding is unknown, the data is malformed, or has more bytes than allowed.
    """
    if not codings or codings == ["identity"]:
        return data
    if codings not in (["gzip"], ["x-gzip"], ["deflate"]):
        raise BadRequest("expected a body without Content-Encoding, or with gzip or deflate", 415)
    packed = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # finds out whether it is gzip or zlib
    try:
        plain = packed.decompress(data, most_bytes + 1)
    except zlib.error:
        raise BadRequest("expected a packed body, found malformed data") from None
    if len(plain) > most_bytes:
        raise BadRequest(f"expected a body of at most {most_bytes} bytes, found more", 413)
    if not packed.eof:
        raise BadRequest("expected a complete packed body, found one that is cut off")
    return plain


def read_content(data: bytes, content_type: str | None, storage: Storage, *, is_raw: bool) -> Content:
    """Return the body and the attachments of a message.

    JSON, forms and XML become the body; the files of a form, and content of any other type, become attachments.

    Args:
        data: The body of the request.
        content_type: Its content type.
        storage: Stores the attachments.
        is_raw: Whether the body stays text, in the member ``rawData``.

    Raises:
        BadRequest: There is no content type, or the body does not fit it.
    """
    if not content_type:
        raise BadRequest("expected the header Content-Type", 415)
    kind, options = parameters(content_type)
    charset = options.get("charset")
    if is_raw:
        return Content({"rawData": _text(data, charset)})
    if kind == "application/json" or kind.endswith("+json"):
        return Content(_json(data))
    if kind == "application/x-www-form-urlencoded":
        return Content(parse_form(_text(data, charset)))
    if kind == "multipart/form-data":
        return _form(data, options.get("boundary", ""), storage)
    if kind.endswith(("/xml", "+xml")):
        return Content(parse_xml(data, charset))
    if kind == "text/plain" and data.lstrip()[:1] in (b"{", b"["):
        return Content(_json(data))
    extension = _EXTENSIONS.get(kind) or (mimetypes.guess_extension(kind) or ".bin")[1:]
    return Content({}, {f"payload.{extension}": _attachment(data, content_type, storage)})


def _json(data: bytes) -> Any:
    if not data.strip():
        return {}
    try:
        value = from_json(data)
        to_json(value)  # what is nested too deeply can be read, and not be written
    except (InvalidJson, InvalidMessage) as error:
        text = str(error) if isinstance(error, InvalidJson) else "a value that is nested too deeply"
        raise BadRequest(f"expected JSON, found {text}") from None
    return value


def _form(data: bytes, boundary: str, storage: Storage) -> Content:
    body: dict[str, Any] = {}
    attachments: dict[str, Any] = {}
    for part in parse_multipart(data, boundary):
        if part.filename is None:
            append(body, part.name, part.text)
        else:
            name = unique_name(part.filename, attachments)
            attachments[name] = _attachment(part.content, part.content_type, storage)
    return Content(body, attachments)


def _attachment(content: bytes, content_type: str, storage: Storage) -> dict[str, Any]:
    """Store a file, and return it as a message has it. Source: contract §8.7."""
    return {"content-type": content_type, "size": len(content), "url": storage.store(content, content_type)}


def _text(data: bytes, charset: str | None) -> str:
    try:
        return data.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):  # an unknown charset
        return data.decode("utf-8", "replace")
