"""Evaluates a parsed expression within bounds of time, depth and size, and with the operators of JavaScript."""

import copy
import math
import time
from collections.abc import Mapping
from typing import Any, Final

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from shipmate.flow.dialect.analysis import Reference, mark_references, repair_surrogates
from shipmate.flow.dialect.functions import FUNCTIONS, NativeFunction, clone
from shipmate.flow.dialect.patterns import compile_pattern
from shipmate.flow.dialect.texts import string
from shipmate.flow.dialect.values import LARGEST_RESULT, TOO_LARGE

_DEEPEST: Final = 1500
"""The most nested evaluations: six frames of Python each fit into jsonata-python's limit of 10,000."""
_LONGEST_LIST: Final = 1_000_000
"""The most members of a range: 10,000,000, the limit in JavaScript, would take 400 MB in Python."""
_ARITHMETIC: Final = frozenset("/%")
_MISPLACED: Final = frozenset({"D3050", "D3060", "D3061", "D3100", "D3138"})
"""The codes of errors that jsonata-python raises with a value in the place of the position."""
_OUTER: Final = frozenset({"__evaluate_entry", "__evaluate_exit"})
"""The names by which jsonata-python asks for its own bounds, before and after each evaluation."""


class _Frame(Jsonata.Frame):  # type: ignore[misc]  # jsonata-python has no types
    """The variables of a block."""

    def lookup(self, name: str) -> Any:
        if name in _OUTER:
            return None
        frame: Any = self
        while frame is not None:
            value = frame.bindings.get(name, Utils.NONE)
            if value is not Utils.NONE:
                return value
            frame = frame.parent
        return None


class Evaluator(Jsonata):  # type: ignore[misc]  # jsonata-python has no types
    """A parsed expression; `run` evaluates it, in any number of threads at once."""

    def __init__(self, text: str, functions: Mapping[str, Any]) -> None:
        """Parse the expression.

        Args:
            text: The expression.
            functions: More functions by their names, without ``$``.

        Raises:
            Exception: The expression has an error; `shipmate.flow.dialect.problems` words it.
        """
        current = getattr(Jsonata.CURRENT, "jsonata", None)
        try:
            # jsonata-python needs a character behind a comment.
            super().__init__(text + "\n", compile_pattern)
        finally:
            # Creating an expression makes it the one that the thread evaluates.
            Jsonata.CURRENT.jsonata = current
        repair_surrogates(self.ast)
        mark_references(self.ast)
        self.environment = _Frame(_BASE)
        for name, function in functions.items():
            self.environment.bind(name, function)
        self.input: Any = None
        self.depth = 0
        self.deadline = math.inf
        self.timeout_seconds = math.inf

    def run(self, root: Any, functions: Mapping[str, Any], *, timeout_seconds: float) -> Any:
        """Return the value of the expression, None for undefined; it may share parts with the root.

        Args:
            root: What ``$`` is; its nulls are those of `shipmate.flow.dialect.values`.
            functions: The functions of this evaluation by their names.
            timeout_seconds: The time that the evaluation may take.

        Raises:
            Exception: The evaluation failed; `shipmate.flow.dialect.problems` words it.
        """
        evaluation = copy.copy(self)
        evaluation.parser = Jsonata.get_parser()
        evaluation.timestamp = int(time.time() * 1000)
        evaluation.timeout_seconds = timeout_seconds
        evaluation.deadline = time.monotonic() + timeout_seconds
        frame = _Frame(self.environment)
        frame.bindings.update(functions)
        frame.bindings["$"] = root
        if isinstance(root, list):
            root = Utils.create_sequence(root)
            root.outer_wrapper = True
        current = getattr(Jsonata.CURRENT, "jsonata", None)
        Jsonata.CURRENT.jsonata = evaluation
        try:
            return evaluation.eval(self.ast, root, frame)
        finally:
            Jsonata.CURRENT.jsonata = current

    def create_frame(self, enclosing_environment: Any = None) -> _Frame:
        """Return the variables of a new block."""
        return _Frame(enclosing_environment)

    def eval(self, expr: Any, input: Any, environment: Any) -> Any:
        """Evaluate a part of the expression; jsonata-python names the parameters."""
        reference = expr.__dict__.get("reference")
        if reference is not None and (found := reference.evaluate(input)) is not Reference.UNKNOWN:
            return found
        self.depth += 1
        if self.depth > _DEEPEST:
            raise JException("D1011", -1)
        if time.monotonic() > self.deadline:
            raise JException("D1012", -1, f"{self.timeout_seconds:g}")
        before = self.input, self.environment
        try:
            result = self._eval(expr, input, environment)
        finally:
            self.depth -= 1
            self.input, self.environment = before
        if isinstance(result, str | list) and len(result) > LARGEST_RESULT:
            raise JException(TOO_LARGE, -1)
        return result

    def apply_inner(self, proc: Any, args: Any, input: Any, environment: Any) -> Any:
        """Call a function; jsonata-python would print a value that is none."""
        if not self.is_function_like(proc):
            raise JException("T1006", -1)
        try:
            return super().apply_inner(proc, args, input, environment)
        except JException as error:
            if error.error in _MISPLACED:
                error.location = -1
            raise

    def evaluate_binary(self, expr: Any, input: Any, environment: Any) -> Any:
        """Evaluate an operator, and add its position to its error."""
        try:
            return super().evaluate_binary(expr, input, environment)
        except JException as error:
            if error.location is None or error.location <= 0:
                error.location = expr.position
            raise

    def evaluate_numeric_expression(self, lhs: Any, rhs: Any, op: str) -> Any:
        """Compute with two numbers; a division by zero has a result, and the remainder of a fraction is a fraction."""
        if op not in _ARITHMETIC or not (Utils.is_numeric(lhs) and Utils.is_numeric(rhs)):
            return super().evaluate_numeric_expression(lhs, rhs, op)
        try:
            result = math.fmod(lhs, rhs) if op == "%" else lhs / rhs
        except (ValueError, ZeroDivisionError):
            result = math.nan if op == "%" or lhs == 0 else math.copysign(math.inf, lhs)
        return Utils.convert_number(result) if math.isfinite(result) else result

    def evaluate_includes_expression(self, lhs: Any, rhs: Any) -> bool:
        """Return whether a list contains a value: objects only if they are the same."""
        if lhs is None or rhs is None:
            return False
        return any(_is_same(lhs, member) for member in (rhs if isinstance(rhs, list) else [rhs]))

    def evaluate_string_concat(self, lhs: Any, rhs: Any) -> str:
        """Join two values as text."""
        return ("" if lhs is None else string(lhs)) + ("" if rhs is None else string(rhs))

    def evaluate_range_expression(self, lhs: Any, rhs: Any) -> Any:
        """Return the whole numbers from one to another."""
        if type(lhs) is int and type(rhs) is int and rhs - lhs >= _LONGEST_LIST:
            raise JException("D2014", -1, rhs - lhs + 1)
        numbers = super().evaluate_range_expression(lhs, rhs)
        return numbers if numbers is None else Utils.create_sequence_from_iter(numbers)

    def evaluate_filter(self, predicate: Any, input: Any, environment: Any) -> Any:
        """Filter by a predicate; one of something missing is evaluated, too, since it can fail."""
        if input is None and predicate.type != "number":
            self.eval(predicate, None, environment)
        return super().evaluate_filter(predicate, input, environment)

    def evaluate_group_expression(self, expr: Any, input: Any, environment: Any) -> Any:
        """Build an object; jsonata-python would add a member to an empty list of the message."""
        if isinstance(input, list) and not input:
            input = Utils.create_sequence()
        return super().evaluate_group_expression(expr, input, environment)

    def evaluate_transform_expression(self, expr: Any, input: Any, environment: Any) -> Any:
        """Return the function of ``|...|...|``."""
        return NativeFunction("transform", "<(oa):o>", _Transformation(self, expr, environment).of)


class _Transformation(Jsonata.Transformer):  # type: ignore[misc]  # jsonata-python has no types
    """Changes a copy of a value that keeps its nulls."""

    def of(self, value: Any) -> Any:
        if value is None:
            return None
        changed = clone(value)
        found = self._jsonata.eval(self._expr.pattern, changed, self._environment)
        for each in found if isinstance(found, list) else [] if found is None else [found]:
            self._change(each)
        return changed

    def _change(self, found: Any) -> None:
        update = self._jsonata.eval(self._expr.update, found, self._environment)
        if update is not None:
            if not isinstance(update, dict):
                raise JException("T2011", self._expr.update.position, update)
            found.update(update)
        if self._expr.delete is None:
            return
        names = self._jsonata.eval(self._expr.delete, found, self._environment)
        if names is None:
            return
        for name in names if isinstance(names, list) else [names]:
            if not isinstance(name, str):
                raise JException("T2012", self._expr.delete.position, names)
            if isinstance(found, dict):
                found.pop(name, None)


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, dict | list):
        return one is other
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


_BASE: Final = _Frame(None)
_BASE.bindings.update(FUNCTIONS)
