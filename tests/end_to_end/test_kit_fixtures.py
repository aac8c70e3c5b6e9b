"""The fixtures of the test kit, in tests as an author writes them."""

import json
import textwrap
from pathlib import Path

import pytest

from shipmate.emulator import RabbitMQNode
from tests.authors import Outcomes, read_outcomes, run_pytest

# Each is a whole run of pytest, some with a container.
pytestmark = pytest.mark.timeout(60)

DESCRIPTOR = {
    "title": "CRM",
    "credentials": {
        "fields": {"oauth": {"label": "Account", "viewClass": "OAuthFieldView"}},
        "oauth2": {
            "client_id": "{{KIT_CLIENT_ID}}",
            "client_secret": "{{KIT_CLIENT_SECRET}}",
            "auth_uri": "https://login.example.com/authorize",
            "token_uri": "https://login.example.com/token",
        },
    },
    "actions": {
        name: {"title": name, "main": f"./actions/{name}.py"}
        for name in ("plain", "coroutine", "generator", "async_generator", "events", "fails", "ends", "logs")
    },
}
FILES = {
    "actions/plain.py": """
        from shipmate import message

        def process(context, msg, cfg, snapshot):
            reply = context.oauth2(cfg).post("https://crm.example.com/contacts", json=msg["body"])
            reply.raise_for_status()
            return message(reply.json())

        def sizes(context, cfg):
            return {"s": cfg["small"]}
        """,
    "actions/coroutine.py": """
        from shipmate import message

        async def process(context, msg, cfg, snapshot):
            await context.emit("data", message({"kind": "coroutine"}))
        """,
    "actions/generator.py": """
        def process(context, msg, cfg, snapshot):
            yield {"body": {"kind": "generator"}}
        """,
    "actions/async_generator.py": """
        async def process(context, msg, cfg, snapshot):
            yield {"body": {"kind": "async generator"}}
        """,
    "actions/events.py": """
        def process(context, msg, cfg, snapshot):
            context.emit("snapshot", {"next": snapshot.get("next", 0) + 1})
            context.emit("httpReply", {"statusCode": 200, "body": "done", "headers": {}})
            context.emit("rebound", "the API is busy")
        """,
    "actions/fails.py": """
        import requests

        def process(context, msg, cfg, snapshot):
            print(cfg["oauth"]["access_token"][:3])
            requests.get("https://elsewhere.example.com/?token=" + cfg["oauth"]["access_token"], timeout=5)
        """,
    "actions/ends.py": """
        import os
        import sys

        def process(context, msg, cfg, snapshot):
            sys.stdout.write("the last words\\n")
            sys.stdout.flush()
            os._exit(3)
        """,
    "actions/logs.py": """
        def process(context, msg, cfg, snapshot):
            context.logger.warning("took %s", msg["body"]["name"])
            return {"body": {"variables": dict(context.flow_variables)}}
        """,
    "verify_credentials.py": """
        def verify_credentials(context, credentials):
            reply = context.oauth2(credentials).get("https://crm.example.com/me")
            return {"verified": reply.ok, "reason": f"the API answered {reply.status_code}"}
        """,
    "test/fixture.json": '{"fixtures": {"ada": {"msg": {"body": {"name": "Ada"}}}}}',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A component."""
    (tmp_path / "component.json").write_text(json.dumps(DESCRIPTOR))
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text))
    (tmp_path / "tests").mkdir()
    return tmp_path


def outcomes_of(folder: Path, tests: str, **environ: str) -> Outcomes:
    """Write tests into the component, run them, and return their outcomes by file."""
    (folder / "tests" / "test_crm.py").write_text(textwrap.dedent(tests))
    done = run_pytest(folder, "-q", "-Werror", "--junitxml=report.xml", **environ)
    assert (folder / "report.xml").is_file(), done.stdout + done.stderr
    return read_outcomes(folder / "report.xml")


def all_pass(outcomes: Outcomes) -> bool:
    """Return whether there are outcomes; fail with those that are not passed."""
    found = [(name, each) for tests in outcomes.values() for name, each in tests.items()]
    assert [(name, each.status, each.text) for name, each in found if each.status != "passed"] == []
    return bool(found)


def test_functions_of_all_kinds_run_against_an_emulated_api(folder: Path) -> None:
    """With an expired token; the test reads what they emit, store and log."""
    tests = """
        import pytest

        from shipmate.emulator import DemoApi

        @pytest.fixture
        def api(component, oauth2_provider):
            return component.serve("https://crm.example.com", DemoApi(oauth2_provider))

        def test_plain(component, oauth2_provider, api):
            cfg = {"oauth": oauth2_provider.issue(expired=True)}
            emissions = component.run("plain", msg={"body": {"name": "Ada"}}, cfg=cfg)
            assert emissions.message["body"] == {"id": "1", "name": "Ada"}
            assert emissions.errors == []
            assert oauth2_provider.is_valid(emissions.updated_keys[0]["oauth"]["access_token"])
            assert component.stored_keys == emissions.updated_keys[0]
            component.run("plain", msg={"body": {}}, cfg=cfg)
            assert len(component.updated_keys) == 1
            assert [each.status for each in api.requests] == [401, 201, 201]
            assert api.requests[-1].header("Host") == "crm.example.com"

        @pytest.mark.parametrize("kind", ["coroutine", "generator", "async_generator"])
        def test_kinds(component, kind):
            assert component.run(kind).message["body"] == {"kind": kind.replace("_", " ")}

        def test_events(component):
            emissions = component.run("events", snapshot={"next": 1})
            assert emissions.snapshots == [{"next": 2}]
            assert emissions.http_replies[0]["body"] == "done"
            assert emissions.rebounds == ["the API is busy"]
            assert emissions.data == []

        def test_verify(component, oauth2_provider, api):
            assert component.verify({"oauth": oauth2_provider.issue()})["verified"] is True
            refused = component.verify({"oauth": {"access_token": "wrong"}})
            assert refused["verified"] is False

        def test_call(component):
            assert component.call("plain", "sizes", {"small": "Small"}) == {"s": "Small"}

        def test_log_and_fixture(component):
            emissions = component.run("logs", fixture="ada", flow_variables={"stage": "test"})
            assert emissions.message["body"] == {"variables": {"stage": "test"}}
            assert '"msg": "took Ada"' in component.log

        @pytest.mark.oauth2_provider(rotation=False)
        def test_marker(component, oauth2_provider, api):
            oauth = oauth2_provider.issue(expired=True)
            emissions = component.run("plain", msg={"body": {}}, cfg={"oauth": oauth})
            assert emissions.updated_keys[0]["oauth"]["refresh_token"] == oauth["refresh_token"]

        def test_platform(component, platform, monkeypatch):
            assert component.run("logs", {"body": {"name": "Eve"}}).errors == []
        """
    assert all_pass(outcomes_of(folder, tests))


def test_a_failure_says_what_was_emitted_and_which_host_was_refused(folder: Path) -> None:
    """It has the author's file and line, and no secrets."""
    tests = """
        def test_fails(component, oauth2_provider):
            component.run("fails", cfg={"oauth": oauth2_provider.issue()}).message

        def test_passes_over_it(component, oauth2_provider):
            component.run("fails", cfg={"oauth": oauth2_provider.issue()})
            assert False
        """
    (folder / "tests" / "test_crm.py").write_text(textwrap.dedent(tests))
    done = run_pytest(folder, "-q")

    assert done.returncode == 1
    assert "expected one message, found error: ConnectionError" in done.stdout
    assert f'File "{folder / "actions" / "fails.py"}", line 6, in process' in done.stdout
    assert "not served: elsewhere.example.com" in done.stdout
    assert "component.serve(url, server)" in done.stdout
    assert done.stdout.count("shipmate: what the component did") == 2
    assert "access-1-" not in done.stdout


def test_a_message_without_body_is_a_mistake_of_the_test(folder: Path) -> None:
    """No platform sends such a message."""
    tests = """
        import pytest

        def test_message(component):
            with pytest.raises(TypeError, match="without body"):
                component.run("plain", msg={"name": "Ada"})
        """
    assert all_pass(outcomes_of(folder, tests))


def test_it_works_together_with_responses(folder: Path) -> None:
    """Mocked requests get the mock, others the emulated servers, whichever of both was started first."""
    tests = """
        import responses

        from shipmate.emulator import DemoApi

        def test_inside(component, oauth2_provider):
            with responses.RequestsMock() as mocked:
                mocked.add(responses.POST, "https://crm.example.com/contacts", json={"id": 9}, status=201)
                emissions = component.run("plain", {"body": {}}, {"oauth": oauth2_provider.issue()})
            assert emissions.message["body"] == {"id": 9}
            assert not oauth2_provider.requests

        @responses.activate
        def test_around(component, oauth2_provider):
            api = component.serve("https://crm.example.com", DemoApi(oauth2_provider))
            responses.add_passthru("https://crm.example.com")
            responses.add(responses.POST, "https://login.example.com/token", json={"access_token": "mocked"})
            oauth = oauth2_provider.issue(expired=True)
            emissions = component.run("plain", {"body": {}}, {"oauth": oauth})
            assert emissions.updated_keys[0]["oauth"]["access_token"] == "mocked"
            assert [each.status for each in api.requests] == [401, 401]
        """
    assert all_pass(outcomes_of(folder, tests))


def test_it_works_together_with_vcrpy(folder: Path) -> None:
    """A cassette answers for hosts that are not served; requests to emulated servers are not recorded."""
    interactions = [
        ("https://crm.example.com/contacts", 401, {"error": "expired"}),
        ("https://login.example.com/token", 200, {"access_token": "***", "expires_in": 3600}),
        ("https://crm.example.com/contacts", 201, {"id": "from the cassette"}),
    ]
    (folder / "tests" / "played.yaml").write_text(
        json.dumps({"interactions": [*map(recorded, interactions)], "version": 1})
    )
    tests = """
        from pathlib import Path

        import vcr

        from shipmate.emulator import DemoApi
        from shipmate.testing import scrubbed

        RECORDER = vcr.VCR(before_record_request=scrubbed, before_record_response=scrubbed)
        HERE = Path(__file__).parent

        def test_replay(component, monkeypatch):
            monkeypatch.setenv("KIT_CLIENT_ID", "id")
            monkeypatch.setenv("KIT_CLIENT_SECRET", "secret")
            with RECORDER.use_cassette(str(HERE / "played.yaml"), record_mode="none") as played:
                cfg = {"oauth": {"access_token": "old", "refresh_token": "r"}}
                emissions = component.run("plain", {"body": {"name": "Ada"}}, cfg)
            assert emissions.message["body"] == {"id": "from the cassette"}
            assert emissions.updated_keys[0]["oauth"]["access_token"] == "***"
            assert played.all_played

        def test_emulated(component, oauth2_provider):
            component.serve("https://crm.example.com", DemoApi(oauth2_provider))
            cassette = HERE / "recorded.yaml"
            with RECORDER.use_cassette(str(cassette), record_mode="all") as recorded:
                oauth = oauth2_provider.issue(expired=True)
                emissions = component.run("plain", {"body": {"name": "Ada"}}, {"oauth": oauth})
            assert emissions.message["body"]["name"] == "Ada"
            assert len(recorded) == 0
            assert not cassette.exists() or oauth["refresh_token"] not in cassette.read_text()
        """
    assert all_pass(outcomes_of(folder, tests))


def recorded(interaction: tuple[str, int, dict[str, object]]) -> dict[str, object]:
    """Return a POST request and its answer in the form of vcrpy."""
    uri, status, body = interaction
    response = {
        "status": {"code": status, "message": "As recorded"},
        "headers": {"Content-Type": ["application/json"]},
        "body": {"string": json.dumps(body)},
    }
    return {"request": {"method": "POST", "uri": uri, "body": None, "headers": {}}, "response": response}


def test_the_container_runs_the_component_against_a_real_broker(folder: Path, rabbitmq: RabbitMQNode) -> None:
    """Its requests reach the emulated servers, and its new keys the platform."""
    tests = """
        import pytest

        from shipmate.emulator import DemoApi
        from shipmate.testing.container import ContainerFailed

        def test_run(component, oauth2_provider, container):
            api = component.serve("https://crm.example.com", DemoApi(oauth2_provider))
            cfg = {"oauth": oauth2_provider.issue(expired=True)}
            emissions = container.run("plain", {"body": {"name": "Ada"}}, cfg=cfg)
            assert emissions.message["body"] == {"id": "1", "name": "Ada"}
            assert container.stored_keys["oauth"] == emissions.updated_keys[0]["oauth"]
            again = container.run("plain", {"body": {"name": "Eve"}}, cfg=cfg)
            assert again.message["body"]["id"] == "2"
            assert again.updated_keys == []
            assert [each.status for each in api.requests] == [401, 201, 201]
            assert container.log.count('"msg": "consuming"') == 1
            assert container.stop() == 0
            assert oauth2_provider.token_requests[0].header("Host") == "login.example.com"

        def test_events(container):
            emissions = container.run("events", snapshot={"next": 4})
            assert emissions.snapshots == [{"next": 5}]
            assert emissions.rebounds == ["the API is busy"]
            assert emissions.http_replies[0]["statusCode"] == 200
            emissions = container.run("logs", {"body": {"name": "Ada"}})
            assert emissions.data
            assert '"msg": "took Ada"' in container.log

        def test_error(container, oauth2_provider):
            emissions = container.run("fails", cfg={"oauth": oauth2_provider.issue()})
            assert "elsewhere.example.com is not served" in emissions.errors[0]["message"]
            assert "fails.py" in emissions.summary()
            assert container.stop() == 0
            assert container.exit_status == 0
            assert container.stop() is None

        def test_end(container):
            with pytest.raises(ContainerFailed, match="ended with status 3 and did not settle") as failure:
                container.run("ends")
            assert "the last words" in str(failure.value)
            assert container.run("logs", {"body": {"name": "Ada"}}).errors == []

        def test_takes_too_long(container):
            with pytest.raises(ContainerFailed, match="did not consume within 0 s"):
                container.start("logs", timeout_seconds=0)
        """
    assert all_pass(outcomes_of(folder, tests, SHIPMATE_TEST_AMQP_URI=rabbitmq.uri))


def test_the_container_runs_the_component_at_a_sailor_proxy(folder: Path) -> None:
    """The same test for both transports is a parameter; a proxy needs no broker."""
    tests = """
        import pytest

        from shipmate.emulator import DemoApi

        @pytest.mark.container(transport="proxy")
        def test_run(component, oauth2_provider, container):
            component.serve("https://crm.example.com", DemoApi(oauth2_provider))
            cfg = {"oauth": oauth2_provider.issue(expired=True)}
            emissions = container.run("plain", {"body": {"name": "Ada"}}, cfg=cfg)
            assert emissions.message["body"] == {"id": "1", "name": "Ada"}
            assert container.stored_keys["oauth"] == emissions.updated_keys[0]["oauth"]
            again = container.run("plain", {"body": {"name": "Eve"}}, cfg=cfg)
            assert again.message["body"]["id"] == "2"
            assert container.log.count('"msg": "consuming"') == 1
            assert container.stop() == 0

        @pytest.mark.parametrize("container", ["proxy"], indirect=True)
        def test_events(container):
            emissions = container.run("events", snapshot={"next": 4})
            assert emissions.snapshots == [{"next": 5}]
            assert emissions.rebounds == ["the API is busy"]
            assert emissions.http_replies[0]["statusCode"] == 200

        @pytest.mark.container(transport="proxy")
        def test_breach(container):
            container.problems.append("poll with a body")
        """
    found = outcomes_of(folder, tests, PATH=str(folder))["tests"]
    assert [found[name].status for name in ("run", "events[proxy]")] == ["passed", "passed"]
    assert found["breach"].status == "error"
    assert "the runtime broke the contract of the sailor proxy: ['poll with a body']" in found["breach"].text


def test_a_transport_that_does_not_exist_is_named(folder: Path) -> None:
    tests = """
        import pytest

        @pytest.mark.container(transport="http")
        def test_run(container):
            pass
        """
    found = outcomes_of(folder, tests)["tests"]["run"]
    assert "expected 'amqp' or 'proxy' as the transport of the container, found 'http'" in found.text


def test_a_container_that_ends_gives_a_failure_with_its_log(folder: Path, rabbitmq: RabbitMQNode) -> None:
    """The report of the test has the log as well."""
    tests = """
        def test_end(container):
            container.run("ends")
        """
    (folder / "tests" / "test_crm.py").write_text(textwrap.dedent(tests))
    done = run_pytest(folder, "-q", SHIPMATE_TEST_AMQP_URI=rabbitmq.uri)

    assert done.returncode == 1
    assert "the container ended with status 3 and did not settle the message; its log:" in done.stdout
    assert "INFO consuming" in done.stdout
    assert "the last words" in done.stdout
    assert "shipmate: the end of the container's log" in done.stdout


ONE_CONTAINER = """
    def test_container(container):
        container.run("logs")
    """


NOTHING_INSTALLED = """
    from shipmate.emulator import rabbitmq

    rabbitmq.PLACES = ()
    """


@pytest.mark.parametrize(("environ", "status"), [({}, "skipped"), ({"CI": "true"}, "error")], ids=["here", "in CI"])
def test_without_a_broker_the_container_is_skipped_and_fails_in_ci(
    folder: Path, environ: dict[str, str], status: str
) -> None:
    """A laptop may have no RabbitMQ; in CI nobody would notice a skipped test."""
    (folder / "tests" / "conftest.py").write_text(textwrap.dedent(NOTHING_INSTALLED))
    found = outcomes_of(folder, ONE_CONTAINER, PATH=str(folder), **environ)["tests"]["container"]

    assert found.status == status
    assert "install RabbitMQ" in found.text
    assert "set SHIPMATE_TEST_AMQP_URI" in found.text


def test_without_a_named_broker_the_container_takes_that_of_the_fixture_rabbitmq(
    folder: Path, rabbitmq: RabbitMQNode
) -> None:
    """All tests of a run share that broker. Here it is the broker of the outer run, to save a start."""
    (folder / "tests" / "conftest.py").write_text(
        "import types, pytest\n\n"
        "@pytest.fixture(scope='session')\n"
        f"def rabbitmq():\n    return types.SimpleNamespace(uri={rabbitmq.uri!r})\n"
    )
    tests = """
        def test_container(container):
            assert container.run("logs", {"body": {"name": "Ada"}}).data
        """
    assert all_pass(outcomes_of(folder, tests))


def test_a_broker_that_does_not_answer_is_named(folder: Path) -> None:
    """Port 9 of this machine has no broker."""
    found = outcomes_of(folder, ONE_CONTAINER, SHIPMATE_TEST_AMQP_URI="amqp://guest:secret-word@127.0.0.1:9")
    failed = found["tests"]["container"]

    assert failed.status == "error"
    assert "SHIPMATE_TEST_AMQP_URI: expected the address of a running AMQP broker" in failed.text
    assert "secret-word" not in failed.text


def test_a_test_outside_of_a_component_says_so(tmp_path: Path) -> None:
    """Folders above the root directory of pytest are not searched."""
    (tmp_path / "test_nothing.py").write_text("def test_nothing(component):\n    pass\n")
    done = run_pytest(tmp_path, "-q", f"--rootdir={tmp_path}")

    assert "expected a component.json at or above" in done.stdout


def test_a_component_that_cannot_be_read_says_where(folder: Path) -> None:
    """One line names the file and the place in it."""
    (folder / "component.json").write_text('{"actions": 7}')
    found = outcomes_of(folder, "def test_nothing(component):\n    pass\n")["tests"]["nothing"]

    assert found.status == "error"
    assert "component.json: /actions: expected an object, found a number" in found.text
