"""Writing records: create, update, upsert, delete."""

from typing import Any

import pytest

from emulated_salesforce import EmulatedSalesforce
from shipmate.emulator import Fault
from shipmate.testing import ComponentUnderTest


@pytest.fixture
def contact(cfg: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a step that writes contacts."""
    return {**cfg, "object": "Contact"}


def test_a_record_is_created(component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any) -> None:
    """Its id comes out."""
    record = {"LastName": "Lovelace", "Score__c": 9.5, "HasOptedOutOfEmail": True, "Email": None}
    body = component.run("create_object", {"body": record}, contact).message["body"]
    row = salesforce.store.rows[body["id"]]
    assert body == {"id": row["Id"], "created": True}
    assert {name: row[name] for name in record} == record


def test_only_given_fields_are_updated(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any
) -> None:
    """Null empties a field, and a field that is not there stays."""
    key = salesforce.store.add("Contact", LastName="Byron", Email="ada@example.com", Score__c=1)
    done = component.run("update_object", {"body": {"Id": key, "LastName": "Lovelace", "Score__c": None}}, contact)
    row = salesforce.store.rows[key]
    assert done.message["body"] == {"id": key, "created": False}
    assert (row["LastName"], row["Email"], row["Score__c"]) == ("Lovelace", "ada@example.com", None)


@pytest.mark.parametrize("value", [None, "", "003", "../Account/001000000000001AAA", "003000000000001AAA'", 7, ["x"]])
def test_an_update_needs_the_id_of_a_record(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any, value: Any
) -> None:
    """It goes into a URL: what is no id is not sent."""
    done = component.run("update_object", {"body": {"Id": value, "LastName": "Lovelace"}}, contact)
    assert done.errors[0]["message"].startswith("Id: expected ")
    assert salesforce.requests == []


def test_an_upsert_creates_and_then_updates(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any
) -> None:
    """Both by the same message, whose external id is not repeated in the body of the request."""
    cfg = {**contact, "key_field": "Key__c"}
    first = component.run("upsert_object", {"body": {"Key__c": "A 1/2?#%{instance_url}", "LastName": "Byron"}}, cfg)
    second = component.run("upsert_object", {"body": {"Key__c": "a 1/2?#%{INSTANCE_URL}", "LastName": "Lovelace"}}, cfg)
    assert first.message["body"]["created"] is True
    assert second.message["body"] == {"id": first.message["body"]["id"], "created": False}
    assert [(each["Key__c"], each["LastName"]) for each in salesforce.store.of("Contact")] == [
        ("A 1/2?#%{instance_url}", "Lovelace")
    ]


def test_an_upsert_that_is_answered_without_an_id_has_worked(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any
) -> None:
    """As older versions of the API answer a change: to fail now would have it done again."""
    salesforce.script(None, Fault(status=204))
    done = component.run("upsert_object", {"body": {"Key__c": "k"}}, {**contact, "key_field": "Key__c"})
    assert done.message["body"] == {"id": None, "created": False}


@pytest.mark.parametrize("value", [".", ".."])
def test_an_external_id_cannot_lead_to_another_path(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any, value: str
) -> None:
    """Dots are taken out of URLs on the way, however they are escaped."""
    done = component.run("upsert_object", {"body": {"Key__c": value}}, {**contact, "key_field": "Key__c"})
    assert "expected an id, found" in done.errors[0]["message"]
    assert salesforce.requests == []


def test_an_ambiguous_external_id_names_the_records(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any
) -> None:
    """300 is an answer without an error code, and a list of URLs."""
    keys = [salesforce.store.add("Contact", LastName=name, Key__c="same") for name in ("Ada", "Eve")]
    done = component.run(
        "upsert_object", {"body": {"Key__c": "same", "LastName": "X"}}, {**contact, "key_field": "Key__c"}
    )
    assert done.errors[0]["message"] == (
        "AMBIGUOUS_EXTERNAL_ID: expected at most one record with this external id, found several "
        f"(records: {', '.join(keys)})"
    )


def test_a_record_is_deleted_once(component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any) -> None:
    """The second time is an error that says why, unless the step says that it is none."""
    key = salesforce.store.add("Contact", LastName="Byron")
    msg = {"body": {"Id": key}}
    assert component.run("delete_object", msg, contact).message["body"] == {"id": key, "deleted": True}
    assert component.run("delete_object", msg, contact).errors[0]["message"] == "ENTITY_IS_DELETED: entity is deleted"
    again = component.run("delete_object", msg, {**contact, "missing": "ignore"})
    assert again.message["body"] == {"id": key, "deleted": False}


def test_other_errors_of_a_deletion_stay_errors(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any
) -> None:
    """A record that others need is still there, and nobody must believe that it is gone."""
    body = [{"message": "Your attempt to delete Ada could not be completed", "errorCode": "DELETE_FAILED"}]
    salesforce.script(None, Fault(status=400, body=body))
    done = component.run("delete_object", {"body": {"Id": "003000000000009AAA"}}, {**contact, "missing": "ignore"})
    assert done.errors[0]["message"].startswith("DELETE_FAILED: ")


def test_a_duplicate_names_the_records_and_can_be_allowed(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any
) -> None:
    """Salesforce says "Use one of these records?" and nothing about which."""
    key = salesforce.store.add("Contact", LastName="Lovelace", Email="ada@example.com")
    msg = {"body": {"LastName": "Lovelace", "Email": "ada@example.com"}}
    done = component.run("create_object", msg, contact)
    assert done.errors[0]["message"] == f"DUPLICATES_DETECTED: Use one of these records? (records: {key})"
    assert component.run("create_object", msg, {**contact, "save_duplicates": "on"}).message["body"]["created"] is True


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "REQUIRED_FIELD_MISSING: Required fields are missing: [LastName]"),
        ({"LastName": "A", "Nonsense": 1}, "INVALID_FIELD: No such column 'Nonsense' on sobject of type Contact"),
        (
            {"LastName": "A", "SystemModstamp": "2025-01-01"},
            "INVALID_FIELD_FOR_INSERT_UPDATE: Unable to create/update fields: SystemModstamp. "
            "Please check the security settings of this field.",
        ),
    ],
)
def test_what_salesforce_refuses_is_an_error_with_its_code(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any, record: Any, message: str
) -> None:
    """Whoever reads it in the log of the flow can look the code up."""
    assert component.run("create_object", {"body": record}, contact).errors[0]["message"] == message


def test_fields_that_a_message_does_not_name_are_added(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contact: Any
) -> None:
    """Validation rules say what their author has typed, and the fields are beside it."""
    body = [{"message": "Please fill in.", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": ["Phone"]}]
    salesforce.script(None, Fault(status=400, body=body))
    done = component.run("create_object", {"body": {"LastName": "A"}}, contact)
    assert done.errors[0]["message"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION: Please fill in. (fields: Phone)"


@pytest.mark.parametrize("name", ["", "Contact/describe", "../limits", "Con tact", "Contact'"])
def test_the_object_must_be_an_api_name(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any], name: str
) -> None:
    """It goes into URLs and queries."""
    done = component.run("create_object", {"body": {"LastName": "A"}}, {**cfg, "object": name})
    assert done.errors[0]["message"].startswith("object: expected ")
    assert salesforce.requests == []


def test_a_message_without_fields_is_refused(component: ComponentUnderTest, contact: Any) -> None:
    """A list of records is what people try first."""
    done = component.run("create_object", {"body": [{"LastName": "A"}]}, contact)
    assert done.errors[0]["message"] == "the body of the message: expected an object, found list"
