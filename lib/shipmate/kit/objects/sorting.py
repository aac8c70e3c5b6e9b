"""How an API takes the order of a list."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

DIRECTIONS: Final = ("asc", "desc")
Template = str | Callable[[str, str], Any]


@dataclass(frozen=True, slots=True)
class Sorting:
    """How an API takes the order of a list: `sorting` makes it."""

    templates: Mapping[str, Template]
    directions: tuple[str, str]
    separator: str

    def params(self, orders: Sequence[tuple[str, str]]) -> list[tuple[str, Any]]:
        """Return the parameters for fields and their directions.

        >>> sorting(sort="{direction}{field}", directions=("", "-")).params([("name", "asc"), ("age", "desc")])
        [('sort', 'name,-age')]
        """
        if not orders:
            return []
        words = dict(zip(DIRECTIONS, self.directions, strict=True))
        return [(name, self._value(template, orders, words)) for name, template in self.templates.items()]

    def _value(self, template: Template, orders: Sequence[tuple[str, str]], words: Mapping[str, str]) -> Any:
        if callable(template):
            return [template(field, words[direction]) for field, direction in orders]
        return self.separator.join(_filled(template, field, words[direction]) for field, direction in orders)


def sorting(*, directions: tuple[str, str] = DIRECTIONS, separator: str = ",", **templates: Template) -> Sorting:
    """Declare how an API takes the order of a list: ``sorting(sort="{field}:{direction}")``.

    Args:
        directions: The words of the API for ascending and descending: ``("", "-")`` with ``"{direction}{field}"``.
        separator: What separates several fields.
        **templates: The parameters, and their forms with ``{field}`` and ``{direction}``; for JSON a function of both.

    Raises:
        ValueError: No parameter has a field.
    """
    if not any(callable(template) or "{field}" in template for template in templates.values()):
        raise ValueError(f"sorting: expected a parameter such as sort='{{field}}:{{direction}}', found {templates!r}")
    return Sorting(dict(templates), directions, separator)


def _filled(template: str, field: str, direction: str) -> str:
    return template.replace("{direction}", direction).replace("{field}", field)
