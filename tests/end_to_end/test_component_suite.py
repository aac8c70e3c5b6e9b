"""The component suite, run by pytest as authors run it, on components with one defect each.

One run tests all of them, which also proves that components with equal module names do not mix.
"""

import shutil
from pathlib import Path

import pytest

from shipmate.testing import component_suite
from tests.authors import Outcome, Outcomes, read_outcomes, run_pytest

COMPONENTS = Path(__file__).resolve().parents[1] / "components" / "suite"


def without(*checks: str) -> str:
    """Return the option that leaves out checks, each of which would wait for the same timeout."""
    return f"leave_out={dict.fromkeys(checks, 'slow')}"


TIMEOUTS = ("failures_are_reported", "secrets_stay_secret", "rotated_token_is_taken_over")
OPTIONS = {
    "never_ends_by_itself": f"timeout_seconds=0.1, {without('expired_token_is_refreshed', *TIMEOUTS)}",
    "never_ends": f"timeout_seconds=0.5, {without('messages_match_metadata', *TIMEOUTS)}",
    "verifier_repeats_for_ever": f"timeout_seconds=0.5, {without('wrong_credentials_are_refused[403]')}",
    "emits_nothing": "credentials={'password': '1234'}",
    "dynamic_metadata_never_ends": "timeout_seconds=0.5",
    "prints_a_token": "leave_out={'rotated_token_is_taken_over[go]': 'the API never rotates'}",
}
ONE_LINE = "from shipmate.testing import component_suite\n\nTestComponent = component_suite({options})\n"

ALL_OPTIONS = """
from shipmate.emulator import DemoApi, OAuth2Provider, Reply, Server
from shipmate.testing import component_suite


def rates():
    server = Server(name="rates")
    server.route("GET", "/eur", lambda request: Reply(200, 1.25))
    return server


orders = DemoApi(OAuth2Provider())
orders.route("GET", "/of/{customer}", lambda request, customer: Reply(200, [1, int(customer)]))

suite = component_suite(
    "..",
    samples={"go": {"msg": {"body": {"shop": "ada"}}, "snapshot": {"first": 1}}},
    credentials={"shop_url": "https://shop.example.com"},
    answers={"GET /shops/{name}": lambda request, name: {"name": name.title() + "'s"}},
    serve={"https://orders.example.com": orders, "https://rates.example.com": rates},
    expired=Reply(419, {"error": "page expired"}),
    timeout_seconds=15,
)
"""


FIELDS_OF_THE_API = """
from shipmate.testing import component_suite

TestComponent = component_suite(
    answers={"GET /fields": ["id", "name"], "GET /things/{id}": {"id": "1", "name": "n"}},
    samples={"lookupObject": {"msg": {"body": {"idValue": "1"}}}},
)
"""

TOKEN_OF_ITS_OWN = """
from shipmate.emulator import Reply, Server
from shipmate.testing import component_suite


class Crm(Server):
    def answer(self, request):
        if request.path == "/oauth2/token":
            return Reply(200, {"access_token": "of-the-crm", "refresh_token": "also-of-the-crm"})
        return Reply(200, {"id": 7}) if request.bearer == "of-the-crm" else Reply(401)


TestComponent = component_suite(serve={"https://crm.example.com": Crm})
"""

OVERRIDDEN_ANSWER = """
from shipmate.emulator import Api, OAuth2Provider, Reply
from shipmate.testing import component_suite


class Shop(Api):
    def answer(self, request):
        reply = super().answer(request)
        return Reply(200, {"id": 7}) if reply.status == 404 else reply


TestComponent = component_suite(serve={"https://shop.example.com": lambda: Shop(OAuth2Provider())})
"""
MODULES = {
    "fields_of_the_api": FIELDS_OF_THE_API,
    "token_of_its_own": TOKEN_OF_ITS_OWN,
    "overridden_answer": OVERRIDDEN_ANSWER,
    "with_all_options": ALL_OPTIONS,
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory, coverage_of_processes: dict[str, str]) -> Outcomes:
    """The outcomes of the suite for all components; coverage measures their process."""
    folder = tmp_path_factory.mktemp("components")
    for component in sorted(COMPONENTS.iterdir()):
        shutil.copytree(component, folder / component.name)
        tests = folder / component.name / "tests"
        tests.mkdir()
        line = ONE_LINE.format(options=OPTIONS.get(component.name, ""))
        (tests / "test_component.py").write_text(MODULES.get(component.name, line))
    done = run_pytest(
        folder, "--import-mode=importlib", "-q", "-Werror", "--junitxml=report.xml", **coverage_of_processes
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return read_outcomes(folder / "report.xml")


def test_a_good_component_passes_every_check(outcomes: Outcomes) -> None:
    """Plain functions, coroutines and generators of both kinds, with fixed and with dynamic metadata."""
    good = outcomes["good"]

    assert len(good) == 1 + 2 + 6 * 4
    assert {name: outcome for name, outcome in good.items() if outcome.status != "passed"} == {}


def test_the_author_may_describe_the_surroundings(outcomes: Outcomes) -> None:
    """Inputs, answers, servers and the reply to an expired token; the class may have any name."""
    found = outcomes["with_all_options"]

    no_verifier = {f"wrong_credentials_are_refused[{status}]" for status in (401, 403)}
    assert {name for name, outcome in found.items() if outcome.status != "passed"} == no_verifier
    assert len(found) == 1 + 2 + 6


@pytest.mark.parametrize(
    ("component", "check", "texts"),
    [
        ("descriptor_cannot_be_used", "descriptor_is_valid", ["/actions/go/main", "shipmate validate"]),
        ("descriptor_has_errors", "descriptor_is_valid", ["/actions/go/fields/size", "model", "mean 'description'"]),
        ("module_does_not_import", "module_loads[go]", ["actions/go.py:1", "cannot import name 'messages'"]),
        (
            "wants_other_arguments",
            "module_loads[go]",
            ["(context, msg, cfg, snapshot), found process(msg, cfg)"],
        ),
        ("emits_failures_as_messages", "failures_are_reported[go]", ["400 to GET crm.example.com/me", "raise_for"]),
        ("swallows_failures", "failures_are_reported[go]", ["emitted nothing", "400", "raise_for_status"]),
        ("uses_another_library", "expired_token_is_refreshed[go]", ["crm.example.com", "library", "context.oauth2"]),
        ("fails_by_itself", "messages_match_metadata[go]", ["NameError", "actions/go.py", "by itself"]),
        (
            "fails_for_made_up_answers",
            "messages_match_metadata[go]",
            ["KeyError: 'contacts'", "actions/go.py", "answers="],
        ),
        ("verifier_says_yes", "wrong_credentials_are_refused[401]", ["said yes", "401", "GET api.example.com/me"]),
        ("verifier_says_yes", "wrong_credentials_are_refused[403]", ["403", "raise_for_status"]),
        ("verifier_repeats_for_ever", "wrong_credentials_are_refused[401]", ["within 0.5 seconds", "timeout"]),
        ("ignores_401", "expired_token_is_refreshed[go]", ["not refresh", "401 to GET crm.example", "context.oauth2"]),
        ("fails_on_401", "expired_token_is_refreshed[go]", ["its token had expired", "HTTPError", "actions/go.py"]),
        ("loses_new_keys", "expired_token_is_refreshed[go]", ["did not emit updateKeys"]),
        ("emits_a_part_of_the_keys", "expired_token_is_refreshed[go]", ["the whole token response"]),
        ("emits_bare_keys", "expired_token_is_refreshed[go]", ["no valid access_token in oauth", "found access_token"]),
        ("refreshes_and_gives_up", "expired_token_is_refreshed[go]", ["sent no request with the new token"]),
        ("refreshes_by_hand", "rotated_token_is_taken_over[go]", ["another container had refreshed", "HTTPError"]),
        ("keeps_an_old_secret", "expired_token_is_refreshed[go]", ["secret of type oauth2", "context.session(cfg)"]),
        ("messages_differ_from_metadata", "messages_match_metadata[go]", ["metadata.out", "body/id", "whole number"]),
        ("messages_differ_from_dynamic_metadata", "messages_match_metadata[go]", ["get_meta_model", "body/id"]),
        ("dynamic_metadata_fails", "messages_match_metadata[go]", ["get_meta_model failed", "KeyError"]),
        ("dynamic_metadata_without_out", "messages_match_metadata[go]", ["found no out"]),
        ("dynamic_metadata_never_ends", "messages_match_metadata[go]", ["get_meta_model did not end within 0.5"]),
        ("verifier_does_not_import", "wrong_credentials_are_refused[401]", ["verify_credentials.py", "nowhere"]),
        ("prints_a_token", "secrets_stay_secret[go]", ["access_token of oauth was printed"]),
        ("emits_a_part_of_a_token", "secrets_stay_secret[go]", ["access_token of oauth was emitted as an error"]),
        ("logs_a_part_of_a_password", "secrets_stay_secret[go]", ["password was logged"]),
        ("never_ends", "expired_token_is_refreshed[go]", ["within 0.5 seconds, at actions/go.py:", "paging"]),
        ("never_ends_by_itself", "messages_match_metadata[go]", ["did not end within 0.1 seconds"]),
        ("fails_for_its_fixture", "messages_match_metadata[go]", ["test/fixture.json", "KeyError", "actions/go.py"]),
        ("broken_fixtures", "expired_token_is_refreshed[go]", ["test/fixture.json", "expected JSON"]),
    ],
)
def test_a_defect_fails_its_check(outcomes: Outcomes, component: str, check: str, texts: list[str]) -> None:
    """The text says what was found and what to do, without a traceback of the kit."""
    found = outcomes[component][check]

    assert found.status == "failure"
    assert [text for text in texts if text not in found.text] == []
    assert "checks.py" not in found.text
    assert "During handling" not in found.text


@pytest.mark.parametrize(
    ("component", "check", "reason"),
    [
        ("descriptor_cannot_be_used", "module_loads[component.json]", "component.json cannot be used"),
        ("descriptor_cannot_be_used", "wrong_credentials_are_refused[401]", "component.json cannot be used"),
        ("verifier_asks_nobody", "wrong_credentials_are_refused[401]", "sent no request and said yes"),
        ("module_does_not_import", "messages_match_metadata[go]", "see module_loads"),
        ("uses_another_library", "failures_are_reported[go]", "with another library than requests"),
        ("fails_by_itself", "failures_are_reported[go]", "it made no request"),
        ("api_key", "rotated_token_is_taken_over[go]", "rotated_token_is_taken_over[go] was not checked: the comp"),
        ("ignores_401", "wrong_credentials_are_refused[401]", "there is no verify_credentials.py"),
        ("no_credentials", "wrong_credentials_are_refused[401]", "component.json has no credentials"),
        ("api_key", "expired_token_is_refreshed[go]", "the component has no OAuth2"),
        ("basic", "messages_match_metadata[go]", "the function has no metadata.out"),
        ("verifier_asks_nobody", "messages_match_metadata[go]", "the function has no metadata.out"),
        ("token_of_its_own", "rotated_token_is_taken_over[go]", "a server of serve issues its tokens"),
        ("fails_for_made_up_answers", "expired_token_is_refreshed[go]", "component_suite(answers=...)"),
        ("emits_nothing", "messages_match_metadata[go]", "it emitted no message for sample inputs"),
        ("prints_a_token", "rotated_token_is_taken_over[go]", "left out: the API never rotates"),
    ],
)
def test_what_cannot_be_checked_is_skipped_with_the_reason(
    outcomes: Outcomes, component: str, check: str, reason: str
) -> None:
    """A suite that passes what it has not checked is worse than none."""
    found = outcomes[component][check]

    assert found.status == "skipped"
    assert reason in found.text


@pytest.mark.parametrize(
    ("component", "check"),
    [
        ("api_key", "wrong_credentials_are_refused[401]"),
        ("api_key", "wrong_credentials_are_refused[403]"),
        ("api_key", "messages_match_metadata[go]"),
        ("api_key", "secrets_stay_secret[go]"),
        ("api_key_as_bearer", "wrong_credentials_are_refused[401]"),
        ("api_key_as_bearer", "messages_match_metadata[go]"),
        ("api_on_this_machine", "wrong_credentials_are_refused[403]"),
        ("api_on_this_machine", "messages_match_metadata[go]"),
        ("basic", "wrong_credentials_are_refused[401]"),
        ("basic", "failures_are_reported[go]"),
        ("basic", "secrets_stay_secret[go]"),
        ("client_credentials", "failures_are_reported[go]"),
        ("client_credentials", "rotated_token_is_taken_over[go]"),
        ("emits_nothing", "secrets_stay_secret[go]"),
        ("client_credentials", "expired_token_is_refreshed[go]"),
        ("no_credentials", "secrets_stay_secret[go]"),
        ("refreshes_by_hand", "expired_token_is_refreshed[go]"),
        ("module_does_not_import", "descriptor_is_valid"),
        ("fields_of_the_api", "expired_token_is_refreshed[createObject]"),
        ("fields_of_the_api", "expired_token_is_refreshed[lookupObject]"),
        ("fields_of_the_api", "messages_match_metadata[createObject]"),
        ("fields_of_the_api", "messages_match_metadata[lookupObject]"),
        ("overridden_answer", "expired_token_is_refreshed[go]"),
        ("overridden_answer", "messages_match_metadata[go]"),
        ("token_of_its_own", "expired_token_is_refreshed[go]"),
        ("token_of_its_own", "failures_are_reported[go]"),
        ("token_of_its_own", "messages_match_metadata[go]"),
        ("platform_secret", "expired_token_is_refreshed[go]"),
        ("platform_secret", "wrong_credentials_are_refused[401]"),
        ("platform_secret", "failures_are_reported[go]"),
        ("platform_secret", "secrets_stay_secret[go]"),
    ],
)
def test_what_is_right_passes(outcomes: Outcomes, component: str, check: str) -> None:
    """With each kind of credentials; and a defect fails only its own check."""
    assert outcomes[component][check] == Outcome("passed", "")


def test_every_component_is_used(outcomes: Outcomes) -> None:
    """A folder that no test reads proves nothing."""
    text = Path(__file__).read_text()

    assert {name for name in outcomes if f'"{name}"' not in text} == set()
    assert outcomes.keys() == {path.name for path in COMPONENTS.iterdir()}


def test_no_secret_is_in_what_the_suite_reports(outcomes: Outcomes) -> None:
    """The outcomes are in the logs of CI, which other people read."""
    texts = [outcome.text for component in outcomes.values() for outcome in component.values()]

    assert [text for text in texts if "access-1-" in text or "refresh-1-" in text] == []


@pytest.mark.parametrize(
    ("left_out", "text"),
    [
        ({"expired_tokens": "why"}, "expected one of descriptor_is_valid, .*, found 'expired_tokens'"),
        ({"module_loads[go]": " "}, r"expected a reason for module_loads\[go\], found none"),
    ],
)
def test_what_is_left_out_must_exist_and_have_a_reason(left_out: dict[str, str], text: str) -> None:
    """A renamed check must not be left out silently."""
    with pytest.raises(ValueError, match=text):
        component_suite(leave_out=left_out)


@pytest.mark.parametrize(
    ("options", "text"),
    [("", "expected a component.json at or above"), ("'nowhere'", "nowhere/component.json: expected a readable file")],
)
def test_a_suite_outside_of_a_component_says_so(tmp_path: Path, options: str, text: str) -> None:
    """It would otherwise have no tests."""
    (tmp_path / "test_component.py").write_text(ONE_LINE.format(options=options))
    done = run_pytest(tmp_path, "-q", "-rs")

    assert done.returncode == 1
    assert text in done.stdout
