"""The requirement that installs the shipmate of this machine again."""

from typing import Any

import pytest

from shipmate import __version__
from shipmate.tools.scaffold.requirement import direct_url, requirement

COMMIT = {"vcs": "git", "commit_id": "abc123"}


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, f"shipmate~={__version__}"),
        ({"url": "file:///src/shipmate", "dir_info": {"editable": True}}, "shipmate @ file:///src/shipmate"),
        (
            {"url": "file:///w/shipmate-1-py3-none-any.whl", "archive_info": {"hashes": {"sha256": "12ab"}}},
            "shipmate @ file:///w/shipmate-1-py3-none-any.whl#sha256=12ab",
        ),
        ({"url": "https://example.com/s.whl", "archive_info": {}}, "shipmate @ https://example.com/s.whl"),
        (
            {"url": "https://example.com/s.git", "vcs_info": COMMIT, "subdirectory": "python"},
            "shipmate @ git+https://example.com/s.git@abc123#subdirectory=python",
        ),
        ({"url": "file:///a\n--index-url https://evil"}, f"shipmate~={__version__}"),
        ({"url": 7}, f"shipmate~={__version__}"),
        ({}, f"shipmate~={__version__}"),
    ],
)
def test_an_origin_becomes_a_requirement(origin: dict[str, Any] | None, expected: str) -> None:
    assert requirement(origin, exists=lambda _: True) == expected


def test_a_wheel_that_has_gone_is_replaced_by_the_version() -> None:
    assert requirement({"url": "file:///gone/s.whl"}, exists=lambda _: False) == f"shipmate~={__version__}"


def test_the_extra_follows_the_name() -> None:
    assert requirement(None, extra="testing") == f"shipmate[testing]~={__version__}"


def test_the_origin_of_this_installation_can_be_read() -> None:
    assert requirement(direct_url()).startswith("shipmate")
