"""What any component must do, and the examples in the docstrings of this one."""

import doctest
from importlib import import_module
from typing import Any

import pytest

from emulated_salesforce import EmulatedSalesforce
from shipmate.emulator import OAuth2Provider
from shipmate.testing import ComponentUnderTest, component_suite

INSTANCE = "https://acme.my.salesforce.com"
CONTACT = "003000000000001AAA"


def org() -> EmulatedSalesforce:
    """Return an org with a contact and an account."""
    made = EmulatedSalesforce(OAuth2Provider())
    stamp: dict[str, Any] = {"SystemModstamp": "2025-01-01T00:00:00.000+0000"}
    made.store.add("Contact", LastName="Lovelace", Email="ada@example.com", **stamp)
    made.store.add("Account", Name="Acme", **stamp)
    return made


TestComponent = component_suite(
    credentials={"environment": "login", "oauth": {"instance_url": INSTANCE}},
    serve={INSTANCE: org},
    samples={
        "update_object": {"msg": {"body": {"Id": CONTACT, "LastName": "King"}}},
        "delete_object": {"msg": {"body": {"Id": CONTACT}}},
    },
)


@pytest.mark.parametrize("name", ["salesforce.client", "salesforce.query", "salesforce.soql"])
def test_examples_in_docstrings_work(component: ComponentUnderTest, name: str) -> None:
    """They are documentation."""
    failed, tried = doctest.testmod(import_module(name))
    assert (failed, tried > 0) == (0, True)
