"""Reads forms with files in linear time.

Source: RFC 7578, RFC 2046 §5.1.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from shipmate.flow.gateway.request import BadRequest

_MOST_PARTS: Final = 1000
_LONGEST_HEAD: Final = 8 * 1024
_LONGEST_BOUNDARY: Final = 70
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Part:
    """A field or a file of a form."""

    name: str
    filename: str | None
    """The name of the file without folders, None for a field."""
    content_type: str
    content: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The value of a field."""
        return self.content.decode("utf-8", "replace")


def parameters(header: str) -> tuple[str, dict[str, str]]:
    """Return the value of a header in lower case, and its parameters.

    >>> parameters('Form-Data; name="a;b"; filename="b.csv"')
    ('form-data', {'name': 'a;b', 'filename': 'b.csv'})
    >>> parameters("form-data; filename=a.csv; filename*=UTF-8''%c3%bc.csv")
    ('form-data', {'filename': 'ü.csv'})

    Source: RFC 2045 §5.1, RFC 5987 §3.2.
    """
    value, _, rest = header.partition(";")
    found: dict[str, str] = {}
    while rest:
        name, equals, rest = rest.partition("=")
        rest = rest.lstrip()
        if not equals:
            break
        text, rest = _quoted(rest[1:]) if rest.startswith('"') else _until_semicolon(rest)
        name = name.strip().lower()
        if name.endswith("*"):
            charset, _, encoded = text.partition("'")
            name, text = name[:-1], _percent_decoded(encoded.partition("'")[2], charset)
            found.pop(name, None)  # this form wins over the plain one
        found.setdefault(name, text)
    return value.strip().lower(), found


def _quoted(text: str) -> tuple[str, str]:
    """Return a quoted text, which begins behind its first quote, and the rest behind the next semicolon."""
    letters = []
    position = 0
    while position < len(text) and text[position] != '"':
        # A backslash escapes quotes only: browsers do not escape those of Windows paths.
        position += text.startswith('\\"', position)
        letters.append(text[position])
        position += 1
    return "".join(letters), text[position:].partition(";")[2]


def _until_semicolon(text: str) -> tuple[str, str]:
    value, _, rest = text.partition(";")
    return value.strip(), rest


def _percent_decoded(text: str, charset: str) -> str:
    try:
        return unquote(text, encoding=charset or "utf-8", errors="replace")
    except LookupError:  # an unknown charset
        return unquote(text, errors="replace")


def parse_multipart(body: bytes, boundary: str) -> Iterator[Part]:
    """Yield the parts of a form.

    Args:
        body: The body of the request.
        boundary: The parameter ``boundary`` of its content type.

    Raises:
        BadRequest: The form is malformed, or has too many parts.
    """
    if not 1 <= len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii():
        raise BadRequest("expected a boundary of 1 to 70 characters in the content type")
    delimiter = b"\r\n--" + boundary.encode("ascii")
    # The first delimiter needs no line feed before it.
    data = b"\r\n" + body
    position = data.find(delimiter)
    for _ in range(_MOST_PARTS + 1):
        if position < 0:
            raise BadRequest("expected the closing boundary of the form, found the end of the body")
        start = position + len(delimiter)
        if data.startswith(b"--", start):
            return
        position = data.find(delimiter, start)
        if position >= 0:
            yield _part(data, start, position)
    raise BadRequest(f"expected at most {_MOST_PARTS} fields and files, found more")


def _part(data: bytes, start: int, end: int) -> Part:
    head_end = data.find(b"\r\n\r\n", start, min(end, start + _LONGEST_HEAD))
    if head_end < 0:
        raise BadRequest("expected the headers of a field, and an empty line behind them")
    headers: dict[str, str] = {}
    for line in data[start:head_end].split(b"\r\n"):
        name, _, value = line.partition(b":")
        headers[name.strip().lower().decode("latin-1")] = value.strip().decode("utf-8", "replace")
    kind, given = parameters(headers.get("content-disposition", ""))
    if kind != "form-data" or "name" not in given:
        raise BadRequest("expected a field with content-disposition: form-data and a name")
    filename = _file_name(given["filename"]) if "filename" in given else None
    content_type = headers.get("content-type", "text/plain" if filename is None else "application/octet-stream")
    return Part(given["name"], filename, content_type, data[head_end + 4 : end])


def _file_name(name: str) -> str:
    """Return a file's name without folders and control characters.

    >>> _file_name("../../etc/passwd"), _file_name("C:\\\\a\\\\b.csv"), _file_name("..")
    ('passwd', 'b.csv', 'file')
    """
    base = name.replace("\\", "/").rpartition("/")[2]
    printable = "".join(each for each in base if each.isprintable())[:_LONGEST_NAME]
    return printable if printable.strip(". ") else "file"
