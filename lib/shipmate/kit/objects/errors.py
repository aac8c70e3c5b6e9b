"""The errors of generated functions, which concern one message."""

from collections.abc import Container, Iterator
from contextlib import contextmanager


class NothingFound(LookupError):
    """No object has the value, and the step's fields do not allow that."""


class MoreThanOneFound(LookupError):
    """Several objects have a value that should be unique."""


class ValueMissing(ValueError):
    """The message lacks a value that the function needs."""


class UnexpectedAnswer(ValueError):
    """The API's answer does not fit the declaration of its resource."""


def nothing_with(title: str, field: str) -> str:
    """Return the text for no object with a value in a unique field; it names no value, which may be personal data.

    >>> nothing_with("Contact", "email")
    'Contact: nothing found with this email'
    """
    return f"{title}: nothing found with this {field}"


@contextmanager
def naming_fields(fields: Container[str]) -> Iterator[None]:
    """Name the field of the step that an author's function needs, where its own error has the name alone.

    Args:
        fields: The fields of the step that are not filled in.

    Raises:
        ValueMissing: The function has read one of them: ``cfg["module"]``.
    """
    try:
        yield
    except KeyError as error:
        if error.args and isinstance(error.args[0], str) and error.args[0] in fields:
            raise ValueMissing(f"{error.args[0]}: expected a value in this field of the step, found none") from error
        raise
