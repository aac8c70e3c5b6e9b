"""A suite of checks for any component, in one line of its tests."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from shipmate.component import DESCRIPTOR, Function
from shipmate.emulator import Reply, Server
from shipmate.errors import DescriptorError, ShipmateError
from shipmate.testing import checks, token_checks
from shipmate.testing.isolation import only_component
from shipmate.testing.subject import find_root
from shipmate.testing.trial import Surroundings, Trial, function_ids, trial
from shipmate.testing.verdict import Failed, NotChecked

CHECKS: Final = (
    "descriptor_is_valid",
    "module_loads",
    "wrong_credentials_are_refused",
    "expired_token_is_refreshed",
    "rotated_token_is_taken_over",
    "failures_are_reported",
    "messages_match_metadata",
    "secrets_stay_secret",
)
_UNREADABLE: Final = f"{DESCRIPTOR} cannot be used"


def component_suite(
    root: str | Path | None = None,
    *,
    samples: Mapping[str, Mapping[str, Any]] | None = None,
    credentials: Mapping[str, Any] | None = None,
    answers: Mapping[str, Any] | None = None,
    serve: Mapping[str, Server | Callable[[], Server]] | None = None,
    expired: Reply | None = None,
    leave_out: Mapping[str, str] | None = None,
    timeout_seconds: float = 10.0,
) -> "type[ComponentSuite]":
    """Return a class of tests for a component: a test file needs only ``TestComponent = component_suite()``.

    The suite needs no network and no credentials. All requests go to an emulated API, which returns sample bodies
    unless ``answers`` or ``serve`` are given. A check that is not possible is skipped with a reason: ``pytest -rs``.

    Args:
        root: The component's folder, relative to the test file; unless given, the nearest folder above the file with
            a ``component.json``.
        samples: Inputs by function: ``{"create": {"msg": {...}, "cfg": {...}, "snapshot": ...}}``. Missing ones come
            from the fixture of ``test/fixture.json`` with the function's name, or are generated.
        credentials: Credential fields for all functions, without OAuth2 keys, which the suite issues.
        answers: Replies of the API by path or method and path: ``{"GET /contacts/{id}": {...}}``. A value is a body,
            a `shipmate.emulator.Reply`, or a function of the request and the names in the path.
        serve: Servers by URL, or functions that return a new server for each check.
        expired: Reply of the API to an expired token, 401 unless given.
        leave_out: Reasons by check: ``{"secrets_stay_secret": "..."}``, or ``"secrets_stay_secret[create]"``.
        timeout_seconds: Longest time of one call of a function.

    Raises:
        ValueError: ``leave_out`` names a check that does not exist, or has no reason for it.
    """
    for name, reason in (leave_out or {}).items():
        if name.partition("[")[0] not in CHECKS:
            raise ValueError(f"leave_out: expected one of {', '.join(CHECKS)}, found {name!r}")
        if not (isinstance(reason, str) and reason.strip()):
            raise ValueError(f"leave_out: expected a reason for {name}, found none")
    surroundings = Surroundings(
        samples=samples or {},
        credentials=credentials,
        answers=answers or {},
        serve=serve or {},
        expired=expired,
        timeout_seconds=timeout_seconds,
    )
    members = {
        "__doc__": ComponentSuite.__doc__,
        "__test__": True,  # for pytest, which otherwise collects only names with Test
        "root": root,
        "surroundings": surroundings,
        "left_out": dict(leave_out or {}),
    }
    return type("ComponentSuite", (ComponentSuite,), members)


class ComponentSuite:
    """The checks of a component; `component_suite` returns a subclass."""

    __test__ = False
    root: ClassVar[str | Path | None] = None
    surroundings: ClassVar[Surroundings] = Surroundings()
    left_out: ClassVar[Mapping[str, str]] = {}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrize the checks by function, and by the status of a refusal."""
        if "status" in metafunc.fixturenames:
            metafunc.parametrize("status", [401, 403])
        if "function_id" in metafunc.fixturenames:
            root = self._root(metafunc.definition.path)
            ids = function_ids(root) if root is not None else []
            unusable = pytest.param("", id=DESCRIPTOR, marks=pytest.mark.skip(reason=_UNREADABLE))
            metafunc.parametrize("function_id", ids or [unusable])

    @pytest.fixture(autouse=True)
    def _left_out(self, request: pytest.FixtureRequest) -> None:
        names = [name.removeprefix("test_") for name in (request.node.originalname, request.node.name)]
        for name in names:
            if (reason := self.left_out.get(name)) is not None:
                pytest.skip(f"{names[-1]} was left out: {reason}")

    @pytest.fixture
    def component_root(self, request: pytest.FixtureRequest) -> Path:
        """The component's folder."""
        root = self._root(request.path)
        if root is None:
            pytest.fail(f"expected a {DESCRIPTOR} at or above {request.path.parent}, found none", pytrace=False)
        return root

    @pytest.fixture
    def component_trial(self, component_root: Path) -> Iterator[Trial]:
        """The component with emulated surroundings."""
        with ExitStack() as stack:
            unreadable = None
            try:
                started = stack.enter_context(trial(component_root, self.surroundings))
            except ShipmateError as error:
                unreadable = str(error)
            if unreadable is not None:
                pytest.skip(f"{_UNREADABLE}: {unreadable}")
            yield started

    def test_descriptor_is_valid(self, component_root: Path) -> None:
        """component.json and its schemas have no errors."""
        with only_component(component_root):
            _judge(checks.descriptor_is_valid, component_root)

    def test_module_loads(self, component_trial: Trial, function_id: str) -> None:
        """The function's module imports and has the functions that component.json names."""
        _judge_function(checks.module_loads, component_trial, function_id)

    def test_wrong_credentials_are_refused(self, component_trial: Trial, status: int) -> None:
        """verify_credentials rejects credentials that the API refuses."""
        _judge(checks.wrong_credentials_are_refused, component_trial, status, parameter=str(status))

    def test_expired_token_is_refreshed(self, component_trial: Trial, function_id: str) -> None:
        """The function refreshes an expired token, emits the new keys and repeats its request."""
        _judge_function(token_checks.expired_token_is_refreshed, component_trial, function_id)

    def test_rotated_token_is_taken_over(self, component_trial: Trial, function_id: str) -> None:
        """The function uses keys that another container has refreshed."""
        _judge_function(token_checks.rotated_token_is_taken_over, component_trial, function_id)

    def test_failures_are_reported(self, component_trial: Trial, function_id: str) -> None:
        """The function emits an error or a rebound when the API refuses a request."""
        _judge_function(checks.failures_are_reported, component_trial, function_id)

    def test_messages_match_metadata(self, component_trial: Trial, function_id: str) -> None:
        """The function's messages match its metadata, and a polling trigger handles every place to go on from."""
        _judge_function(checks.messages_match_metadata, component_trial, function_id)

    def test_secrets_stay_secret(self, component_trial: Trial, function_id: str) -> None:
        """The function's prints, logs and errors have no secret."""
        _judge_function(checks.secrets_stay_secret, component_trial, function_id)

    def _root(self, test_file: Path) -> Path | None:
        if self.root is not None:
            return (test_file.parent / self.root).resolve()
        return find_root(test_file.parent)


def _judge_function(check: Callable[[Trial, Function], None], component: Trial, function_id: str) -> None:
    _judge(check, component, component.subject.descriptor.function(function_id), parameter=function_id)


def _judge(check: Callable[..., None], *arguments: Any, parameter: str = "") -> None:
    """Turn the outcome of a check into that of a test, without the kit's own traceback.

    Args:
        check: The check.
        *arguments: Its arguments.
        parameter: The parameter in the name of the test: a function's id, or a status.
    """
    skipped = failed = None
    try:
        check(*arguments)
    except NotChecked as reason:
        skipped = reason
    except DescriptorError as error:  # descriptor_is_valid reports it
        skipped = NotChecked(str(error))
    except (Failed, ShipmateError) as failure:
        failed = str(failure)
    # Outside of the except clauses, so that pytest does not show the cause as well.
    if skipped is not None:
        pytest.skip(f"{check.__name__}{f'[{parameter}]' if parameter else ''} was not checked: {skipped}")
    if failed is not None:
        pytest.fail(failed, pytrace=False)
