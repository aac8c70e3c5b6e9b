"""When Salesforce cannot now: what comes again later, what is tried again at once, and what is an error."""

from typing import Any

import pytest

from emulated_salesforce import EmulatedSalesforce
from shipmate.emulator import Fault
from shipmate.testing import ComponentUnderTest

LIMIT = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
LOCK = [{"message": "unable to obtain exclusive access to this record", "errorCode": "UNABLE_TO_LOCK_ROW"}]
DOWN = [{"message": "Server unavailable", "errorCode": "SERVER_UNAVAILABLE"}]
AT_ONCE = {"Retry-After": "0"}
MSG = {"body": {"LastName": "Lovelace"}}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(status=403, body=LIMIT), "REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded."),
        (Fault(status=429), "HTTP 429 Too Many Requests"),
        (Fault(status=503, body=DOWN), "SERVER_UNAVAILABLE: Server unavailable"),
        (Fault(status=503, body="<html>Sorry</html>"), "HTTP 503 Service Unavailable"),
        (Fault(status=400, body=LOCK), "UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record"),
    ],
)
def test_what_was_not_carried_out_is_a_rebound_with_a_reason(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any], fault: Fault, reason: str
) -> None:
    """The platform sends the message again, and nothing is done twice: not even creating can be."""
    salesforce.script(None, fault)
    done = component.run("create_object", MSG, {**cfg, "object": "Contact"})
    assert done.events == [("rebound", f"Salesforce is busy: {reason}")]
    assert len(salesforce.requests) == 1


def test_a_lost_answer_to_a_creation_is_an_error(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """The record may be there: to repeat it is for a person to decide."""
    salesforce.script(None, Fault(drop="before", after_processing=True))
    done = component.run("create_object", MSG, {**cfg, "object": "Contact"})
    assert "it may have been done all the same, look before you repeat it" in done.errors[0]["message"]
    assert len(salesforce.store.of("Contact")) == 1


def test_a_creation_that_found_no_server_is_a_rebound(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """Nothing has arrived, so nothing can be done twice."""
    salesforce.stop()
    done = component.run("create_object", MSG, {**cfg, "object": "Contact"})
    url = "https://acme.my.salesforce.com/services/data/v64.0/sobjects/Contact"
    assert done.rebounds == [f"POST {url} got no answer (ConnectionError): the connection was refused"]


@pytest.mark.parametrize("fault", [Fault(drop="before"), Fault(status=502), Fault(status=504)])
def test_a_lost_answer_to_an_upsert_is_a_rebound(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any], fault: Fault
) -> None:
    """It is the same when it is done twice."""
    salesforce.script(None, fault)
    msg = {"body": {"Key__c": "k", "LastName": "Lovelace"}}
    done = component.run("upsert_object", msg, {**cfg, "object": "Contact", "key_field": "Key__c"})
    assert [name for name, _ in done.events] == ["rebound"]


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateway_that_gives_up_a_creation_is_an_error(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any], status: int
) -> None:
    """Nobody knows what is behind it."""
    salesforce.script(None, Fault(status=status))
    done = component.run("create_object", MSG, {**cfg, "object": "Contact"})
    assert done.errors[0]["message"].startswith(f"HTTP {status}")


def test_reading_is_tried_again_twice(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """Somebody may be waiting in front of a screen."""
    salesforce.script(None, Fault(status=503, headers=AT_ONCE), Fault(status=504, headers=AT_ONCE))
    assert "Contact" in component.call("create_object", "creatable_objects", cfg)
    assert len(salesforce.requests) == 3


def test_reading_is_not_tried_for_ever(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """After three times it is a rebound."""
    salesforce.script(None, Fault(status=503, headers=AT_ONCE), times=9)
    done = component.run("query", {"body": {"query": "SELECT Id FROM Contact"}}, cfg)
    assert [name for name, _ in done.events] == ["rebound"]
    assert len(salesforce.requests) == 3


def test_the_daily_limit_is_not_asked_again_at_once(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """Each attempt would count against it."""
    salesforce.script(None, Fault(status=403, body=LIMIT), times=9)
    component.run("query", {"body": {"query": "SELECT Id FROM Contact"}}, cfg)
    assert len(salesforce.requests) == 1


def test_the_reason_has_nothing_of_the_message_in_it(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """The errors of the library below have the URL in their texts, and that has the query."""
    salesforce.script(None, Fault(drop="before", headers=AT_ONCE), times=9)
    done = component.run("query", {"body": {"query": "SELECT Id FROM Contact WHERE Email = 'ada@example.com'"}}, cfg)
    url = "https://acme.my.salesforce.com/services/data/v64.0/query"
    assert done.rebounds == [f"GET {url} got no answer (ConnectionError)"]
