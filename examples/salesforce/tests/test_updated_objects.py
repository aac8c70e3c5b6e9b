"""Following changes: nothing is lost, however many records have the same time and whenever a run dies."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulated_salesforce import EmulatedSalesforce
from shipmate.testing import ComponentUnderTest, Emissions

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def contacts(salesforce: EmulatedSalesforce, cfg: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a step that follows contacts, at noon by Salesforce's clock."""
    salesforce.now = lambda: NOON
    return {**cfg, "object": "Contact", "fields": ["LastName"], "page_size": "3"}


def at(seconds_before_noon: float) -> str:
    """Return a time as Salesforce writes it."""
    return f"{NOON - timedelta(seconds=seconds_before_noon):%Y-%m-%dT%H:%M:%S}.000+0000"


def names(done: Emissions) -> list[str]:
    """Return the names of the contacts in messages."""
    return [each["body"]["LastName"] for each in done.data]


def test_all_records_come_first_and_then_what_has_changed(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contacts: Any
) -> None:
    """The oldest change first, each once."""
    for number in (3, 1, 2):
        key = salesforce.store.add("Contact", LastName=f"{number}", SystemModstamp=at(1000 - number))
    first = component.run("updated_objects", None, contacts)
    assert names(first) == ["1", "2", "3"]
    assert first.data[0]["body"].keys() == {"Id", "SystemModstamp", "LastName"}

    second = component.run("updated_objects", None, contacts, first.snapshots[-1])
    assert second.events == []

    salesforce.store.rows[key].update(LastName="2, changed", SystemModstamp=at(20))
    third = component.run("updated_objects", None, contacts, first.snapshots[-1])
    assert names(third) == ["2, changed"]


def test_many_records_of_one_moment_are_all_emitted_once(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contacts: Any
) -> None:
    """A bulk load: more records with the same time than fit into a page."""
    expected = [f"{number}" for number in range(10)]
    for name in expected:
        salesforce.store.add("Contact", LastName=name, SystemModstamp=at(100))
    done = component.run("updated_objects", None, contacts)
    assert names(done) == expected
    assert component.run("updated_objects", None, contacts, done.snapshots[-1]).data == []


@pytest.mark.parametrize("done_before", range(11))
def test_a_run_that_dies_is_gone_on_with_where_it_was(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contacts: Any, done_before: int
) -> None:
    """Wherever that is: in the middle of a page, and between records of the same moment."""
    expected = [f"{number}" for number in range(10)]
    for number, name in enumerate(expected):
        salesforce.store.add("Contact", LastName=name, SystemModstamp=at(100 - number // 4))
    whole = component.run("updated_objects", None, contacts)
    snapshot = whole.snapshots[done_before - 1] if done_before else {}

    rest = component.run("updated_objects", None, contacts, snapshot)

    assert names(rest) == expected[done_before:]
    assert [each["id"] for each in rest.data] == [each["id"] for each in whole.data][done_before:]


def test_a_snapshot_follows_each_message(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contacts: Any
) -> None:
    """So that at most one message is repeated."""
    for number in range(4):
        salesforce.store.add("Contact", LastName=f"{number}", SystemModstamp=at(100))
    done = component.run("updated_objects", None, contacts)
    assert [name for name, _ in done.events] == ["data", "snapshot"] * 4


def test_what_has_just_changed_waits_for_the_next_run(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contacts: Any
) -> None:
    """A change that becomes visible late has an older time than some that were there already: it must not be lost."""
    for seconds in (60, 11, 9, 0):
        salesforce.store.add("Contact", LastName=f"{seconds}", SystemModstamp=at(seconds))
    first = component.run("updated_objects", None, contacts)
    assert names(first) == ["60", "11"]

    salesforce.store.add("Contact", LastName="10, late", SystemModstamp=at(10))
    salesforce.now = lambda: NOON + timedelta(seconds=60)
    second = component.run("updated_objects", None, contacts, first.snapshots[-1])
    assert names(second) == ["10, late", "9", "0"]


def test_how_long_changes_wait_can_be_chosen(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contacts: Any
) -> None:
    """By the clock of Salesforce, not by that of this machine."""
    for seconds in (60, 30, 5):
        salesforce.store.add("Contact", LastName=f"{seconds}", SystemModstamp=at(seconds))
    assert names(component.run("updated_objects", None, {**contacts, "lag": "40"})) == ["60"]
    assert names(component.run("updated_objects", None, {**contacts, "lag": "0"})) == ["60", "30", "5"]


def test_the_first_run_begins_at_the_start_time(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contacts: Any
) -> None:
    """That moment itself included."""
    for seconds in (101, 100, 99):
        salesforce.store.add("Contact", LastName=f"{seconds}", SystemModstamp=at(seconds))
    start = (NOON - timedelta(seconds=100)).isoformat()
    assert names(component.run("updated_objects", None, {**contacts, "start_time": start})) == ["100", "99"]
    done = component.run("updated_objects", None, {**contacts, "start_time": "last week"})
    assert done.errors[0]["message"].startswith("start_time: expected a moment such as ")


def test_a_page_comes_as_one_message_when_that_is_asked_for(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contacts: Any
) -> None:
    """With one snapshot each, which is faster."""
    for number in range(4):
        salesforce.store.add("Contact", LastName=f"{number}", SystemModstamp=at(100))
    done = component.run("updated_objects", None, {**contacts, "emit": "page"})
    assert [[each["LastName"] for each in part["body"]["records"]] for part in done.data] == [["0", "1", "2"], ["3"]]
    assert len(done.snapshots) == 2


def test_smaller_pages_than_asked_for_do_not_end_a_run(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contacts: Any
) -> None:
    """Salesforce may give fewer records at once, of large ones for example."""
    salesforce.largest_page = 2
    for number in range(5):
        salesforce.store.add("Contact", LastName=f"{number}", SystemModstamp=at(100))
    assert names(component.run("updated_objects", None, contacts)) == ["0", "1", "2", "3", "4"]


def test_another_object_does_not_go_on_from_the_old_snapshot(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contacts: Any
) -> None:
    """Somebody has edited the step."""
    salesforce.store.add("Contact", LastName="Ada", SystemModstamp=at(50))
    salesforce.store.add("Account", Name="Acme", SystemModstamp=at(100))
    snapshot = component.run("updated_objects", None, contacts).snapshots[-1]
    cfg = {**contacts, "object": "Account", "fields": ["Name"]}
    assert [each["body"]["Name"] for each in component.run("updated_objects", None, cfg, snapshot).data] == ["Acme"]


def test_a_limit_in_the_middle_is_a_rebound_that_goes_on(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contacts: Any
) -> None:
    """What is done is in the snapshot already."""
    for number in range(4):
        salesforce.store.add("Contact", LastName=f"{number}", SystemModstamp=at(100))
    salesforce.daily_calls = 1
    done = component.run("updated_objects", None, contacts)
    assert names(done) == ["0", "1", "2"]
    assert done.rebounds == ["Salesforce is busy: REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded."]
    salesforce.daily_calls = 9
    assert names(component.run("updated_objects", None, contacts, done.snapshots[-1])) == ["3"]


def test_nothing_changed_costs_one_request(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, contacts: Any
) -> None:
    """It is what happens most of the time."""
    component.run("updated_objects", None, contacts)
    assert len(salesforce.requests) == 1
