"""Messages of local runs: compared with the metadata of their function, and made from it."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import Component, Function, load
from shipmate.errors import BadInput, DescriptorError
from shipmate.local.messages import check_body, sample_message

SCHEMA = {"type": "object", "properties": {"email": {"type": "string", "required": True}}}
PROBLEM = "/email: expected text, found a number"


def with_action(root: Path, **members: Any) -> tuple[Component, Function]:
    """Return a component whose action ``go`` has these members."""
    descriptor = {"title": "Test", "actions": {"go": {"title": "Go", "main": "./go.py", **members}}}
    (root / "component.json").write_text(json.dumps(descriptor))
    component = load(root)
    return component, component.function("go")


@pytest.mark.parametrize("is_strict", [False, True])
@pytest.mark.parametrize("metadata", [{"in": SCHEMA}, {}, {"in": {}}])
def test_a_body_that_fits_is_not_remarked_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, metadata: dict[str, Any], is_strict: bool
) -> None:
    check_body(*with_action(tmp_path, metadata=metadata), {"email": "a@b.c"}, is_strict=is_strict)
    assert caplog.messages == []


@pytest.mark.parametrize("is_strict", [False, True])
def test_a_function_without_metadata_takes_every_body(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, is_strict: bool
) -> None:
    check_body(*with_action(tmp_path), 1, is_strict=is_strict)
    assert caplog.messages == []


def test_each_difference_is_a_warning_with_its_pointer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    check_body(*with_action(tmp_path, metadata={"in": SCHEMA}), {"email": 1}, is_strict=False)
    assert caplog.record_tuples == [
        ("shipmate.local", logging.WARNING, f"The body of the message does not fit the metadata of go: {PROBLEM}")
    ]


def test_a_strict_check_refuses_a_body_that_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"does not fit the metadata of go: {PROBLEM}"):
        check_body(*with_action(tmp_path, metadata={"in": SCHEMA}), {"email": 1}, is_strict=True)


def test_metadata_that_cannot_be_read_is_a_warning_and_fails_a_strict_check(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    described = with_action(tmp_path, metadata={"in": "./missing.json"})
    check_body(*described, {}, is_strict=False)
    assert "missing.json" in caplog.text
    with pytest.raises(DescriptorError, match=r"missing\.json"):
        check_body(*described, {}, is_strict=True)


def test_a_sample_fits(tmp_path: Path) -> None:
    described = with_action(tmp_path, metadata={"in": SCHEMA})
    check_body(*described, sample_message(*described)["body"], is_strict=True)


@pytest.mark.parametrize(("dynamic", "found"), [(False, "found none"), (True, "dynamic metadata without it")])
def test_a_sample_needs_metadata(tmp_path: Path, dynamic: bool, found: str) -> None:
    with pytest.raises(BadInput, match=found):
        sample_message(*with_action(tmp_path, dynamicMetadata=dynamic))
