"""Finding records: by a value, and by queries of the user's own."""

from typing import Any

import pytest

from emulated_salesforce import EmulatedSalesforce
from shipmate.emulator import Fault
from shipmate.testing import ComponentUnderTest


@pytest.fixture
def by_email(cfg: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a step that finds contacts by their address."""
    return {**cfg, "object": "Contact", "field": "Email", "fields": ["LastName"]}


def test_the_one_record_with_a_value_is_found(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, by_email: Any
) -> None:
    """With the fields that were chosen, the id, and nothing of Salesforce's own remarks."""
    key = salesforce.store.add("Contact", LastName="Lovelace", Email="ada@example.com")
    salesforce.store.add("Contact", LastName="Hopper", Email="grace@example.com")
    done = component.run("lookup_object", {"body": {"value": "ada@example.com"}}, by_email)
    assert done.message["body"] == {"Id": key, "LastName": "Lovelace"}


@pytest.mark.parametrize(
    "value",
    ["O'Hara", "' OR LastName != '", "\\' OR LastName != '", "\\", 'say "hi"', "two\nlines", "tab\tand\\n", "{x}"],
)
def test_no_value_can_leave_its_quotes(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, by_email: Any, value: str
) -> None:
    """A value from a message finds what it is equal to, and is no part of the query."""
    salesforce.store.add("Contact", LastName="other")
    key = salesforce.store.add("Contact", LastName=value)
    done = component.run("lookup_objects", {"body": {"value": value}}, {**by_email, "field": "LastName"})
    assert done.message["body"] == {"records": [{"Id": key, "LastName": value}]}


def test_every_character_survives(component: ComponentUnderTest, salesforce: EmulatedSalesforce, by_email: Any) -> None:
    """Also those that no list of dangerous ones has."""
    value = "".join(chr(code) for code in [*range(1, 0x180), 0x2028, 0xFEFF, 0x1F600])
    salesforce.store.add("Contact", LastName=value)
    done = component.run("lookup_object", {"body": {"value": value}}, {**by_email, "field": "LastName"})
    assert done.message["body"]["LastName"] == value


@pytest.mark.parametrize(
    ("field", "stored", "value"),
    [
        ("Score__c", 12.5, 12.5),
        ("Score__c", 12.5, "12.5"),
        ("Birthdate", "1815-12-10", "1815-12-10"),
        ("LastCall__c", "2025-02-03T03:05:06.000+0000", "2025-02-03T04:05:06+01:00"),
        ("HasOptedOutOfEmail", True, True),
        ("HasOptedOutOfEmail", True, "true"),
        ("OpensAt__c", "09:30:00.000Z", "09:30:00.000"),
    ],
)
def test_values_of_other_types_are_written_as_soql_wants_them(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, by_email: Any, field: str, stored: Any, value: Any
) -> None:
    """Salesforce refuses numbers, dates and booleans in quotes."""
    salesforce.store.add("Contact", LastName="other")
    key = salesforce.store.add("Contact", LastName="Lovelace", **{field: stored})
    done = component.run("lookup_object", {"body": {"value": value}}, {**by_email, "field": field})
    assert done.message["body"]["Id"] == key


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("Score__c", "1 OR Score__c > 0", "a number"),
        ("Score__c", True, "a number"),
        ("Birthdate", "10.12.1815", "a date such as 2025-02-03"),
        ("LastCall__c", "yesterday", "a moment such as 2025-02-03T04:05:06Z"),
        ("HasOptedOutOfEmail", "yes", "true or false"),
        ("OpensAt__c", "noon", "a time such as 04:05:06"),
        ("Email", None, "text"),
        ("Email", ["a"], "text"),
    ],
)
def test_a_value_that_the_field_cannot_have_is_refused(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, by_email: Any, field: str, value: Any, expected: str
) -> None:
    """Nothing of it reaches a query."""
    done = component.run("lookup_object", {"body": {"value": value}}, {**by_email, "field": field})
    assert done.errors[0]["message"].startswith(f"value: expected {expected}, found ")
    assert salesforce.queries == []


def test_nothing_found_is_an_error_unless_the_step_says_otherwise(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, by_email: Any
) -> None:
    """An empty object lets a flow decide."""
    msg = {"body": {"value": "nobody@example.com"}}
    done = component.run("lookup_object", msg, by_email)
    assert done.errors[0]["message"] == "NOT_FOUND: expected a record of Contact with this Email, found none"
    assert component.run("lookup_object", msg, {**by_email, "missing": "empty"}).message["body"] == {}
    assert component.run("lookup_objects", msg, by_email).message["body"] == {"records": []}


def test_several_found_are_an_error_unless_the_first_is_asked_for(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, by_email: Any
) -> None:
    """To take any of them would hide that the data is not what the flow believes."""
    keys = [salesforce.store.add("Contact", LastName=name, Email="x@example.com") for name in ("Ada", "Eve", "Bob")]
    msg = {"body": {"value": "x@example.com"}}
    assert f"found {keys[0]} and {keys[1]}" in component.run("lookup_object", msg, by_email).errors[0]["message"]
    assert component.run("lookup_object", msg, {**by_email, "ambiguous": "first"}).message["body"]["Id"] == keys[0]


def test_all_fields_are_read_unless_some_are_chosen(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, by_email: Any
) -> None:
    """Without compound fields, whose parts are fields, and without files."""
    salesforce.store.add("Contact", LastName="Ada", Email="x@example.com")
    done = component.run("lookup_object", {"body": {"value": "x@example.com"}}, {**by_email, "fields": []})
    assert "Photo__c" not in done.message["body"]
    assert {"Id", "FirstName", "Birthdate", "SystemModstamp"} <= done.message["body"].keys()


def test_an_object_is_described_once_in_a_while(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, by_email: Any
) -> None:
    """A description is a call that counts against the limit, and 500 KB for some objects."""
    for _ in range(3):
        component.run("lookup_objects", {"body": {"value": "x@example.com"}}, by_email)
    assert sum(each.path.endswith("/describe") for each in salesforce.requests) == 1


def test_found_records_can_come_one_by_one_and_are_limited(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, by_email: Any
) -> None:
    """Pages may be smaller than what was asked for."""
    salesforce.largest_page = 2
    keys = [salesforce.store.add("Contact", LastName="Ada", Email="x@example.com") for _ in range(7)]
    cfg = {**by_email, "emit": "record", "most": "5"}
    done = component.run("lookup_objects", {"body": {"value": "x@example.com"}}, cfg)
    assert [each["body"]["Id"] for each in done.data] == keys[:5]


def test_a_query_emits_more_records_than_a_page_holds(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """2,000 is the most of a page: the rest is at nextRecordsUrl."""
    keys = [salesforce.store.add("Account", Name="A") for _ in range(4001)]
    msg = {"body": {"query": "SELECT Id FROM Account ORDER BY Id"}}
    done = component.run("query", msg, {**cfg, "emit": "all"})
    assert [each["Id"] for each in done.message["body"]["records"]] == keys
    assert len(salesforce.requests) == 3
    by_page = component.run("query", msg, {**cfg, "emit": "page"})
    assert [len(each["body"]["records"]) for each in by_page.data] == [2000, 2000, 1]


def test_deleted_records_are_found_when_they_are_asked_for(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """By queryAll, as Salesforce calls it."""
    key = salesforce.store.add("Account", Name="A")
    salesforce.store.delete("Account", key)
    msg = {"body": {"query": "SELECT Id FROM Account"}}
    assert component.run("query", msg, cfg).data == []
    assert component.run("query", msg, {**cfg, "with_deleted": True}).message["body"] == {"Id": key}


def test_a_query_that_is_none_is_an_error_with_its_place(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """As Salesforce tells it."""
    done = component.run("query", {"body": {"query": "SELECT Id FORM Account"}}, cfg)
    assert done.errors[0]["message"].startswith("MALFORMED_QUERY: expecting FROM")


def test_a_query_that_has_emitted_something_is_no_rebound(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """The message would come again and emit it again."""
    salesforce.largest_page = 2
    for _ in range(4):
        salesforce.store.add("Account", Name="A")
    body = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    salesforce.script("/services/data/v64.0/query/0r8000000000001AAA-2", Fault(status=403, body=body))
    done = component.run("query", {"body": {"query": "SELECT Id FROM Account"}}, cfg)
    assert [name for name, _ in done.events] == ["data", "data", "error"]
    assert done.errors[0]["message"].startswith("after 2 messages: Salesforce is busy: REQUEST_LIMIT_EXCEEDED")


def test_a_query_that_is_too_long_for_a_url_is_told(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """Salesforce would answer 414 and no reason."""
    done = component.run("query", {"body": {"query": "SELECT Id FROM Account WHERE Name = '" + "x" * 15000}}, cfg)
    assert "expected a query of at most 15000 characters" in done.errors[0]["message"]
    assert salesforce.requests == []


@pytest.mark.parametrize("path", ["https://evil.example/services/data/v64.0/query/x", "/services/data/../x", None])
def test_a_next_page_elsewhere_is_not_asked_for(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any], path: Any
) -> None:
    """The token would go along."""
    body = {"totalSize": 2, "done": False, "nextRecordsUrl": path, "records": [{"Id": "1"}]}
    salesforce.script(None, Fault(status=200, body=body))
    done = component.run("query", {"body": {"query": "SELECT Id FROM Account"}}, cfg)
    assert "expected a path below /services/data as the next page" in done.errors[0]["message"]
    assert len(salesforce.requests) == 1
