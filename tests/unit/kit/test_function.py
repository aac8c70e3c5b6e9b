"""A function of an author's own has its parts under the names by which ``component.json`` knows them."""

from typing import Any

import pytest

from shipmate.errors import ApiError
from shipmate.kit import Function, by_label
from shipmate.kit.values import texts


def process(context: Any, msg: Any, cfg: Any, snapshot: Any) -> Any:
    raise ApiError("busy", is_repeatable=True)


def modules(context: Any, cfg: Any) -> dict[str, str]:
    return {"a": "A"}


def other_modules(context: Any, cfg: Any) -> dict[str, str]:
    return {"b": "B"}


class Context:
    """A context that notes what is emitted."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def emit(self, event: str, value: Any) -> None:
        self.events.append((event, value))


def test_models_have_their_own_names_or_given_ones() -> None:
    """Two functions may have different models of one name."""
    by_name: Any = Function(process, models=[modules])
    given: Any = Function(process, models={"modules": other_modules})
    assert by_name.modules(None, {}) == {"a": "A"}
    assert given.modules(None, {}) == {"b": "B"}
    assert not hasattr(by_name, "get_meta_model")
    assert Function(process, metadata=modules).get_meta_model is modules


def test_two_models_of_one_name_are_refused() -> None:
    """One of them would be lost."""
    with pytest.raises(ValueError, match="expected names that differ, found 'modules' twice: give them names"):
        Function(process, models=[modules, modules])
    with pytest.raises(ValueError, match="found 'process' twice"):
        Function(process, models={"process": modules})


def test_a_temporary_error_rebounds_only_where_it_is_declared() -> None:
    """Otherwise it is an error, as in any function."""
    context = Context()
    assert Function(process, rebounds=True).process(context, {}, {}, {}) is None
    assert context.events == [("rebound", "busy")]
    with pytest.raises(ApiError, match="busy"):
        Function(process).process(context, {}, {}, {})


async def _async(context: Any, msg: Any, cfg: Any, snapshot: Any) -> None:
    pass


def _generator(context: Any, msg: Any, cfg: Any, snapshot: Any) -> Any:
    yield msg


@pytest.mark.parametrize("late", [_async, _generator])
def test_what_runs_after_its_call_cannot_rebound(late: Any) -> None:
    """Its errors come when the call is over."""
    with pytest.raises(ValueError, match="rebounds: expected a plain function"):
        Function(late, rebounds=True)
    assert Function(late).process is late


def test_choices_are_in_the_order_of_their_labels() -> None:
    """Capitals do not count, and equal labels are told apart."""
    assert list(by_label({"z": "beta", "y": "Alpha", "x": "Alpha"}).items()) == [
        ("x", "Alpha (x)"),
        ("y", "Alpha (y)"),
        ("z", "beta (z)"),
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, []), ("", []), ([], []), (["a", " b "], ["a", "b"]), ("a, b,,", ["a", "b"]), (7, ["7"]), ([1, ""], ["1"])],
)
def test_a_field_with_several_choices_is_a_list_or_a_text(given: Any, expected: list[str]) -> None:
    """Older flows have them as a text with commas."""
    assert texts({"fields": given}, "fields") == expected
