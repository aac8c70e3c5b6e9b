"""The pytest plugin: fixtures for a component, its OAuth2 provider, the platform, the container, and whole flows.

pytest loads it where shipmate is installed; ``-p no:shipmate`` disables it.
"""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from shipmate.emulator import OAuth2Provider, Platform, RabbitMQNode
    from shipmate.testing.container import ContainerUnderTest
    from shipmate.testing.flow import FlowUnderTest
    from shipmate.testing.subject import ComponentUnderTest

_MARKERS = (
    "oauth2_provider(**options): arguments of shipmate.emulator.OAuth2Provider for the fixture oauth2_provider",
    "container(transport='amqp' or 'proxy'): how the fixture container gets its messages; AMQP unless given",
    "network: the test may reach hosts outside of this machine",
)

_REPORTED = {
    "component": "what the component did",
    "container": "the end of the container's log",
    "flow": "what the flow did",
}


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Add the component's events and its container's log to the report of a failed test."""
    report = yield
    fixtures = getattr(item, "funcargs", {})
    for name, title in _REPORTED.items():
        subject: Any = fixtures.get(name)
        if report.failed and hasattr(subject, "report") and (text := subject.report()):
            report.sections.append((f"shipmate: {title}", text))
    worked = getattr(fixtures.get("component_trial"), "worked", None)
    if report.when == "call" and worked is not None:
        report.shipmate_sample_run = (fixtures["function_id"], worked)  # pytest-xdist carries it to the main process
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the functions of which no run of the component suite succeeded: a skipped check is easily overlooked."""
    runs = [
        (report.nodeid.partition("::")[0], *report.shipmate_sample_run)
        for reports in terminalreporter.stats.values()
        for report in reports
        if hasattr(report, "shipmate_sample_run")
    ]
    if idle := sorted((file, id) for file, id, worked in runs if not worked):
        files = {file for file, _ in idle}
        names = ", ".join(f"{id} ({file})" if len(files) > 1 else id for file, id in idle)
        terminalreporter.write_line(
            f"shipmate: {len(idle)} of {len(runs)} functions were never seen to work: {names}; -rs says why",
            yellow=True,
        )


@pytest.fixture
def component(request: pytest.FixtureRequest) -> "Iterator[ComponentUnderTest]":
    """The component in or above the folder of the test: ``run``, ``call`` and ``verify`` call its functions.

    The test reaches only hosts that ``component.serve(url, server)`` serves, unless it is marked with ``network``.
    """
    from shipmate.errors import ShipmateError
    from shipmate.testing.isolation import only_component
    from shipmate.testing.routes import Routes
    from shipmate.testing.subject import ComponentUnderTest, find_root

    root = find_root(request.path.parent, lambda folder: folder == request.config.rootpath)
    if root is None:
        pytest.fail(f"expected a component.json at or above {request.path.parent}, found none", pytrace=False)
    try:
        subject = ComponentUnderTest(root, Routes())
    except ShipmateError as error:
        pytest.fail(str(error), pytrace=False)
    is_closed = request.node.get_closest_marker("network") is None
    with only_component(root), subject.routes.installed(closes_network=is_closed):
        yield subject
    subject.close()


@pytest.fixture
def oauth2_provider(
    request: pytest.FixtureRequest, component: "ComponentUnderTest", monkeypatch: pytest.MonkeyPatch
) -> "Iterator[OAuth2Provider]":
    """An OAuth2 provider at the URLs in ``credentials.oauth2``; the component's client is registered there.

    Variables of the client that are not set get sample values. ``@pytest.mark.oauth2_provider(rotation=False)``
    passes arguments to the provider.
    """
    from shipmate.testing.provider import provider_of, sample_variables, serve_tokens

    for name, value in sample_variables(component.descriptor, os.environ).items():
        monkeypatch.setenv(name, value)
    marker = request.node.get_closest_marker("oauth2_provider")
    with provider_of(component.descriptor, os.environ, **(marker.kwargs if marker else {})) as provider:
        serve_tokens(component.routes, provider, component.descriptor, os.environ)
        yield provider


@pytest.fixture
def platform(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Platform]":
    """The platform's API and object storage; the environment gets their addresses.

    Its secrets of type oauth2 are refreshed by the fixture ``oauth2_provider``, or by a provider of its own.
    """
    from shipmate.emulator import OAuth2Provider, Platform

    with Platform() as emulated:
        shared = "oauth2_provider" in request.fixturenames
        emulated.provider = request.getfixturevalue("oauth2_provider") if shared else OAuth2Provider()
        for name, value in emulated.environ().items():
            monkeypatch.setenv(name, value)
        yield emulated


@contextmanager
def rabbitmq_node() -> "Iterator[RabbitMQNode]":
    """Run a private RabbitMQ; if RabbitMQ is not installed, skip the test, or fail it where RabbitMQ is required.

    ``CI`` or ``SHIPMATE_REQUIRE_BROKER`` makes RabbitMQ required: a skipped test would stay unnoticed there.
    """
    from shipmate.emulator import RabbitMQNode, RabbitMQNotInstalled

    with closing(RabbitMQNode()) as node:
        try:
            node.start()
        except RabbitMQNotInstalled as missing:
            is_required = os.environ.get("CI") or os.environ.get("SHIPMATE_REQUIRE_BROKER")
            give_up = pytest.fail if is_required else pytest.skip
            give_up(f"{missing}; or set SHIPMATE_TEST_AMQP_URI to the address of a broker")
        yield node


@pytest.fixture(scope="session")
def rabbitmq() -> "Iterator[RabbitMQNode]":
    """A private RabbitMQ for all tests of the run, which must not stop it; `rabbitmq_node` runs one that they may."""
    with rabbitmq_node() as node:
        yield node


@pytest.fixture
def container(
    request: pytest.FixtureRequest, component: "ComponentUnderTest", platform: "Platform"
) -> "Iterator[ContainerUnderTest]":
    """The component as ``shipmate run`` in its own process, with a real RabbitMQ or an emulated sailor proxy.

    ``@pytest.mark.container(transport="proxy")`` chooses the proxy for a test, and
    ``@pytest.mark.parametrize("container", ["amqp", "proxy"], indirect=True)`` runs it on both.
    ``SHIPMATE_TEST_AMQP_URI`` names the broker; otherwise it is that of the fixture ``rabbitmq``. A breach of the
    proxy's contract by the runtime fails the test.
    """
    from shipmate.errors import BadInput
    from shipmate.testing.container import URI_VARIABLE, ContainerUnderTest

    uri = _broker(request) if _transport(request) == "amqp" else None
    try:
        started = ContainerUnderTest(component.descriptor, platform, uri, component.routes)
    except BadInput as error:
        pytest.fail(f"{URI_VARIABLE}: {error}", pytrace=False)
    yield started
    started.close()
    if started.problems:
        pytest.fail(f"the runtime broke the contract of the sailor proxy: {started.problems}", pytrace=False)


@pytest.fixture
def flow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[FlowUnderTest]":
    """Runs a flow file once: ``flow("flow.yaml", msg={"body": {...}})``.

    Its steps are containers, at the RabbitMQ of the fixture ``container``. In a test with the fixture ``component`` or
    ``oauth2_provider`` they reach the servers of these, too. Other hosts are refused unless the test is marked with
    ``network``.
    """
    from shipmate.errors import ShipmateError
    from shipmate.testing.flow import FlowUnderTest
    from shipmate.testing.routes import Routes

    component = request.getfixturevalue("component") if "component" in request.fixturenames else None
    root, folder = request.config.rootpath, request.path.parent
    above = [each for each in folder.parents if each.is_relative_to(root)]
    try:
        started = FlowUnderTest(
            [folder, *above],
            tmp_path_factory.mktemp("flow"),
            _broker(request),
            component.routes if component is not None else Routes(),
            closes_network=request.node.get_closest_marker("network") is None,
        )
    except ShipmateError as error:
        pytest.fail(str(error), pytrace=False)
    yield started
    started.close()


def _transport(request: pytest.FixtureRequest) -> str:
    """Return the transport of the fixture ``container``: the parameter, that of the marker, or AMQP."""
    marker = request.node.get_closest_marker("container")
    transport = getattr(request, "param", marker.kwargs.get("transport", "amqp") if marker else "amqp")
    if transport not in ("amqp", "proxy"):
        pytest.fail(f"expected 'amqp' or 'proxy' as the transport of the container, found {transport!r}", pytrace=False)
    return str(transport)


def _broker(request: pytest.FixtureRequest) -> str:
    from shipmate.testing.container import URI_VARIABLE

    return os.environ.get(URI_VARIABLE) or str(request.getfixturevalue("rabbitmq").uri)
