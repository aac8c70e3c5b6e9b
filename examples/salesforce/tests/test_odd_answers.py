"""Answers that are not as documented, and fields that hold what they cannot: one clear line each."""

from typing import Any

import pytest

from emulated_salesforce import EmulatedSalesforce
from shipmate.emulator import Fault
from shipmate.testing import ComponentUnderTest

QUERY = {"body": {"query": "SELECT Id FROM Account"}}
RECORD = {"Id": "1", "SystemModstamp": "2025-01-01T00:00:00.000+0000"}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(status=200, body="<html>"), "expected JSON from the API, found a body of the type text/plain"),
        (Fault(status=200, body={"records": 7}), "expected records in the answer to a query, found none"),
        (Fault(status=200, body=[]), "expected records in the answer to a query, found none"),
        (Fault(status=409, body="<html>"), "HTTP 409 Conflict"),
        (Fault(status=400, body=["odd", 7, {}]), "HTTP 400 Bad Request"),
        (Fault(status=400, body={"error": "unsupported", "error_description": "No."}), "unsupported: No."),
        (
            Fault(status=400, body=[{"errorCode": "A", "message": "a"}, {"errorCode": "B", "message": "b"}]),
            "A: a; B: b",
        ),
        (Fault(status=400, body=[{"errorCode": "LONG", "message": "x" * 900}]), "LONG: " + "x" * 500 + "…"),
    ],
)
def test_an_odd_answer_is_told_in_one_line(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any], fault: Fault, message: str
) -> None:
    """Whatever stands between here and Salesforce may answer, too."""
    salesforce.script(None, fault)
    assert component.run("query", QUERY, cfg).errors[0]["message"] == message


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_an_answer_without_a_time_is_taken_as_one_of_now(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any], date: str
) -> None:
    """Then the clock of this machine must do."""
    salesforce.script(None, Fault(status=200, body={"done": True, "records": [RECORD]}, headers={"Date": date}))
    done = component.run("updated_objects", None, {**cfg, "object": "Account", "fields": ["Id"]})
    assert [each["body"] for each in done.data] == [RECORD]


def test_a_record_without_its_time_is_an_error(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """There would be no place to go on from."""
    salesforce.script(None, Fault(status=200, body={"done": True, "records": [{"Id": "1"}]}))
    done = component.run("updated_objects", None, {**cfg, "object": "Account", "fields": ["Id"]})
    assert done.errors[0]["message"].endswith("expected a time in SystemModstamp of each record, found none")


def test_other_errors_of_a_page_do_not_begin_the_query_anew(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """Only a result that Salesforce has given up is a reason to."""
    salesforce.largest_page = 1
    for _ in range(2):
        salesforce.store.add("Account", Name="A")
    step = {**cfg, "query": "SELECT Id FROM Account"}
    snapshot = next(each for each in component.run("poll_query", None, step).snapshots if each.get("page"))
    salesforce.script(snapshot["page"], Fault(status=403, body=[{"errorCode": "NO_ACCESS", "message": "No."}]))
    done = component.run("poll_query", None, step, snapshot)
    assert done.errors[0]["message"] == "NO_ACCESS: No."
    assert done.data == []


@pytest.mark.parametrize(
    ("function", "field", "value", "message"),
    [
        ("lookup_objects", "emit", "page", "emit: expected one of all, record, found 'page'"),
        ("lookup_objects", "most", "0", "most: expected a number from 1 to 50000, found '0'"),
        ("lookup_objects", "fields", ["Id", "Name; DROP"], "fields: expected an API name such as Account or Amount__c"),
        ("updated_objects", "page_size", "many", "page_size: expected a number from 1 to 2000, found 'many'"),
        ("updated_objects", "lag", "-1", "lag: expected a number from 0 to 3600, found '-1'"),
        ("updated_objects", "api_version", "31.0", "api_version: expected a version from 46.0 on, found '31.0'"),
    ],
)
def test_a_field_of_the_step_says_what_it_can_hold(
    component: ComponentUnderTest,
    salesforce: EmulatedSalesforce,
    cfg: dict[str, Any],
    function: str,
    field: str,
    value: Any,
    message: str,
) -> None:
    """Most of them are text that somebody types."""
    step = {**cfg, "object": "Contact", "field": "Email", field: value}
    done = component.run(function, {"body": {"value": "ada@example.com"}}, step)
    assert done.errors[0]["message"].startswith(message)
    assert salesforce.queries == []
