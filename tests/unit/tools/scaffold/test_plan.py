"""Plans of new components: questions, defaults, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shipmate.errors import BadInput
from shipmate.tools.scaffold import Plan, Question
from shipmate.tools.scaffold.plan import check_id, check_title, check_url, id_from
from tests.unit.tools.scaffold.plans import ODD_TITLES, plan


def answering(*answers: str) -> tuple[Callable[[Question], str], list[str]]:
    """Return a function that gives these answers in turn, and the list of the options it was asked for."""
    asked: list[str] = []
    remaining = list(answers)

    def ask(question: Question) -> str:
        asked.append(question.option)
        return question.check(remaining.pop(0) or question.default or "")

    return ask, asked


def test_missing_answers_have_defaults(tmp_path: Path) -> None:
    assert plan(tmp_path / "my-contacts") == Plan(
        title="My contacts",
        authentication="oauth2",
        base_url="https://api.example.com",
        action="create_record",
        action_title="Create record",
        trigger="new_records",
        trigger_title="New records",
    )


def test_only_missing_options_are_asked_for(tmp_path: Path) -> None:
    ask, asked = answering("Contacts", "", "連絡先を作る", "create_contact")
    found = Plan.from_answers(tmp_path, {"auth": "basic", "trigger": "New contacts"}, ask)
    assert asked == ["--title", "--base-url", "--action", "--action-id"]
    assert (found.action, found.action_title, found.trigger) == ("create_contact", "連絡先を作る", "new_contacts")


def test_a_folder_whose_name_makes_no_title_needs_the_option() -> None:
    with pytest.raises(BadInput, match="expected the option --title, found none"):
        plan(Path("/"))


def test_an_id_that_no_title_yields_needs_the_option(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="expected the option --action-id"):
        plan(tmp_path, action="連絡先")
    with pytest.raises(BadInput, match="expected the option --trigger-id"):
        plan(tmp_path, action="Same", trigger="same!")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("title", "  "),
        ("title", "two\nlines"),
        ("title", "x" * 101),
        ("title", "\udce4"),
        ("auth", "oauth1"),
        ("base-url", "api.example.com"),
        ("base-url", "ftp://api.example.com"),
        ("base-url", "https://user:secret@api.example.com"),
        ("base-url", 'https://api.example.com/"'),
        ("base-url", "https://api.example.com/?key=1"),
        ("action-id", "create contact"),
        ("action-id", "../up"),
        ("action-id", "class"),
        ("action-id", "component"),
        ("action-id", "ä"),
        ("action-id", "a" * 61),
        ("trigger-id", "Create_Record"),
    ],
)
def test_a_wrong_option_is_refused_by_its_name(tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(BadInput, match=f"^expected .* for --{option}$"):
        Plan.from_answers(tmp_path / "new", {option: value}, None)


@pytest.mark.parametrize("title", [*ODD_TITLES, "2 Wege", "_", "É" * 80, "don't"])
def test_an_id_from_a_title_is_a_valid_one(title: str) -> None:
    found = id_from(check_title(title))
    assert not found or check_id(found) == found


def test_checked_values_are_normalised() -> None:
    assert check_title("  A\u0308rzte ") == "Ärzte"
    assert check_url(" http://localhost:8080/v1/ ") == "http://localhost:8080/v1"
    assert Plan("É", "none", "https://a.example/v1", "a", "A", "t", "T").origin == "https://a.example"
    assert Plan("連絡先", "none", "https://a.example", "a", "A", "t", "T").name == "component"
