"""Checks a message against the metadata of its function, and makes sample messages."""

import logging
from typing import Any, Final

from shipmate.component import Component, Function
from shipmate.errors import BadInput, DescriptorError

_LOG: Final = logging.getLogger("shipmate.local")


def check_body(component: Component, function: Function, body: Any, *, is_strict: bool) -> None:
    """Compare the body of a message with the ``in`` metadata of its function, and log each difference as a warning.

    Args:
        component: The component.
        function: The function that the message is for; without metadata it takes every body.
        body: The body of the message.
        is_strict: Whether a difference is an error instead of a warning.

    Raises:
        BadInput: The check is strict, and the body does not fit.
        DescriptorError: The check is strict, and the metadata cannot be read.
    """
    try:
        differences = _differences(component, function, body)
    except DescriptorError as error:
        if is_strict:
            raise
        _LOG.warning("The message was not checked: %s", error)
        return
    if differences and is_strict:
        raise BadInput(f"the body of the message does not fit the metadata of {function.id}: {'; '.join(differences)}")
    for difference in differences:
        _LOG.warning("The body of the message does not fit the metadata of %s: %s", function.id, difference)


def sample_message(component: Component, function: Function) -> dict[str, Any]:
    """Return a message with a sample body that fits the ``in`` metadata of a function.

    Raises:
        BadInput: The function has no such metadata.
        DescriptorError: The metadata cannot be read.
    """
    if not _has_input_metadata(function):
        found = "dynamic metadata only" if function.dynamic_metadata else "none"
        raise BadInput(f'expected "in" metadata to make a message from, found {found} for {function.id}')
    from shipmate.component import metadata

    schema = metadata.schema_of(component, function, "in")
    return {"headers": {}, "body": metadata.sample(schema if schema is not None else {})}


def _differences(component: Component, function: Function, body: Any) -> list[str]:
    if not _has_input_metadata(function):
        return []
    from shipmate.component import metadata  # 70 ms with jsonschema

    schema = metadata.schema_of(component, function, "in")
    return [f"{pointer or '/'}: {text}" for pointer, text in metadata.problems(schema, body)] if schema else []


def _has_input_metadata(function: Function) -> bool:
    return bool(function.metadata and function.metadata.get("in"))
