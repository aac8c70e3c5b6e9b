"""Requests as an author writes them: ``"PUT /contacts/{id}"``, with values encoded for their places."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from shipmate import urls

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_PLACEHOLDER: Final = re.compile(r"\{(\w+(?:\.\w+)*)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """A method, and a path below the API's base URL.

    >>> Route.parse("PATCH", default="/contacts/{id}").path({"id": "a/b?"})
    '/contacts/a%2Fb%3F'
    """

    method: str
    template: str

    @classmethod
    def parse(cls, text: str, *, default: str) -> "Route":
        """Return the route of a method, or of a method and a path.

        Args:
            text: ``"PATCH"`` or ``"PUT /contacts?match={criteria}"``.
            default: The path for a method alone.

        Raises:
            ValueError: The text does not begin with a method, or its path not with a slash.
        """
        method, _, path = text.strip().partition(" ")
        template = path.strip() or default
        if method not in METHODS or not template.startswith("/"):
            raise ValueError(f"expected a method and a path, such as 'PUT /contacts/{{id}}', found {text!r}")
        return cls(method, template)

    @property
    def names(self) -> frozenset[str]:
        """The names in the path."""
        return frozenset(_PLACEHOLDER.findall(self.template))

    def path(self, values: Mapping[str, Any], fields: Mapping[str, str] | None = None) -> str:
        """Return the path with its values, percent-encoded: no value can lead to another resource.

        Args:
            values: The values by placeholder.
            fields: The names for errors of the fields that have the values, where placeholders have other names.

        Raises:
            ValueError: A value is missing, empty, ``.`` or ``..``.
        """

        def filled(text: str, encode: Callable[[str], str]) -> str:
            return _PLACEHOLDER.sub(lambda match: _part(match[1], values, fields or {}, encode), text)

        path, mark, query = self.template.partition("?")
        return filled(path, urls.segment) + mark + filled(query, partial(quote, safe=""))


def text_of(value: Any) -> str:
    """Return a value as text in a URL.

    >>> text_of(True), text_of(0), text_of("a b")
    ('true', '0', 'a b')

    Raises:
        ValueError: The value is a list or an object.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"expected a text or a number, found {'nothing' if value is None else type(value).__name__}")


def parameter_text(value: Any) -> str:
    """Return the value of a parameter as text; JSON where it is a list or an object.

    >>> parameter_text([{"age": 29}]), parameter_text(True)
    ('[{"age": 29}]', 'true')
    """
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else text_of(value)


def _part(name: str, values: Mapping[str, Any], fields: Mapping[str, str], encode: Callable[[str], str]) -> str:
    try:
        return encode(text_of(values.get(name)))
    except ValueError as error:
        raise ValueError(f"{fields.get(name, name)}: {error}") from None
