"""Words that error messages share."""

import pytest

from shipmate.wording import closest_name, did_you_mean, did_you_mean_or_list, file_problem


def test_a_likely_name_is_suggested_and_an_unlikely_one_is_not() -> None:
    assert did_you_mean("titel", ["type", "title"]) == "; did you mean 'title'?"
    assert did_you_mean("xyz", ["type", "title"]) == ""


def test_how_alike_names_must_be_can_be_chosen() -> None:
    assert closest_name("note", ["node"]) == "node"
    assert closest_name("note", ["node"], alike=0.8) is None


def test_without_a_likely_name_all_are_listed() -> None:
    assert did_you_mean_or_list("titel", iter(["type", "title"])) == "; did you mean 'title'?"
    assert did_you_mean_or_list("xyz", iter(["type", "title"])) == "; available: type, title"
    assert did_you_mean_or_list("xyz", []) == ""


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (PermissionError(13, "Permission denied"), "permission denied"),
        (IsADirectoryError(21, "Is a directory"), "a directory"),
        (NotADirectoryError(20, "Not a directory"), "a file in the place of a directory"),
        (TimeoutError(), "timeouterror"),
        (
            UnicodeDecodeError("utf-8", b"secret\xff", 6, 7, "invalid"),
            "bytes that are not UTF-8 (at byte 7)",
        ),
        (ValueError("embedded null byte"), "a name that no file can have"),
    ],
)
def test_the_problem_of_a_file_is_said_without_its_content(error: OSError | ValueError, problem: str) -> None:
    assert file_problem(error) == problem
