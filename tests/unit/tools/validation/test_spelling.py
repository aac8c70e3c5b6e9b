"""Spelling: misspelt property names."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.tools.validation.descriptors import descriptor, fields, in_file, pointers_and_messages


@pytest.mark.parametrize(
    ("content", "pointer", "meant"),
    [
        (descriptor(action={"metaData": {}}), "/actions/go/metaData", None),
        (descriptor(action={"metadata": None, "metaData": {}}), "/actions/go/metaData", "metadata"),
        (descriptor(action={"descripton": "Goes"}), "/actions/go/descripton", "description"),
        (descriptor(trigger={}), "/trigger", "triggers"),
        (descriptor(credentials={"field": {}}), "/credentials/field", "fields"),
        (descriptor(action=fields(f={"viewclass": "TextView"})), "/actions/go/fields/f/viewclass", None),
        (descriptor(credentials={"fields": {"f": {"viewclass": "X"}}}), "/credentials/fields/f/viewclass", "viewClass"),
        (descriptor(credentials=fields(f={"requird": True})), "/credentials/fields/f/requird", "required"),
        (descriptor(icon="x", action={"icon": "x"}), "/icon", None),
    ],
)
def test_a_name_like_a_missing_known_one_is_a_warning(
    tmp_path: Path, content: Any, pointer: str, meant: str | None
) -> None:
    """The member would have no effect; a known name that is present is not suggested."""
    found = dict(pointers_and_messages(in_file(tmp_path, content).warnings))
    assert found.get(pointer) == (meant and f"expected a known property; did you mean {meant!r}?")
