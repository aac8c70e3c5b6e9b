"""What any component must do."""

import doctest
import importlib
from pathlib import Path

import pytest

from emulated_graph import Mailbox, OpenGraph, UploadHost
from shipmate.testing import component_suite

PACKAGE = Path(__file__).parents[1] / "outlook"


def graph_with_something_in_it() -> OpenGraph:
    """Return a Graph in which each function finds what it looks for."""
    mailbox = Mailbox()
    mailbox.deliver("Hello", id="AAMk/mail+1==")
    mailbox.save_contact({"givenName": "Ada", "displayName": "Ada Example"})
    mailbox.save_event({"subject": "Review", "start": {"dateTime": "2027-05-04T10:00:00", "timeZone": "UTC"}})
    return OpenGraph(UploadHost(mailbox), mailbox)


TestOutlook = component_suite(
    samples={
        "send_mail": {"msg": {"body": {"to": "bob@example.com", "subject": "Hello"}}},
        "move_mail": {"msg": {"body": {"messageId": "AAMk/mail+1==", "folder": "archive"}}},
    },
    serve={"https://graph.microsoft.com": graph_with_something_in_it},
)


@pytest.mark.parametrize("name", sorted(path.stem for path in PACKAGE.glob("*.py")))
def test_examples_in_the_code_are_true(name: str) -> None:
    """They are what a reader believes first."""
    module = importlib.import_module("outlook" if name == "__init__" else f"outlook.{name}")
    assert doctest.testmod(module).failed == 0
