"""The component as a container runs it: a process of its own, and a real broker."""

from typing import Any

from emulated_salesforce import EmulatedSalesforce
from shipmate.emulator import Fault, OAuth2Provider
from shipmate.testing import ContainerUnderTest

LIMIT = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]


def test_new_keys_are_stored_before_the_record_is_created(
    salesforce: EmulatedSalesforce, oauth2_provider: OAuth2Provider, container: ContainerUnderTest, cfg: dict[str, Any]
) -> None:
    """The platform has them, with the refresh token from before, and the next message uses them."""
    oauth2_provider.expire_access_tokens()
    for name in ("Lovelace", "Hopper"):
        done = container.run("create_object", {"body": {"LastName": name}}, {**cfg, "object": "Contact"})
        assert done.message["body"]["created"] is True
    assert [each.status for each in salesforce.requests] == [401, 201, 201]
    stored = container.stored_keys["oauth"]
    assert stored["access_token"] == salesforce.requests[-1].bearer
    assert stored["refresh_token"] == cfg["oauth"]["refresh_token"]


def test_a_trigger_goes_on_from_its_snapshot_in_another_container(
    salesforce: EmulatedSalesforce, container: ContainerUnderTest, cfg: dict[str, Any]
) -> None:
    """The ids of messages are those of the records and their changes."""
    step = {**cfg, "object": "Contact", "fields": ["LastName"], "lag": "0"}
    for name in ("Lovelace", "Hopper", "Curie"):
        salesforce.store.add("Contact", LastName=name, SystemModstamp="2025-01-01T00:00:00.000+0000")
    done = container.run("updated_objects", None, step)
    assert [each["body"]["LastName"] for each in done.data] == ["Lovelace", "Hopper", "Curie"]
    rest = container.run("updated_objects", None, step, done.snapshots[0])
    assert [each["body"]["LastName"] for each in rest.data] == ["Hopper", "Curie"]


def test_a_limit_puts_the_message_off(
    salesforce: EmulatedSalesforce, container: ContainerUnderTest, cfg: dict[str, Any]
) -> None:
    """With the reason, for whoever looks at the flow."""
    salesforce.script(None, Fault(status=403, body=LIMIT))
    done = container.run("create_object", {"body": {"LastName": "Lovelace"}}, {**cfg, "object": "Contact"})
    assert done.rebounds == ["Salesforce is busy: REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded."]
    assert (done.data, done.errors) == ([], [])
