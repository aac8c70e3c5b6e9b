"""Reads XML as JSON, as the platform's gateway does; refuses entities and document types."""

from typing import Any, Final
from xml.parsers import expat

from shipmate.flow.gateway.forms import append
from shipmate.flow.gateway.request import BadRequest

_ATTRIBUTES: Final = "_attr"
_TEXT: Final = "_"
_DEEPEST: Final = 100


def parse_xml(data: bytes, encoding: str | None = None) -> dict[str, Any]:
    """Return an XML document as an object with the root element.

    Attributes are in ``_attr``, the text beside attributes or elements in ``_``; a repeated element is a list, one
    alone is not; ``:`` in names becomes ``-``; text keeps its white space.

    Args:
        data: The document.
        encoding: The encoding that the content type names; otherwise the document names it.

    Raises:
        BadRequest: The document is malformed, declares a document type, or is nested too deeply.

    >>> parse_xml(b'<a:order id="7"><item>x</item><item/></a:order>')
    {'a-order': {'_attr': {'id': '7'}, 'item': ['x', '']}}
    """
    try:
        reader = _Reader(expat.ParserCreate(encoding))
        return reader.read(data)
    except (expat.ExpatError, ValueError, LookupError) as error:
        place = f" at line {error.lineno}, column {error.offset + 1}" if isinstance(error, expat.ExpatError) else ""
        raise BadRequest(f"expected XML, found an error{place}") from None


class _Reader:
    """Builds the object while expat reads; the stack has the open elements."""

    def __init__(self, parser: "expat.XMLParserType") -> None:
        self._parser = parser
        self._root: dict[str, Any] = {}
        self._stack: list[tuple[str, dict[str, Any], list[str]]] = []
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse_document_type

    def read(self, data: bytes) -> dict[str, Any]:
        self._parser.Parse(data, True)
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._stack) == _DEEPEST:
            raise BadRequest(f"expected XML with at most {_DEEPEST} levels, found more")
        members = {_ATTRIBUTES: {_name(each): value for each, value in attributes.items()}} if attributes else {}
        self._stack.append((_name(name), members, []))

    def _text(self, text: str) -> None:
        if self._stack:
            self._stack[-1][2].append(text)

    def _end(self, _: str) -> None:
        name, members, texts = self._stack.pop()
        text = "".join(texts)
        if text.strip() and members:
            members[_TEXT] = text
        parent = self._stack[-1][1] if self._stack else self._root
        append(parent, name, members or text)


def _name(name: str) -> str:
    return name.replace(":", "-")


def _refuse_document_type(*_: object) -> None:
    """Refuse ``<!DOCTYPE``: only there can entities be declared, which may grow without bounds or name files."""
    raise BadRequest("expected XML without a document type, found <!DOCTYPE")
