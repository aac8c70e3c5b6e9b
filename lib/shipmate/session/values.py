"""Reads numbers that a person has typed into a form: they arrive as texts, and may be missing or empty."""

from collections.abc import Mapping
from typing import Any

from shipmate.errors import BadInput


def number(fields: Mapping[str, Any], name: str, default: float, *, least: float, most: float) -> float:
    """Return the number in a field; a field that is missing, None or empty has the default.

    >>> [number({"retries": text}, "retries", 5, least=0, most=10) for text in (" 3 ", "", None)]
    [3.0, 5, 5]

    Args:
        fields: The fields of a credential or of a step.
        name: The name of the field.
        default: The value without one.
        least: The smallest allowed number.
        most: The largest allowed number.

    Raises:
        BadInput: The field has no number, or one that is not allowed; the text names the field and the limits.
    """
    given = fields.get(name)
    text = "" if given is None else str(given).strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if isinstance(given, bool) or not least <= value <= most:
        raise BadInput(f"{name}: expected a number from {least:g} to {most:g}, found {text[:30]!r}")
    return value
