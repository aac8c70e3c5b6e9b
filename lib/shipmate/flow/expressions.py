"""Compiles and evaluates the expressions of a flow: JSONata 1.8 with ``$moment`` and the platform's functions."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from jsonata.jsonata import Jsonata

from shipmate.errors import BadInput
from shipmate.flow.dialect.analysis import (
    Reference,
    newer_operators,
    reference_of,
    sees_whole_root,
    unknown_functions,
)
from shipmate.flow.dialect.evaluator import Evaluator
from shipmate.flow.dialect.functions import FUNCTIONS
from shipmate.flow.dialect.problems import problem
from shipmate.flow.dialect.values import UNDEFINED, to_json, with_nulls
from shipmate.flow.moment.moment import new_moment
from shipmate.jsonvalue import is_falsy
from shipmate.wording import escaped

TIMEOUT_SECONDS: Final = 5.0
"""The time that the evaluation of one expression may take."""
EARLIER_STEPS: Final = "elasticio"
"""The member of the root that holds the messages of earlier steps, where the message has a passthrough."""
_EXCERPT: Final = 60
_FUNCTIONS: Final = {"moment": Jsonata.JLambda(new_moment)}
FUNCTION_NAMES: Final = frozenset({*FUNCTIONS, *_FUNCTIONS, "getPassthrough", "getFlowVariables"})
"""The functions that an expression can call, without their ``$``."""
_BLANKS: Final = re.compile(r"\s+")


class ExpressionError(BadInput):
    """An expression cannot be compiled, or its evaluation failed; the text quotes no value of a message."""

    code = "expression"

    def __init__(self, text: str, position: int | None = None, *, jsonata_code: str | None = None) -> None:
        """Create the error.

        Args:
            text: The text of the error.
            position: The character of the expression behind which the error is, None if that is not known.
            jsonata_code: The code of JSONata, such as ``T2001``.
        """
        super().__init__(text)
        self.position = position
        self.jsonata_code = jsonata_code


class Scope:
    """The values that the expressions of one message see; it prepares each of them once, when it is first needed."""

    __slots__ = ("_earlier", "_root", "_whole_root", "body", "functions", "passthrough", "sender", "variables")

    def __init__(
        self,
        body: Any,
        *,
        passthrough: Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        sender: tuple[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Store the values.

        Args:
            body: The body of the message, the root of expressions.
            passthrough: Step id to message, for the steps before the sender; None without passthrough.
            variables: The variables of the flow.
            sender: The id of the step that sent the message, and this message, for ``$getPassthrough()``.

        Raises:
            ExpressionError: The body has a member ``elasticio`` although the message has a passthrough.
        """
        if passthrough is not None and isinstance(body, dict) and EARLIER_STEPS in body:
            raise ExpressionError(
                f"Expected a body without the member {EARLIER_STEPS!r}, which is that of earlier steps: rename it in "
                "the step before, or switch its passthrough off"
            )
        self.body = body
        self.passthrough = passthrough
        self.variables = variables
        self.sender = sender
        self.functions = {
            "getPassthrough": Jsonata.JLambda(lambda *_: self._earlier_steps()),
            "getFlowVariables": Jsonata.JLambda(lambda *_: with_nulls(dict(self.variables or {}))),
        }
        self._root: Any = None
        self._whole_root: Any = None
        self._earlier: dict[str, Any] | None = None

    def root(self, *, is_whole: bool) -> Any:
        """Return the root for the evaluator.

        Args:
            is_whole: Whether the expression can see the member ``elasticio``.
        """
        if self._root is None:
            self._root = with_nulls(self.body)
        if not is_whole or self.passthrough is None or not isinstance(self._root, dict):
            return self._root
        if self._whole_root is None:
            self._whole_root = {**self._root, EARLIER_STEPS: self._earlier_steps()}
        return self._whole_root

    def _earlier_steps(self) -> dict[str, Any] | None:
        if self._earlier is None and (self.passthrough is not None or self.sender is not None):
            earlier = dict(self.passthrough or {})
            if self.sender is not None:
                step, message = self.sender
                earlier[step] = {name: part for name, part in message.items() if name != "passthrough"}
            self._earlier = with_nulls(earlier)
        return self._earlier


class Expression:
    """A compiled expression; any number of threads may evaluate it at once."""

    __slots__ = ("_evaluator", "_reference", "_sees_whole_root", "text")

    def __init__(self, text: str) -> None:
        """Compile the expression; `Expression.compile` keeps what it has compiled.

        Args:
            text: The expression.

        Raises:
            ExpressionError: The expression has an error.
        """
        self.text = text
        try:
            self._evaluator = Evaluator(text, _FUNCTIONS)
        except Exception as error:
            raise self._error(error, is_static=True) from None
        self._sees_whole_root = sees_whole_root(self._evaluator.ast, EARLIER_STEPS)
        self._reference: Reference | None = None if self._sees_whole_root else reference_of(self._evaluator.ast)

    @property
    def newer_operators(self) -> tuple[str, ...]:
        """The operators that the platform's JSONata 1.8 does not know."""
        return newer_operators(self.text)

    @property
    def unknown_functions(self) -> list[str]:
        """The functions that the expression calls and nothing defines, as they stand in it."""
        return unknown_functions(self._evaluator.ast, FUNCTION_NAMES)

    @staticmethod
    def compile(text: str) -> "Expression":
        """Return the compiled expression.

        Raises:
            ExpressionError: The expression has an error.
        """
        return _compiled(text)

    def evaluate(
        self,
        body: Any,
        *,
        passthrough: Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        sender: tuple[str, Mapping[str, Any]] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Any:
        """Return the value for a message, `UNDEFINED` if there is none; it is a copy of its own.

        Args:
            body: The body of the message.
            passthrough: Step id to message, for the steps before the sender; None without passthrough.
            variables: The variables of the flow.
            sender: The id of the step that sent the message, and this message, for ``$getPassthrough()``.
            timeout_seconds: The time that the evaluation may take.

        Raises:
            ExpressionError: The evaluation failed, or took too long, or its value is too large.

        >>> Expression.compile("first & ' ' & last").evaluate({"first": "Ada", "last": "Lovelace"})
        'Ada Lovelace'
        >>> Expression.compile("phone").evaluate({"first": "Ada"})
        UNDEFINED
        """
        scope = Scope(body, passthrough=passthrough, variables=variables, sender=sender)
        return self.evaluate_in(scope, timeout_seconds=timeout_seconds)

    def evaluate_in(self, scope: Scope, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Any:
        """Return the value for a message whose other expressions share the scope; see `evaluate`."""
        try:
            if self._reference is not None and (found := self._reference.find(scope.body)) is not Reference.UNKNOWN:
                return found
            root = scope.root(is_whole=self._sees_whole_root)
            return to_json(self._evaluator.run(root, scope.functions, timeout_seconds=timeout_seconds))
        except Exception as error:
            raise self._error(error) from None

    def _error(self, error: Exception, *, is_static: bool = False) -> ExpressionError:
        code, sentence, position = problem(error, is_static=is_static)
        if position is not None:
            position = min(position, len(self.text))
        place = f"at character {position} of " if position is not None else "in "
        return ExpressionError(f"{code}: {sentence}, {place}`{self._excerpt(position)}`", position, jsonata_code=code)

    def _excerpt(self, position: int | None) -> str:
        """Return the part of the expression around a position, in one line."""
        start = max(0, (position or 0) - _EXCERPT // 2)
        part = self.text[start : start + _EXCERPT]
        before = "..." if start else ""
        after = "..." if start + _EXCERPT < len(self.text) else ""
        return before + escaped(_BLANKS.sub(" ", part.strip())) + after


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Expression:
    return Expression(text)


def truth(value: Any) -> bool:
    """Return whether a result is true in JavaScript: objects and lists always are, empty ones, too.

    >>> [truth(value) for value in ([], {}, "0", 1)], [truth(value) for value in (UNDEFINED, None, 0, "", False)]
    ([True, True, True, True], [False, False, False, False, False])
    """
    return value is not UNDEFINED and not is_falsy(value)
