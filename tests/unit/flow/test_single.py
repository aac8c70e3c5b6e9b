"""The flow of one function: its account is read before anything is started."""

import json
from pathlib import Path

import pytest

from shipmate.errors import BadInput
from shipmate.flow.single import flow_of
from tests.unit.flow.conftest import COMPONENT


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "component.json").write_text(json.dumps(COMPONENT))
    return tmp_path


def test_the_default_account_is_used_where_it_exists(root: Path) -> None:
    assert flow_of(root, "upsert_contact").accounts == {}
    (root / "account.keys.json").write_text("{}")
    assert flow_of(root, "upsert_contact").accounts == {"account": root / "account.keys.json"}


def test_a_named_account_that_does_not_exist_is_refused_with_the_command_that_creates_it(root: Path) -> None:
    with pytest.raises(BadInput, match=r"shipmate login --component .* --account none\.json creates it"):
        flow_of(root, "upsert_contact", account=Path("none.json"))


def test_an_account_that_is_no_object_is_refused(root: Path) -> None:
    (root / "account.keys.json").write_text("[]")
    with pytest.raises(BadInput, match="expected an object, found an array"):
        flow_of(root, "upsert_contact")
