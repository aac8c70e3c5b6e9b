"""Stands in for the splitter: emits each object of a list."""

from typing import Any

from shipmate import Context, message
from shipmate.flow.builtin.evaluation import evaluated
from shipmate.jsonvalue import is_falsy


class NothingToSplit(ValueError):
    """A message does not have what the step splits."""


def process(context: Context, msg: dict[str, Any], cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit each object of the list that ``expression`` yields, or the one object that it yields."""
    value = evaluated(context, msg, cfg)
    if isinstance(value, dict):
        context.logger.warning("the expression yields one object; a list is expected")
        value = [value]
    if not isinstance(value, list):
        raise NothingToSplit("Can't emit single primitive!")
    _emit_each(context, value)


def process_path(context: Context, msg: dict[str, Any], cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit each object of the list at the path ``splitter``, where ``$`` is the body, or the one object there."""
    path = cfg.get("splitter")
    value = _at(msg.get("body"), path if isinstance(path, str) else "")
    if is_falsy(value):
        raise NothingToSplit(f'Could not find properties by following path: "{path}"!')
    if not isinstance(value, dict | list):
        raise NothingToSplit("Only objects are accepted!")
    _emit_each(context, [value] if isinstance(value, dict) else value)


def _emit_each(context: Context, items: list[Any]) -> None:
    """Emit objects as messages; what is empty or false is left out."""
    items = [each for each in items if not is_falsy(each)]
    if not all(isinstance(each, dict | list) for each in items):
        raise NothingToSplit("Splitting arrays of objects only!")
    for each in items:
        context.emit("data", message(each))


def _at(body: Any, path: str) -> Any:
    """Return what is at a path such as ``order.lines[0].parts``, None if there is nothing."""
    if path == "$":
        return body
    value = body
    for step in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and len(step) < 10:
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value
