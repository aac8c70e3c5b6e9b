"""Polling a resource by a number that only grows, as its filters and its order ask for it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shipmate.emulator import Reply, Request
from tests.unit.kit.objects.conftest import Declare
from tests.unit.kit.objects.crm_api import Crm

Cfg = dict[str, Any]
POLL = "getNewAndUpdatedObjectsPolling"

PARAMETERS = """
from shipmate.kit import counter
contacts = declare(
    filters=operators(gt="{field}[gt]={value}"), order={"sort": "{number}"}, changes=counter("number"), unique=(),
    pages=offset("data"),
)
"""
EXPRESSION = """
from shipmate.kit import counter
contacts = declare(
    filters=operators(gt="{field} gt {value}", parameter="$filter", quote="sql"), order={"$orderby": "{number} asc"},
    changes=counter("number"), unique=(), pages=page("data"),
)
"""
CURSOR = PARAMETERS.replace('offset("data")', 'cursor("data", next="next")')
NESTED = PARAMETERS.replace('counter("number")', 'counter("properties.number")').replace(
    "unique=()", 'unique=(), nested="properties"'
)


class NumberedCrm(Crm):
    """Contacts with a number, which come in its order unless the CRM ignores it."""

    ignored: tuple[str, ...] = ()
    """Of ``order`` and ``filter``."""
    most = 1000
    """The most contacts of a page."""

    def _page(self, request: Request) -> Reply:
        asked = request.query
        by = (asked.get("sort") or asked["$orderby"]).removesuffix(" asc")
        assert by == "number"
        after = asked.get("number[gt]")
        if "$filter" in asked:
            match = re.fullmatch(r"number gt (-?\d+)", asked["$filter"])
            assert match is not None
            after = match[1]
        found = sorted(self.contacts.values(), key=_number, reverse="order" in self.ignored)
        if after is not None and "filter" not in self.ignored:
            found = [each for each in found if _number(each) > int(after)]
        start, size = int(asked.get("offset", "0")), int(asked["limit"] if "limit" in asked else asked["per_page"])
        page = found[start : start + min(size, self.most)]
        more = "on" if start + len(page) < len(found) else None
        return Reply(200, {"data": page, "next": more, "total": len(found)})


def _number(contact: dict[str, Any]) -> int:
    return int({**contact, **contact.get("properties", {})}["number"])


@pytest.fixture
def crm() -> Crm:
    """A CRM whose contacts have numbers."""
    return NumberedCrm()


@pytest.mark.parametrize(
    "declaration", [PARAMETERS, EXPRESSION, CURSOR, NESTED], ids=["parameters", "expression", "cursor", "nested"]
)
@pytest.mark.parametrize("emit", ["emitIndividually", "emitPage"])
@pytest.mark.parametrize("single", [True, False])
def test_contacts_come_in_the_order_of_their_number_over_several_runs(
    declare: Declare, crm: Crm, cfg: Cfg, declaration: str, emit: str, *, single: bool
) -> None:
    """Each once, also those that are added between two runs."""
    component, found, snapshot = declare(declaration), [], None
    fields = {"pageSize": "2", "emitBehavior": emit, "singlePagePerInterval": single}
    for added in ([30, 9, 100], [101, 102], [], [1000], []):
        for number in added:
            crm.add(**({"properties": {"number": number}} if "nested" in declaration else {"number": number}))
        done = component.run(POLL, cfg={**cfg, **fields}, snapshot=snapshot)
        assert done.errors == []
        for message in done.data:
            body = message["body"]
            found += [_number(each) for each in body.get("results", [body])]
        snapshot = done.snapshots[-1] if done.snapshots else snapshot

    assert found == [9, 30, 100, 101, 102, 1000]
    assert snapshot["number"] == 1000


def test_a_cursor_says_that_there_are_no_more_contacts(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """A full page is the last one then."""
    for number in (1, 2):
        crm.add(number=number)
    assert len(declare(CURSOR).run(POLL, cfg={**cfg, "pageSize": "2"}).data) == 2
    assert crm.paths == ["GET /v1/contacts"]


@pytest.mark.parametrize(
    ("ignored", "text"),
    [("order", "expected records in the ascending order of number"), ("filter", "greater than the requested one")],
)
def test_an_api_that_ignores_what_it_is_asked_for_is_refused(
    declare: Declare, crm: NumberedCrm, cfg: Cfg, ignored: str, text: str
) -> None:
    """Before a contact is lost or comes again."""
    component, snapshot = declare(PARAMETERS), None
    for number in (1, 2):
        crm.add(number=number)
    if ignored == "filter":
        snapshot = component.run(POLL, cfg=cfg).snapshots[-1]
    crm.ignored = (ignored,)
    done = component.run(POLL, cfg=cfg, snapshot=snapshot)
    assert (done.data, done.snapshots, len(done.errors)) == ([], [], 1)
    assert text in str(done.errors[0])


@pytest.mark.parametrize("pages", ['page("data", ends="empty")', 'page("data", total="total")'])
def test_one_run_reads_all_pages_of_an_api_that_allows_smaller_ones(
    declare: Declare, crm: NumberedCrm, cfg: Cfg, pages: str
) -> None:
    """Where the resource knows the end from something else than a short page."""
    crm.most = 2
    for number in range(5):
        crm.add(number=number)
    done = declare(EXPRESSION.replace('page("data")', pages)).run(POLL, cfg=cfg)
    assert [each["body"]["number"] for each in done.data] == [0, 1, 2, 3, 4]


def test_the_title_of_the_trigger_promises_no_changes(declare: Declare, tmp_path: Path) -> None:
    """A record that changes does not come again."""
    declare(PARAMETERS)
    entry = json.loads((tmp_path / "component.json").read_text())["triggers"][POLL]
    found = entry["title"], entry["help"]["description"]
    assert found == ("Get New Contacts Polling", "Emits each Contact that is new")


def test_greater_numbers_may_come_from_a_function(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Then neither filters nor an order are needed; the names of the resource hold."""
    component = declare("""
from shipmate.kit import counter

def greater(connection, cfg, after, limit):
    return [{"number": each} for each in (1, 2, 3) if after is None or each > after][:limit]

contacts = declare(
    changes=counter("number"), fetch_changes=greater, filters=None, unique=(),
    names={"default_emit": "pages", "results": "items", "page_size": "maxNum"},
)
""")
    first = component.run(POLL, cfg={**cfg, "maxNum": 2, "singlePagePerInterval": True})
    second = component.run(POLL, cfg=cfg, snapshot=first.snapshots[-1])
    assert [[each["number"] for each in done.message["body"]["items"]] for done in (first, second)] == [[1, 2], [3]]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ("filters=None, unique=(), order={}", "expected the operator gt, found no gt: add to filters=operators(...)"),
        ("filters=operators(eq='{field}={value}'), order={}", "expected the operator gt, found no gt"),
        ("filters=FILTERS", "expected order, such as {'sort': '{number}'}, found none"),
        ("filters=FILTERS, order={'sort': '{time},{id}'}", "found one without {number}"),
    ],
)
def test_what_cannot_be_polled_by_number_is_refused_when_it_is_declared(
    declare: Declare, changes: str, text: str
) -> None:
    """The line says what is missing."""
    with pytest.raises(Exception, match="CannotPoll: Contact: expected") as caught:
        declare(f"from shipmate.kit import counter\ncontacts = declare(changes=counter('number'), {changes})")
    assert text in str(caught.value)
