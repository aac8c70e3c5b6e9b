"""What the environment says: defaults, bounds, what must be there, and what does not show."""

import dataclasses
from typing import Any

import pytest

from shipmate.errors import MissingSetting
from shipmate.settings import ApiSettings, Secret, bounded, integer, text

NEEDED = {
    "ELASTICIO_API_URI": "https://api.example.com/",
    "ELASTICIO_API_USERNAME": "runtime@example.com",
    "ELASTICIO_API_KEY": "the-key-itself",
}


def test_a_variable_that_is_there_is_returned_as_it_is() -> None:
    """A text is neither trimmed nor changed."""
    assert text({"NAME": " value "}, "NAME") == " value "


@pytest.mark.parametrize("environ", [{}, {"NAME": ""}])
def test_a_variable_that_must_be_there_is_missed_by_its_name(environ: dict[str, str]) -> None:
    """Unset and empty are the same, and the message names the variable."""
    with pytest.raises(MissingSetting, match=r"^NAME is missing$"):
        text(environ, "NAME")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7),
        ("0", 0),
        ("-4", -4),
        ("+5", 5),
        ("  6", 6),
        ("12abc", 12),
        ("1.9", 1),
        ("", 3),
        ("abc", 3),
        ("abc12", 3),
        ("-", 3),
        (None, 3),
    ],
)
def test_leading_digits_make_a_number_and_anything_else_the_default(value: str | None, expected: int) -> None:
    """A number is read as the platform's own runtime reads it."""
    assert integer({} if value is None else {"N": value}, "N", 3) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("0", 0), ("4", 4), ("5", 2), ("-1", 2), ("many", 2), ("", 2), ("3x", 3)]
)
def test_a_number_out_of_bounds_counts_as_absent(value: str, expected: int) -> None:
    """Both bounds belong to what is allowed; beyond them the default is taken."""
    assert bounded({"N": value}, "N", 2, 0, 4) == expected


def test_the_address_and_the_credentials_are_enough() -> None:
    """Everything else has a default."""
    settings = ApiSettings.from_environ(NEEDED)
    assert dataclasses.asdict(settings) == {
        "uri": "https://api.example.com",
        "username": "runtime@example.com",
        "key": "the-key-itself",
        "workspace_id": "",
        "flow_id": "",
        "step_id": "",
        "attempts": 3,
        "delay_ms": 100,
        "storage_uri": "",
        "storage_token": "",
        "storage_retries": 2,
        "storage_timeout_ms": 10_000,
    }


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize(
    "change", [lambda environ, name: environ.pop(name), lambda environ, name: environ.update({name: ""})]
)
def test_without_the_address_or_the_credentials_the_missing_one_is_named(name: str, change: Any) -> None:
    """Whoever installs the component learns which variable to set."""
    environ = dict(NEEDED)
    change(environ, name)
    with pytest.raises(MissingSetting, match=name):
        ApiSettings.from_environ(environ)


def test_every_variable_has_its_setting() -> None:
    """What is set wins over the defaults, and addresses lose their last slash."""
    settings = ApiSettings.from_environ(
        {
            **NEEDED,
            "ELASTICIO_WORKSPACE_ID": "workspace",
            "ELASTICIO_FLOW_ID": "flow",
            "ELASTICIO_STEP_ID": "step",
            "ELASTICIO_API_REQUEST_RETRY_ATTEMPTS": "7",
            "ELASTICIO_API_REQUEST_RETRY_DELAY": "0",
            "ELASTICIO_OBJECT_STORAGE_URI": "https://storage.example.com/",
            "ELASTICIO_OBJECT_STORAGE_TOKEN": "storage-token",
            "REQUEST_MAX_RETRY": "4",
            "REQUEST_TIMEOUT": "500",
        }
    )
    assert (settings.workspace_id, settings.flow_id, settings.step_id) == ("workspace", "flow", "step")
    assert (settings.attempts, settings.delay_ms) == (7, 0)
    assert (settings.storage_uri, settings.storage_token) == ("https://storage.example.com", "storage-token")
    assert (settings.storage_retries, settings.storage_timeout_ms) == (4, 500)


@pytest.mark.parametrize(("retries", "timeout"), [("5", "499"), ("-1", "20001"), ("", "soon")])
def test_the_storage_is_not_asked_more_often_or_longer_than_allowed(retries: str, timeout: str) -> None:
    """Retries and time limit of the object storage are bounded."""
    settings = ApiSettings.from_environ({**NEEDED, "REQUEST_MAX_RETRY": retries, "REQUEST_TIMEOUT": timeout})
    assert (settings.storage_retries, settings.storage_timeout_ms) == (2, 10_000)


def test_settings_do_not_show_what_is_secret() -> None:
    """The representation can be logged."""
    settings = ApiSettings.from_environ({**NEEDED, "ELASTICIO_OBJECT_STORAGE_TOKEN": "storage-token"})
    assert "the-key-itself" not in repr(settings)
    assert "storage-token" not in repr(settings)
    assert repr([Secret("hidden")]) == "['***']"


def test_settings_are_frozen() -> None:
    """The environment is read once."""
    settings = ApiSettings.from_environ(NEEDED)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.uri = "https://elsewhere.example.com"  # type: ignore[misc]
