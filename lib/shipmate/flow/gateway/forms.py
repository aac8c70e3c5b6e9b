"""Reads queries and forms, whose names may nest: ``a[b]=1`` is ``{"a": {"b": "1"}}``."""

from typing import Any, Final
from urllib.parse import parse_qsl

from shipmate.flow.gateway.request import BadRequest

_MOST_PARAMETERS: Final = 1000
_DEEPEST: Final = 5
"""The most brackets of a name; a name with more does not nest."""


def parse_form(text: str) -> dict[str, Any]:
    """Return the parameters of a query or a form; a repeated name, ``name[]`` and ``name[0]`` make a list.

    Raises:
        BadRequest: There are too many parameters.

    >>> parse_form("name=Ada&tags[]=a&tags[]=b&lines[0][sku]=7&lines[0][n]=1&n=1&n=2")
    {'name': 'Ada', 'tags': ['a', 'b'], 'lines': [{'sku': '7', 'n': '1'}], 'n': ['1', '2']}
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise BadRequest(f"expected at most {_MOST_PARAMETERS} parameters, found more") from None
    form: dict[str, Any] = {}
    for name, value in pairs:
        _put(form, _steps(name), value)
    return {name: _with_lists(member) for name, member in form.items()}


def append(members: dict[str, Any], name: str, value: Any) -> None:
    """Add a member; values of a repeated name become a list.

    >>> members = {"a": "1"}
    >>> append(members, "a", "2")
    >>> members
    {'a': ['1', '2']}
    """
    if name not in members:
        members[name] = value
    elif isinstance(members[name], list):
        members[name].append(value)
    else:
        members[name] = [members[name], value]


def _steps(name: str) -> list[str]:
    """Return the parts of a name: ``a[b][]`` is ``["a", "b", ""]``; a name that does not nest is one part."""
    first, bracket, rest = name.partition("[")
    inner = rest.removesuffix("]").split("][")
    is_nested = first and bracket and rest.endswith("]") and len(inner) <= _DEEPEST
    return [first, *inner] if is_nested and not any("[" in each or "]" in each for each in inner) else [name]


def _put(form: dict[str, Any], steps: list[str], value: str) -> None:
    """Add a value to the tree, whose lists are still objects with numbers as names."""
    node = form
    for step in steps[:-1]:
        child = node.get(step)
        if not isinstance(child, dict):
            child = {} if child is None else {"0": child}
            node[step] = child
        node = child
    append(node, steps[-1] if steps[-1] or len(steps) == 1 else _next_index(node), value)


def _next_index(node: dict[str, Any]) -> str:
    index = len(node)
    while str(index) in node:
        index += 1
    return str(index)


def _with_lists(value: Any) -> Any:
    """Turn objects whose names are all numbers into lists."""
    if not isinstance(value, dict):
        return value
    if all(name.isascii() and name.isdigit() for name in value):
        return [_with_lists(value[name]) for name in sorted(value, key=lambda name: (len(name), name))]
    return {name: _with_lists(member) for name, member in value.items()}
