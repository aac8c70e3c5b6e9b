"""Maps the message of one step to the input of the next."""

from collections.abc import Mapping as Members
from typing import Any, Final

from shipmate.flow.dialect.values import UNDEFINED
from shipmate.flow.expressions import TIMEOUT_SECONDS, Expression, ExpressionError, Scope
from shipmate.jsonvalue import pointer_to

_NOT_KEPT: Final = frozenset({"x-ipaas-object-storage-id", "x-eio-routing-key"})
"""The headers of the message before the mapping that would name a wrong body, or send it elsewhere."""


class Mapping:
    """A compiled mapping; any number of threads may apply it at once."""

    __slots__ = ("_edge", "_parts", "_pointer")

    def __init__(self, parts: Any, pointer: str, edge: str) -> None:
        """Store the compiled parts; `Mapping.compile` makes them."""
        self._parts = parts
        self._pointer = pointer
        self._edge = edge

    @classmethod
    def compile(cls, mapper: Any, pointer: str, *, edge: str = "") -> "Mapping":
        """Compile a mapping.

        Args:
            mapper: One expression for the whole body, or an object: texts in it are expressions, objects and lists
                have the shape of the result, anything else is a constant.
            pointer: The JSON pointer of the mapper in the flow file, for errors.
            edge: The steps that the mapping is between, for errors: ``step_1 to step_2``.

        Raises:
            ExpressionError: An expression has an error.
        """
        mapping = cls(None, pointer, edge)
        mapping._parts = mapping._compiled(mapper, "")
        return mapping

    def apply(
        self,
        message: Members[str, Any],
        *,
        sender: str | None = None,
        variables: Members[str, Any] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> dict[str, Any]:
        """Return the mapped message: with its body, without its passthrough, which the runtime adds.

        Args:
            message: The message of the sender.
            sender: The id of the step that sent it, for ``$getPassthrough()``.
            variables: The variables of the flow.
            timeout_seconds: The time that each expression may take.

        Raises:
            ExpressionError: An expression failed; the text has the edge, the field and the expression.

        >>> mapping = Mapping.compile({"to": "mail", "name": {"first": "first"}, "phone": "phone"}, "/mapper")
        >>> mapping.apply({"id": "1", "body": {"mail": "ada@example.test", "first": "Ada"}})
        {'id': '1', 'body': {'to': 'ada@example.test', 'name': {'first': 'Ada'}}}
        """
        body = message.get("body")
        try:
            scope = Scope(
                {} if body is None else body,
                passthrough=_members(message.get("passthrough")),
                variables=variables,
                sender=None if sender is None else (sender, message),
            )
        except ExpressionError as error:
            raise self._located(error, "") from None
        result = self._value(self._parts, scope, "", timeout_seconds)
        mapped = {name: value for name, value in message.items() if name != "passthrough"}
        if isinstance(headers := mapped.get("headers"), dict):
            mapped["headers"] = {name: value for name, value in headers.items() if name.lower() not in _NOT_KEPT}
        mapped["body"] = {} if result is UNDEFINED else result
        return mapped

    def _compiled(self, part: Any, field: str) -> Any:
        if isinstance(part, str):
            try:
                return Expression.compile(part)
            except ExpressionError as error:
                raise self._located(error, field) from None
        if isinstance(part, Members):
            return {name: self._compiled(member, field + pointer_to(name)) for name, member in part.items()}
        if isinstance(part, list):
            return [self._compiled(member, field + pointer_to(index)) for index, member in enumerate(part)]
        return part

    def _value(self, part: Any, scope: Scope, field: str, timeout_seconds: float) -> Any:
        if isinstance(part, Expression):
            try:
                return part.evaluate_in(scope, timeout_seconds=timeout_seconds)
            except ExpressionError as error:
                raise self._located(error, field) from None
        if isinstance(part, dict):
            return self._object(part, scope, field, timeout_seconds)
        if isinstance(part, list):
            members = [
                self._value(member, scope, field + pointer_to(index), timeout_seconds)
                for index, member in enumerate(part)
            ]
            return [member for member in members if member is not UNDEFINED]
        return part

    def _object(self, part: dict[str, Any], scope: Scope, field: str, timeout_seconds: float) -> dict[str, Any]:
        """Return an object without the members that are undefined."""
        values = {}
        for name, member in part.items():
            value = self._value(member, scope, field + pointer_to(name), timeout_seconds)
            if value is not UNDEFINED:
                values[name] = value
        return values

    def _located(self, error: ExpressionError, field: str) -> ExpressionError:
        """Return an error that names the edge and the field as well."""
        edge = f"Mapping {self._edge}, " if self._edge else ""
        text = f"{edge}{self._pointer}{field}: {error}"
        return ExpressionError(text, error.position, jsonata_code=error.jsonata_code)


def _members(value: Any) -> Members[str, Any] | None:
    return value if isinstance(value, Members) else None
