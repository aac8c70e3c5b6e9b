"""Checks of signatures: functions take the arguments that they are called with."""

from pathlib import Path

import pytest

from tests.unit.tools.validation.descriptors import MODULE, descriptor, in_folder


@pytest.mark.parametrize(
    ("code", "expected", "found"),
    [
        ("def process(msg, cfg): ...", "process(context, msg, cfg, snapshot)", "process(msg, cfg)"),
        ("class process: ...", "process(context, msg, cfg, snapshot)", "process()"),
        (MODULE + "def init(): ...", "init(cfg)", "init()"),
        (MODULE + "def get_meta_model(cfg): ...", "get_meta_model(context, cfg)", "get_meta_model(cfg)"),
    ],
)
def test_a_function_with_other_arguments_is_an_error(tmp_path: Path, code: str, expected: str, found: str) -> None:
    """Its module imports, but it would fail for every message."""
    action = {"dynamicMetadata": "get_meta_model" in code}
    (error,) = in_folder(tmp_path, descriptor(action=action), go=code + "\n").errors

    assert error.message == f"expected {expected}, found {found}"


def test_a_verifier_with_other_arguments_is_an_error(tmp_path: Path) -> None:
    """It would never verify credentials."""
    (tmp_path / "verify_credentials.py").write_text("def verify_credentials(cfg): ...\n")
    (error,) = in_folder(tmp_path, descriptor()).errors

    assert (error.file, error.pointer) == ("verify_credentials.py", "")
    assert error.message == "expected verify_credentials(context, credentials), found verify_credentials(cfg)"


@pytest.mark.parametrize("code", ["def process(*any): ...", "process = print", "def process(a, b, c, d, e=1): ..."])
def test_arguments_may_have_any_names(tmp_path: Path, code: str) -> None:
    """A decorator may hide them, too."""
    assert in_folder(tmp_path, descriptor(), go=code + "\n").errors == ()
