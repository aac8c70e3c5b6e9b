"""What people see when they build a flow: objects and fields to choose from, and the shape of messages."""

from typing import Any

import pytest

from emulated_salesforce import EmulatedSalesforce
from shipmate.testing import ComponentUnderTest

ALL = {"Account": "Account", "Contact": "Contact", "Invoice__c": "Account (Invoice__c)"}


@pytest.fixture
def contact(cfg: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a step for contacts."""
    return {**cfg, "object": "Contact"}


@pytest.mark.parametrize(
    ("function", "model", "has_history"),
    [
        ("create_object", "creatable_objects", False),
        ("update_object", "updatable_objects", False),
        ("upsert_object", "upsertable_objects", False),
        ("delete_object", "deletable_objects", False),
        ("lookup_object", "queryable_objects", True),
        ("lookup_objects", "queryable_objects", True),
        ("updated_objects", "pollable_objects", False),
    ],
)
def test_only_objects_are_offered_that_the_function_can_use(
    component: ComponentUnderTest,
    salesforce: EmulatedSalesforce,
    cfg: dict[str, Any],
    function: str,
    model: str,
    has_history: bool,
) -> None:
    """By their labels, with the name where that is another."""
    found = component.call(function, model, cfg)
    assert found == {**ALL, **({"ContactHistory": "Contact History (ContactHistory)"} if has_history else {})}
    assert list(found.values()) == sorted(found.values(), key=str.lower)


def test_fields_are_offered_by_what_they_are_for(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any
) -> None:
    """Keys for an upsert are external ids, and what Salesforce itself looks records up by."""
    assert component.call("upsert_object", "key_fields", contact) == {"Email": "Email", "Key__c": "Key (Key__c)"}
    found = component.call("lookup_object", "filter_fields", contact)
    assert found["LastCall__c"] == "Last call (LastCall__c)"
    assert "Photo__c" not in found
    assert "Photo__c" not in component.call("updated_objects", "readable_fields", contact)
    account = component.call("lookup_object", "readable_fields", {**contact, "object": "Account"})
    assert "BillingCity" in account
    assert "BillingAddress" not in account


def test_a_new_record_is_described_by_what_can_be_created(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any
) -> None:
    """Types, lengths, choices, references, and what is required; nothing that Salesforce makes itself."""
    fields = component.call("create_object", "get_meta_model", contact)["in"]["properties"]
    assert fields["LastName"] == {"type": "string", "title": "Last Name", "maxLength": 80, "required": True}
    assert fields["Birthdate"] == {"type": "string", "format": "date", "title": "Birthdate"}
    assert fields["LastCall__c"]["format"] == "date-time"
    assert fields["HasOptedOutOfEmail"] == {"type": "boolean", "title": "Email Opt Out"}
    assert fields["Score__c"]["type"] == "number"
    assert fields["AccountId"]["title"] == "Account ID (Account)"
    assert not {"Id", "Name", "SystemModstamp", "IsDeleted"} & fields.keys()
    account = component.call("create_object", "get_meta_model", {**contact, "object": "Account"})["in"]["properties"]
    assert account["Industry"] == {"type": "string", "title": "Industry", "enum": ["Energy", "Retail"]}
    assert "BillingAddress" not in account


def test_a_change_requires_the_id_alone(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any
) -> None:
    """What the message lacks stays as it is."""
    fields = component.call("update_object", "get_meta_model", contact)["in"]["properties"]
    assert [name for name, field in fields.items() if field.get("required")] == ["Id"]
    invoice = component.call("update_object", "get_meta_model", {**contact, "object": "Invoice__c"})["in"]
    assert list(invoice["properties"]) == ["Id"]


def test_an_upsert_requires_the_key_alone(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any
) -> None:
    """Whether the record is new is not known before."""
    model = component.call("upsert_object", "get_meta_model", {**contact, "key_field": "Key__c"})
    fields = model["in"]["properties"]
    assert [name for name, field in fields.items() if field.get("required")] == ["Key__c"]
    assert {"LastName", "Email"} <= fields.keys()
    assert list(model["out"]["properties"]) == ["id", "created"]


def test_a_lookup_describes_the_value_and_the_chosen_fields(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any
) -> None:
    """Every field of a record that was read may be empty."""
    cfg = {**contact, "field": "Birthdate", "fields": ["Email"]}
    model = component.call("lookup_object", "get_meta_model", cfg)
    assert model["in"]["properties"] == {
        "value": {"type": "string", "format": "date", "title": "Value of Birthdate", "required": True}
    }
    assert model["out"]["properties"] == {
        "Id": {"type": ["string", "null"], "title": "Record ID"},
        "Email": {"type": ["string", "null"], "title": "Email"},
    }
    many = component.call("lookup_objects", "get_meta_model", cfg)["out"]
    assert many["properties"]["records"]["items"] == model["out"]


def test_an_object_that_does_not_exist_is_told(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """As Salesforce says it."""
    with pytest.raises(Exception, match="NOT_FOUND: The requested resource does not exist"):
        component.call("create_object", "get_meta_model", {**cfg, "object": "Nothing__c"})


def test_a_field_that_does_not_exist_is_told(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any
) -> None:
    """It may have been renamed since it was chosen."""
    with pytest.raises(Exception, match="INVALID_FIELD: expected a field of Contact, found 'Gone__c'"):
        component.call("lookup_object", "get_meta_model", {**contact, "field": "Gone__c"})
