"""Polling a query: every run emits all of it, and one that dies is gone on with."""

from typing import Any

import pytest

from emulated_salesforce import EmulatedSalesforce
from shipmate.testing import ComponentUnderTest, Emissions

EXPECTED = [f"{number}" for number in range(7)]


@pytest.fixture
def accounts(salesforce: EmulatedSalesforce, cfg: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a step that polls seven accounts, of which a page has three."""
    salesforce.largest_page = 3
    for name in EXPECTED:
        salesforce.store.add("Account", Name=name)
    return {**cfg, "query": "SELECT Name FROM Account ORDER BY Id"}


def names(done: Emissions) -> list[str]:
    """Return the names of the accounts in messages."""
    return [each["body"]["Name"] for each in done.data]


def test_every_run_emits_all_records(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, accounts: Any
) -> None:
    """As new messages: the same records, with other ids."""
    first = component.run("poll_query", None, accounts)
    second = component.run("poll_query", None, accounts, first.snapshots[-1])
    assert names(first) == names(second) == EXPECTED
    assert first.snapshots[-1] == {}
    assert not {each["id"] for each in first.data} & {each["id"] for each in second.data}


def test_a_run_that_dies_is_gone_on_with_where_it_was(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, accounts: Any
) -> None:
    """After whichever event that was: nothing is lost, and only a message without its snapshot comes again."""
    whole = component.run("poll_query", None, accounts)
    ids = [each["id"] for each in whole.data]
    assert len(whole.events) > 15
    for count in range(1, len(whole.events)):
        before = whole.events[:count]
        emitted = [value["id"] for name, value in before if name == "data"]
        snapshot = [{}, *(value for name, value in before if name == "snapshot")][-1]
        rest = [each["id"] for each in component.run("poll_query", None, accounts, snapshot).data]
        repeated = 1 if before[-1][0] == "data" else 0
        assert [*emitted[: len(emitted) - repeated], *rest] == ids


def test_a_death_before_the_first_snapshot_of_a_message_keeps_its_id(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, accounts: Any
) -> None:
    """The name of the run is saved before the first message."""
    whole = component.run("poll_query", None, accounts)
    assert [name for name, _ in whole.events[:2]] == ["snapshot", "data"]
    rest = component.run("poll_query", None, accounts, whole.snapshots[0])
    assert rest.data[0]["id"] == whole.data[0]["id"]


def test_pages_that_were_read_are_not_read_again(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, accounts: Any
) -> None:
    """Salesforce keeps the result for two days."""
    whole = component.run("poll_query", None, accounts)
    snapshot = next(each for each in whole.snapshots if each.get("page") and each.get("done") == 1)
    requests = len(salesforce.requests)
    assert names(component.run("poll_query", None, accounts, snapshot)) == EXPECTED[4:]
    assert [each.path.rpartition("/")[2] for each in salesforce.requests[requests:]] == [
        "0r8000000000001AAA-3",
        "0r8000000000001AAA-6",
    ]


def test_a_result_that_salesforce_has_given_up_is_read_anew(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, accounts: Any
) -> None:
    """Better twice than not at all, and with the same ids."""
    whole = component.run("poll_query", None, accounts)
    snapshot = next(each for each in whole.snapshots if each.get("page"))
    salesforce.forget_cursors()
    again = component.run("poll_query", None, accounts, snapshot)
    assert [each["id"] for each in again.data] == [each["id"] for each in whole.data]


def test_a_first_page_with_other_records_is_emitted_again(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, accounts: Any
) -> None:
    """The place in it says nothing any more: to skip as many records would lose one."""
    whole = component.run("poll_query", None, accounts)
    snapshot = next(each for each in whole.snapshots if each.get("done") == 2)
    salesforce.store.delete("Account", "001000000000001AAA")
    again = component.run("poll_query", None, accounts, snapshot)
    assert names(again) == EXPECTED[1:]
    assert {each["id"] for each in again.data} <= {each["id"] for each in whole.data}


def test_an_edited_query_begins_anew(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, accounts: Any
) -> None:
    """The old place is one in another result."""
    snapshot = component.run("poll_query", None, accounts).snapshots[4]
    cfg = {**accounts, "query": "SELECT Name FROM Account ORDER BY Id DESC"}
    assert names(component.run("poll_query", None, cfg, snapshot)) == EXPECTED[::-1]


def test_a_page_comes_as_one_message_when_that_is_asked_for(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, accounts: Any
) -> None:
    """With one snapshot each, which is faster."""
    done = component.run("poll_query", None, {**accounts, "emit": "page"})
    assert [[each["Name"] for each in part["body"]["records"]] for part in done.data] == [
        EXPECTED[:3],
        EXPECTED[3:6],
        EXPECTED[6:],
    ]


def test_nothing_found_emits_nothing(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, accounts: Any
) -> None:
    """Not even a snapshot."""
    cfg = {**accounts, "query": "SELECT Name FROM Account WHERE Name = 'nobody'"}
    assert component.run("poll_query", None, cfg).events == []


def test_a_snapshot_stays_small(component: ComponentUnderTest, salesforce: EmulatedSalesforce, accounts: Any) -> None:
    """The platform takes 5 KB."""
    done = component.run("poll_query", None, accounts)
    assert max(len(str(each)) for each in done.snapshots) < 300
