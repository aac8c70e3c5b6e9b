"""Polling the changes of a resource, as its filters ask for them."""

import re
from typing import Any

import pytest

from shipmate.emulator import Reply, Request
from shipmate.kit import Names, PollFields
from tests.unit.kit.objects.conftest import Declare
from tests.unit.kit.objects.crm_api import Crm

Cfg = dict[str, Any]

PARAMETERS = """
from shipmate.kit import keyset
contacts = declare(
    filters=operators(
        eq="{field}={value}", gt="{field}[gt]={value}", ge="{field}[ge]={value}", lt="{field}[lt]={value}"
    ),
    pages=offset("data"), changes=keyset(times=("updated",), compare="two"), order={"sort": "{time},{id}"}, unique=(),
)
"""
EXPRESSION = """
from shipmate.kit import keyset
contacts = declare(
    filters=operators(
        eq="{field} eq {value}", gt="{field} gt {value}", ge="{field} ge {value}", lt="{field} lt {value}",
        parameter="$filter", quote="sql", joins=("and", "or"),
    ),
    pages=offset("data"), changes=keyset(times=("updated",)), order={"$orderby": "{time},{id}"}, unique=(),
)
"""


class ChangingCrm(Crm):
    """Contacts in the order of their change, filtered by time and id."""

    def _page(self, request: Request) -> Reply:
        asked = request.query
        assert asked.get("sort", asked.get("$orderby")) == "updated,id"
        text = asked.get("$filter") or " and ".join(
            _condition(*item) for item in asked.items() if item[0] not in _OTHER
        )
        ordered = sorted(self.contacts.values(), key=lambda each: (each["updated"], each["id"]))
        found = [each for each in ordered if _is_true(text, each)]
        start = int(asked.get("offset", "0"))
        return Reply(200, {"data": found[start : start + int(asked["limit"])]})


_OTHER = ("limit", "sort", "offset")
_WORDS = {"eq": "==", "gt": ">", "ge": ">=", "lt": "<"}


def _condition(name: str, value: str) -> str:
    field, _, operator = name.partition("[")
    return f"{field} {operator.rstrip(']') or 'eq'} {value}"


def _is_true(text: str, contact: dict[str, Any]) -> bool:
    """Return the value of an expression, whose times and ids may have quotes."""
    python = re.sub(
        r"(\w+) (eq|gt|ge|lt) '?([\w:.+-]+)'?",
        lambda match: f"({contact[match[1]]!r} {_WORDS[match[2]]} {match[3]!r})",
        text,
    )
    return bool(eval(python))  # noqa: S307 - of this test's own making


@pytest.fixture
def crm() -> Crm:
    """A CRM whose contacts change."""
    return ChangingCrm()


@pytest.mark.parametrize("declaration", [PARAMETERS, EXPRESSION], ids=["parameters", "expression"])
@pytest.mark.parametrize("emit", ["emitIndividually", "emitPage"])
def test_records_of_equal_time_are_neither_lost_nor_repeated(
    declare: Declare, crm: Crm, cfg: Cfg, declaration: str, emit: str
) -> None:
    """Also if a page ends between them, and over several runs."""
    for minute in (0, 0, 0, 0, 0, 5, 7, 7):
        crm.add(updated=f"2026-01-31T10:0{minute}:00.000Z")
    component, found, snapshot = declare(declaration), [], None
    for _ in range(8):
        fields = {"pageSize": "2", "emitBehavior": emit, "singlePagePerInterval": True}
        done = component.run("getNewAndUpdatedObjectsPolling", cfg={**cfg, **fields}, snapshot=snapshot)
        assert done.errors == []
        for message in done.data:
            body = message["body"]
            found += [each["id"] for each in body.get("results", [body])]
        snapshot = done.snapshots[-1] if done.snapshots else snapshot

    assert found == ["1", "2", "3", "4", "5", "6", "7", "8"]


def test_a_changed_record_comes_again(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """With its new time."""
    crm.add(updated="2026-01-31T10:00:00.000Z")
    component = declare(EXPRESSION)
    first = component.run("getNewAndUpdatedObjectsPolling", cfg=cfg)
    crm.contacts["1"]["updated"] = "2026-01-31T11:00:00.000Z"
    again = component.run("getNewAndUpdatedObjectsPolling", cfg=cfg, snapshot=first.snapshots[-1])

    assert [len(each.data) for each in (first, again)] == [1, 1]
    assert component.run("getNewAndUpdatedObjectsPolling", cfg=cfg, snapshot=again.snapshots[-1]).data == []


@pytest.mark.parametrize(
    "polling",
    [
        "keyset(times=('updated',))",
        "keyset(times=('updated',), fields=PollFields(emit='', results='items', default='pages'))",
    ],
)
def test_a_trigger_may_always_emit_pages_under_a_published_member(
    declare: Declare, crm: Crm, cfg: Cfg, polling: str
) -> None:
    """Many published triggers have no choice."""
    declaration = EXPRESSION.replace("keyset(times=('updated',))", polling).replace(
        'keyset(times=("updated",))', polling
    )
    names = "names={'default_emit': 'pages', 'results': 'items'}, unique=()"
    component = declare(declaration.replace("import keyset", "import PollFields, keyset").replace("unique=()", names))
    for _ in range(2):
        crm.add(updated="2026-01-31T10:00:00.000Z")
    done = component.run("getNewAndUpdatedObjectsPolling", cfg=cfg)

    assert [each["id"] for each in done.message["body"]["items"]] == ["1", "2"]
    found = component.call("getNewAndUpdatedObjectsPolling", "get_meta_model", cfg)
    assert list(found["out"]["properties"]) == ["items"]
    field = component.descriptor.function("getNewAndUpdatedObjectsPolling").fields.get("emitBehavior")
    assert (field or {"prompt": "Emit page"})["prompt"] == "Emit page"
    assert (field is None) == ("emit=''" in polling)


def test_a_meaning_of_an_empty_choice_that_does_not_exist_is_refused() -> None:
    """It had no effect."""
    with pytest.raises(ValueError, match="default_emit, found 'page'; did you mean 'pages'"):
        Names(default_emit="page")  # type: ignore[arg-type]  # a wrong value
    with pytest.raises(ValueError, match="default: expected 'individually' or 'pages', found 'emitPage'"):
        PollFields(default="emitPage")  # type: ignore[arg-type]  # a wrong value


@pytest.mark.parametrize("emit", ["emitIndividually", "emitPage"])
def test_records_become_the_messages_of_a_published_trigger(declare: Declare, crm: Crm, cfg: Cfg, emit: str) -> None:
    """What is left out is not emitted later; ids stay those of the records, whatever the bodies are."""
    declaration = (
        EXPRESSION
        + """
from itertools import count

NUMBERS = count()

def in_old_form(context, cfg, msg):
    return {"body": {"number": msg["body"]["id"], "call": next(NUMBERS)}} if msg["body"]["id"] != "2" else None

contacts.poll = contacts.poll.then(in_old_form)
"""
    )
    component = declare(declaration)
    for _ in range(3):
        crm.add(updated="2026-01-31T10:00:00.000Z")
    cfg = {**cfg, "emitBehavior": emit}
    done, again = (component.run("getNewAndUpdatedObjectsPolling", cfg=cfg) for _ in range(2))

    bodies = [each["body"] for each in done.data]
    expected = [{"number": "1", "call": 0}, {"number": "3", "call": 1}]
    assert bodies == (expected if emit == "emitIndividually" else [{"results": expected}])
    assert [each["id"] for each in done.data] == [each["id"] for each in again.data]
    assert done.data != again.data
    later = component.run("getNewAndUpdatedObjectsPolling", cfg=cfg, snapshot=done.snapshots[-1])
    assert (later.data, later.errors) == ([], [])


def test_the_schema_of_a_trigger_follows_from_its_fields(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """It is a polling trigger without an input."""
    component = declare(EXPRESSION)
    found = component.call("getNewAndUpdatedObjectsPolling", "get_meta_model", {**cfg, "emitBehavior": "fetchPage"})

    assert found["in"] == {}
    assert list(found["out"]["properties"]) == ["results"]
    assert component.descriptor.function("getNewAndUpdatedObjectsPolling").raw["type"] == "polling"


def test_changes_may_come_from_a_function(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """For an API that asks in another way: a token, for example."""
    declaration = """
from shipmate.kit import Answer, delta

def changes(connection, cfg, token, limit):
    return Answer([{"id": "1"}] if token is None else [], next="t1", more=False)

contacts = declare(changes=delta(), fetch_changes=changes)
"""
    component = declare(declaration)
    first = component.run("getNewAndUpdatedObjectsPolling", cfg=cfg)
    second = component.run("getNewAndUpdatedObjectsPolling", cfg=cfg, snapshot=first.snapshots[-1])

    assert [len(each.data) for each in (first, second)] == [1, 0]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ("changes=keyset(times='updated'), order={}", "expected the operators eq, ge, gt, found no ge"),
        ("changes=keyset(times='updated'), order={}, filters=ALL", "declare keyset(compare='two')"),
        ("changes=keyset(times='updated', compare='two'), filters=ALL", "expected order"),
        ("changes=listing(), pages=link('data')", "expected fetch_changes for a listing"),
        ("changes=delta()", "expected fetch_changes for Delta"),
    ],
)
def test_what_cannot_be_polled_is_refused_when_it_is_declared(declare: Declare, changes: str, text: str) -> None:
    """Before a record is lost."""
    declaration = f"""
from shipmate.kit import delta, keyset, listing
ALL = operators(eq="{{field}}={{value}}", gt="{{field}}[gt]={{value}}", ge="{{field}}[ge]={{value}}")
contacts = declare({changes})
"""
    with pytest.raises(Exception, match="CannotPoll") as caught:
        declare(declaration)
    assert text in str(caught.value)


@pytest.mark.parametrize("count", [100, 250])
def test_many_contacts_of_one_time_come_in_the_pages_of_the_list(
    declare: Declare, crm: ChangingCrm, cfg: Cfg, count: int
) -> None:
    """Where the API compares times only."""
    for number in range(count):
        crm.add(name=str(number), updated="2026-01-31T10:00:00Z")
    component = declare(PARAMETERS.replace('compare="two"', 'compare="time"'))
    found = component.run("getNewAndUpdatedObjectsPolling", cfg=cfg)
    assert sorted(int(each["body"]["name"]) for each in found.data) == list(range(count))
