"""The face of the emulator: what it exports, and its example."""

import doctest

import pytest

import shipmate.emulator
from shipmate.emulator import http, journal


def test_the_names_are_sorted_and_exist() -> None:
    names = shipmate.emulator.__all__
    assert names == sorted(names)
    assert all(hasattr(shipmate.emulator, name) for name in names)


@pytest.mark.parametrize("module", [shipmate.emulator, journal, http])
def test_the_examples_in_the_docstrings_are_true(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0
