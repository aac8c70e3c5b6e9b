"""The members of an answer's body, in whatever charset and shape the provider writes it. Pure; no I/O.

Source: RFC 6749 §5.1, §5.2; RFC 8259 §8.1; RFC 9110 §8.3.
"""

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final
from urllib.parse import parse_qsl

from shipmate.jsonvalue import steps_of

_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?([\w.:+-]{1,40})", re.IGNORECASE)
# Python's own encodings, which no provider uses; decoding some of them takes more than linear time.
_NO_CHARSETS: Final = frozenset({"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"})
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FORM: Final = re.compile(r"[A-Za-z_][\w.-]*=")
_LONGEST_FORM: Final = 256 * 1024
_MOST_TEXTS: Final = 200
_LONGEST_PLAIN_TEXT: Final = 2000
_DESCRIPTIONS: Final = (
    "error_description",
    "errorDescription",
    "error_message",
    "errorMessage",
    "errorSummary",
    "description",
    "message",
    "msg",
    "detail",
    "title",
)


def read_members(body: bytes, content_type: str | None = None) -> dict[str, Any] | None:
    """Return the members of a JSON object or of a form; None for anything else.

    A rotated refresh token must not be lost because of a letter in another member, so each charset that is possible is
    tried.

    Args:
        body: The body.
        content_type: The header of this name.

    >>> read_members(b"access_token=a&scope=b+c")
    {'access_token': 'a', 'scope': 'b c'}
    """
    for text in _decoded(body, content_type):
        if (members := _members_of(text)) is not None:
            return members
    return None


def texts_in(members: Mapping[str, Any] | None, body: bytes) -> Iterator[str]:
    """Yield the texts in an answer after their names, at any depth; a short body without members is one text.

    >>> list(texts_in({"errors": {"refresh_token": ["is expired"]}}, b""))
    ['refresh_token is expired']
    """
    if members is None:
        if len(body) <= _LONGEST_PLAIN_TEXT:
            yield body.decode("utf-8", "replace")
        return
    pending: list[tuple[str, Any]] = [("", members)]
    found = 0
    while pending and found < _MOST_TEXTS:
        name, value = pending.pop()
        found += 1
        if isinstance(value, str):
            yield f"{name} {value}"[:_LONGEST_PLAIN_TEXT]
        elif isinstance(value, Mapping):
            pending += islice(((str(key), item) for key, item in value.items()), _MOST_TEXTS)
        elif isinstance(value, list):
            pending += ((name, item) for item in value[:_MOST_TEXTS])


def description_in(members: Mapping[str, Any] | None) -> str:
    """Return what an error answer says in words, empty if it says nothing. It may quote a secret.

    >>> description_in({"error": "invalid_request", "error_description": "no", "error_uri": "https://a.example/e"})
    'no (see https://a.example/e)'
    """
    if members is None:
        return ""
    error = members.get("error")
    places = [members, error] if isinstance(error, Mapping) else [members]
    texts = (place.get(name) for place in places for name in _DESCRIPTIONS)
    text = next((text for text in texts if isinstance(text, str) and text), "")
    uri = members.get("error_uri")
    return f"{text} (see {uri})".strip() if isinstance(uri, str) and uri else text


def members_at(pointer: str, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an answer with the members of the object at a JSON pointer at its top; unchanged without that object.

    >>> members_at("/user", {"ok": True, "user": {"access_token": "a"}})
    {'ok': True, 'user': {'access_token': 'a'}, 'access_token': 'a'}
    """
    found: Any = answer
    for step in steps_of(pointer):
        found = found.get(step) if isinstance(found, Mapping) else None
    return {**answer, **found} if isinstance(found, Mapping) else answer


def kind_of(body: bytes, members: Mapping[str, Any] | None) -> str:
    """Return in words what a body without an OAuth2 error is.

    >>> kind_of(b"<html>", None), kind_of(b"", None)
    ('an HTML page, which is neither JSON nor a form', 'an empty body')
    """
    if members is not None:
        return "an answer without an OAuth2 error"
    start = body[:1000].strip().lower()
    if not start:
        return "an empty body"
    if b"<html" in start or b"<!doctype html" in start:
        return "an HTML page, which is neither JSON nor a form"
    return f"{'an XML document' if start.startswith(b'<') else 'an answer'} that is neither JSON nor a form"


def _decoded(body: bytes, content_type: str | None) -> Iterator[str]:
    tried = set()
    for charset in _charsets(body, content_type):
        if charset in tried:
            continue
        tried.add(charset)
        try:
            yield body.decode(charset)
        except (LookupError, ValueError):
            continue


def _charsets(body: bytes, content_type: str | None) -> Iterator[str]:
    for bom, charset in _BOMS:
        if body.startswith(bom):
            yield charset
    declared = _CHARSET.search(content_type or "")
    if declared and _is_charset(declared[1]):
        yield declared[1].lower()
    yield "utf-8"
    yield json.detect_encoding(body)
    yield "latin-1"  # any bytes are text in it


def _is_charset(name: str) -> bool:
    try:
        return codecs.lookup(name).name.replace("-", "_") not in _NO_CHARSETS
    except (LookupError, ValueError):
        return False


def _members_of(text: str) -> dict[str, Any] | None:
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        return _read_form(text.strip())
    return members if isinstance(members, dict) else None


def _read_form(text: str) -> dict[str, Any] | None:
    # An HTML page may have an equals sign, too.
    if len(text) > _LONGEST_FORM or not _FORM.match(text) or "<" in text:
        return None
    return dict(parse_qsl(text, keep_blank_values=True)) or None
