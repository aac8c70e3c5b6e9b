"""Checks a message against the metadata of its function, and makes sample messages."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from shipmate.component import Component, Function
from shipmate.errors import BadInput, DescriptorError
from shipmate.jsonvalue import kind_of

_LOG: Final = logging.getLogger("shipmate.local")


CallModel = Callable[[], Any]
"""Returns what ``get_meta_model`` returns."""


def check_body(
    component: Component, function: Function, body: Any, *, is_strict: bool, call_model: CallModel | None = None
) -> None:
    """Compare the body of a message with the ``in`` metadata of its function, and log each difference as a warning.

    Args:
        component: The component.
        function: The function that the message is for; without metadata it takes every body.
        body: The body of the message.
        is_strict: Whether a difference is an error instead of a warning.
        call_model: Called for dynamic metadata, which is not looked at without it.

    Raises:
        BadInput: The check is strict, and the body does not fit.
        DescriptorError: The check is strict, and the metadata cannot be read.
    """
    try:
        differences = _differences(component, function, body, call_model)
    except DescriptorError as error:
        if is_strict:
            raise
        _LOG.warning("The message was not checked: %s", error)
        return
    if differences and is_strict:
        raise BadInput(f"the body of the message does not fit the metadata of {function.id}: {'; '.join(differences)}")
    for difference in differences:
        _LOG.warning("The body of the message does not fit the metadata of %s: %s", function.id, difference)


def sample_message(component: Component, function: Function, *, call_model: CallModel | None = None) -> dict[str, Any]:
    """Return a message with a sample body that fits the ``in`` metadata of a function.

    Args:
        component: The component.
        function: The function that the message is for.
        call_model: Called for dynamic metadata.

    Raises:
        BadInput: The function has no such metadata.
        DescriptorError: The metadata cannot be read.
    """
    schema = _schema(component, function, call_model)
    if schema is None:
        found = "dynamic metadata without it" if function.dynamic_metadata else "none"
        raise BadInput(f'expected "in" metadata to make a message from, found {found} for {function.id}')
    from shipmate.component import metadata

    with _metadata_of(function):
        return {"headers": {}, "body": metadata.sample(schema)}


def _differences(component: Component, function: Function, body: Any, call_model: CallModel | None) -> list[str]:
    schema = _schema(component, function, call_model)
    if not schema:
        return []
    from shipmate.component import metadata  # 70 ms with jsonschema

    with _metadata_of(function):
        return [f"{pointer or '/'}: {text}" for pointer, text in metadata.problems(schema, body)]


@contextmanager
def _metadata_of(function: Function) -> Iterator[None]:
    """Name the function in the error of a schema that cannot be used."""
    try:
        yield
    except DescriptorError as error:
        raise DescriptorError(f'"in" metadata of {function.id}: {error}') from error


def _schema(component: Component, function: Function, call_model: CallModel | None) -> Any:
    """Return the ``in`` schema of a function, None without one."""
    if function.metadata and function.metadata.get("in"):
        from shipmate.component import metadata

        schema = metadata.schema_of(component, function, "in")
        return schema if schema is not None else {}
    if not function.dynamic_metadata or call_model is None:
        return None
    from shipmate.component import metadata

    answer = call_model()
    schema = answer.get("in") if isinstance(answer, Mapping) else None
    if schema is not None and not isinstance(schema, Mapping):
        raise BadInput(f'expected a schema as "in" of get_meta_model of {function.id}, found {kind_of(schema)}')
    return metadata.to_draft4(schema) if schema is not None else None
