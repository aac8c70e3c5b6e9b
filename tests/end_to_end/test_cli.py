"""The command as a person at a terminal or a script uses it: real processes, from wrong input to lost connections."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import shipmate
from shipmate.emulator import DemoApi, Fault, OAuth2Provider, Platform
from tests.forked import COMMANDS, Process, start

SOURCE_ROOT = Path(next(iter(shipmate.__path__))).parent
DATA = {"event": "data", "value": {"body": {"n": 1}}}


@dataclass(frozen=True)
class Done:
    """What a process has left behind."""

    status: int
    out: str
    err: str

    @property
    def events(self) -> list[Any]:
        """The events that were printed."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def names(self) -> list[str]:
        """The names of the events."""
        return [event["event"] for event in self.events]


class Folder:
    """A component on disk, and the command that runs it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.descriptor: dict[str, Any] = {"title": "Test", "actions": {}, "triggers": {}}
        self.environment: dict[str, str] = {}

    def action(self, code: str, name: str = "go", **members: Any) -> None:
        """Add an action with this code."""
        path = self.root / "actions" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(code, encoding="utf-8")
        self.descriptor["actions"][name] = {"title": name, "main": f"./actions/{name}.py", **members}
        self.write("component.json", self.descriptor)

    def write(self, name: str, content: Any) -> Path:
        """Write a file: text as it is, anything else as JSON."""
        path = self.root / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    def start(self, *arguments: str | Path, **options: Any) -> Process:
        """Start the command in another folder than the component's."""
        measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
        environment = {"PATH": os.environ["PATH"], **measured, **self.environment}
        return start("shipmate", *arguments, loaded=COMMANDS, env=environment, cwd="/", **options)

    def run(self, *arguments: str | Path, stdin: str = "") -> Done:
        """Run the command to its end."""
        process = self.start(*arguments, stdin=subprocess.PIPE)
        out, err = process.communicate(stdin)
        assert "Traceback" not in err
        return Done(process.returncode, out, err)

    def exec(self, *arguments: str | Path, name: str = "go", stdin: str = "") -> Done:
        """Run an action."""
        return self.run("exec", name, "--component", self.root, *arguments, stdin=stdin)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a component with one action, which emits its message."""
    made = Folder(tmp_path / "component")
    made.root.mkdir()
    made.action("def process(context, msg, cfg, snapshot):\n    return {'body': {'n': 1}}\n")
    return made


@pytest.fixture
def provider() -> Iterator[OAuth2Provider]:
    """Return a provider that rotates refresh tokens and notices their reuse."""
    with OAuth2Provider() as made:
        yield made


@pytest.fixture
def api(provider: OAuth2Provider) -> Iterator[DemoApi]:
    """Return an API that the provider protects."""
    with DemoApi(provider) as made:
        yield made


def oauth_component(folder: Folder, provider: OAuth2Provider, code: str) -> Path:
    """Make the action one that uses the provider; return the cfg file, whose token has expired."""
    folder.descriptor["credentials"] = {
        "fields": {"oauth": {"label": "OAuth", "viewClass": "OAuthFieldView"}},
        "oauth2": {
            "client_id": "demo-client",
            "client_secret": "{{DEMO_SECRET}}",
            "auth_uri": provider.authorize_url,
            "token_uri": provider.token_url,
        },
    }
    folder.write(".env", "DEMO_SECRET=demo-secret\n")
    folder.action(code)
    cfg = folder.write("cfg.json", {"_account": "a1", "oauth": provider.issue(expired=True)})
    cfg.chmod(0o600)
    return cfg


# What functions do


KINDS = {
    "plain": "def process(context, msg, cfg, snapshot):\n    return {'body': {'n': 1}}\n",
    "async": "async def process(context, msg, cfg, snapshot):\n    await context.emit('data', {'body': {'n': 1}})\n",
    "generator": "def process(context, msg, cfg, snapshot):\n    yield {'body': {'n': 1}}\n",
    "async generator": "async def process(context, msg, cfg, snapshot):\n    yield {'body': {'n': 1}}\n",
    "map": "def process(context, msg, cfg, snapshot):\n    return map(lambda n: {'body': {'n': n}}, [1])\n",
    "iterator": "def process(context, msg, cfg, snapshot):\n    return iter([{'body': {'n': 1}}])\n",
    "async iterator": (
        "class Messages:\n    left = 1\n    def __aiter__(self): return self\n"
        "    async def __anext__(self):\n        if not self.left: raise StopAsyncIteration\n"
        "        self.left = 0\n        return {'body': {'n': 1}}\n"
        "def process(context, msg, cfg, snapshot):\n    return Messages()\n"
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_function_runs(folder: Folder, kind: str) -> None:
    folder.action(KINDS[kind])
    done = folder.exec()
    assert (done.status, done.events, done.err) == (0, [DATA], "")


@pytest.mark.usefixtures("measured")
def test_every_event_is_one_line_in_order(folder: Folder) -> None:
    folder.action(
        "def process(context, msg, cfg, snapshot):\n"
        "    context.emit('data', {'body': msg['body']})\n"
        "    context.emit('snapshot', {'at': 1})\n"
        "    context.emit('updateSnapshot', {'at': 2})\n"
        "    context.emit('updateKeys', {'oauth': {'access_token': 'a2'}})\n"
        "    context.emit('httpReply', {'statusCode': 200, 'body': 'ok', 'headers': {}})\n"
        "    context.emit('rebound', 'later')\n"
        "    context.emit('error', ValueError('wrong'))\n"
        "    context.emit('end')\n"
    )
    cfg = folder.write("cfg.json", {"oauth": {"access_token": "a1"}})
    done = folder.exec("--cfg", cfg, "--msg", '{"body": {"name": "Zoë"}}')
    error = done.events[6]["value"]
    assert done.status == 1
    assert (error["name"], error["message"]) == ("ValueError", "wrong")
    assert done.events[:6] + done.events[7:] == [
        {"event": "data", "value": {"body": {"name": "Zoë"}}},
        {"event": "snapshot", "value": {"at": 1}},
        {"event": "updateSnapshot", "value": {"at": 2}},
        {"event": "updateKeys", "value": {"oauth": {"access_token": "a2"}}},
        {"event": "httpReply", "value": {"statusCode": 200, "body": "ok", "headers": {}}},
        {"event": "rebound", "value": "later"},
        {"event": "end", "value": None},
    ]
    assert "Zoë" in done.out


def test_the_function_gets_message_cfg_snapshot_and_variables(folder: Folder) -> None:
    folder.action(
        "def init(cfg):\n    cfg['changed'] = True\n"
        "def process(context, msg, cfg, snapshot):\n"
        "    return {'body': [msg, cfg, snapshot, dict(context.flow_variables)]}\n"
    )
    snapshot = folder.write("snapshot.json", {"page": 3})
    done = folder.exec(
        "--msg", "-", "--cfg", '{"k": 1}', "--snapshot", snapshot, "--variables", '{"v": "x"}', stdin='{"id": "m"}'
    )
    message = {"id": "m", "headers": {}, "body": {}}
    assert done.events[0]["value"]["body"] == [message, {"k": 1}, {"page": 3}, {"v": "x"}]


def test_init_runs_before_the_message_and_its_failure_is_an_error(folder: Folder) -> None:
    folder.action(
        "def init(cfg):\n    raise OSError('no disk')\ndef process(context, msg, cfg, snapshot):\n    return {}\n"
    )
    done = folder.exec()
    assert (done.status, done.names) == (1, ["error"])
    assert done.events[0]["value"]["message"] == "no disk"


@pytest.mark.parametrize(("level", "lines"), [("warn", 0), ("INFO", 1), ("20", 2), (None, 1)])
def test_the_log_goes_to_standard_error_at_its_level(folder: Folder, level: str | None, lines: int) -> None:
    folder.action(
        "def process(context, msg, cfg, snapshot):\n"
        "    context.logger.debug('fine')\n"
        "    context.logger.info('hello')\n"
    )
    if level:
        folder.environment["LOG_LEVEL"] = level
    done = folder.exec()
    ours = [line for line in map(json.loads, done.err.splitlines()) if line["msg"] in ("fine", "hello")]
    assert (done.status, done.out, len(ours)) == (0, "", lines)


def test_wrong_levels_of_loggers_end_a_command_with_one_line(folder: Folder) -> None:
    """Nothing was run: status 2."""
    folder.action("def process(context, msg, cfg, snapshot):\n    return {}\n")
    folder.environment["SHIPMATE_LOG_LEVELS"] = "component"
    done = folder.exec()
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("Error: SHIPMATE_LOG_LEVELS: expected logger=level, ")
    assert done.err.count("\n") == 1


# What goes wrong in the component


NOISE = (
    "import os, subprocess, sys\n"
    "print('noise at import')\n"
    "def process(context, msg, cfg, snapshot):\n"
    "    print('noise'); os.write(1, b'noise\\n'); sys.__stdout__.write('noise\\n')\n"
    "    subprocess.run(['echo', 'noise'])\n"
    "    return {'body': {'n': 1}}\n"
)


def test_nothing_but_events_reaches_standard_output(folder: Folder) -> None:
    folder.action(NOISE)
    done = folder.exec()
    assert done.events == [DATA]
    assert done.err.count("noise") == 5


@pytest.mark.parametrize(
    ("code", "name", "text"),
    [
        ("def process(context, msg, cfg, snapshot):\n    raise ValueError('boom')\n", "ValueError", "boom"),
        ("import sys\ndef process(context, msg, cfg, snapshot):\n    sys.exit(0)\n", "SystemExit", "sys.exit"),
        ("raise ValueError('boom')\n", "ModuleNotLoadable", "boom"),
        ("import sys\nsys.exit(0)\n", "ModuleNotLoadable", "exit"),
        ("import no_such_module\n", "ModuleNotLoadable", "no_such_module"),
        ("def process(:\n", "ModuleNotLoadable", "SyntaxError"),
        ("x = 1\n", "FunctionNotFound", "process"),
        ("def process(context, msg, cfg, snapshot):\n    return {}\n", "InvalidMessage", "body"),
    ],
)
def test_a_failing_component_is_one_error_event_and_one_line(folder: Folder, code: str, name: str, text: str) -> None:
    folder.action(code)
    done = folder.exec()
    assert (done.status, done.names) == (1, ["error"])
    assert done.events[0]["value"]["name"] == name
    assert text in done.events[0]["value"]["message"]
    assert set(done.events[0]["value"]) == {"name", "message", "stack"}
    assert len(done.err.splitlines()) == 1


def test_a_traceback_is_logged_only_for_those_who_debug(folder: Folder) -> None:
    folder.environment["LOG_LEVEL"] = "debug"
    folder.action("raise ValueError('boom')\n")
    process = folder.start("exec", "go", "--component", folder.root)
    assert "Traceback" in process.communicate()[1]


@pytest.mark.usefixtures("measured")
def test_a_trigger_without_end_stops_when_nobody_reads_on(folder: Folder) -> None:
    folder.action("def process(context, msg, cfg, snapshot):\n    while True:\n        yield {'body': {'n': 1}}\n")
    process = folder.start("exec", "go", "--component", folder.root)
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline()) == DATA
    process.stdout.close()
    assert (process.wait(), process.stderr.read()) == (0, "")
    process.stderr.close()


def test_events_before_a_full_disk_are_not_lost_silently(folder: Folder) -> None:
    with open("/dev/full", "w") as full:
        process = folder.start("exec", "go", "--component", folder.root, stdout=full)
        err = process.communicate()[1]
    assert process.returncode == 1
    assert "No space left" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize(
    "loop", ["while True: pass", "import time; time.sleep(1000)", "import threading; threading.Event().wait()"]
)
def test_a_function_that_never_returns_is_ended_by_a_signal(
    folder: Folder, number: signal.Signals, status: int, loop: str
) -> None:
    folder.action(f"def process(context, msg, cfg, snapshot):\n    yield {{'body': {{'n': 1}}}}\n    {loop}\n")
    process = folder.start("exec", "go", "--component", folder.root)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == DATA
    process.send_signal(number)
    out, err = process.communicate()
    assert (process.returncode, out) == (status, "")
    assert len(err.splitlines()) == 1
    assert number.name in err


def test_a_thread_that_the_function_leaves_behind_is_ended_by_a_signal(folder: Folder) -> None:
    folder.action(
        "import threading\n"
        "def process(context, msg, cfg, snapshot):\n"
        "    threading.Thread(target=threading.Event().wait, daemon=False).start()\n"
        "    return {'body': {'n': 1}}\n"
    )
    process = folder.start("exec", "go", "--component", folder.root)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == DATA
    process.send_signal(signal.SIGTERM)
    err = process.communicate()[1]
    assert process.returncode == 143
    assert "Traceback" not in err


def test_a_module_that_never_finishes_its_import_is_ended_by_a_signal(folder: Folder) -> None:
    folder.action("import sys\nprint('importing', flush=True)\nwhile True: pass\n")
    process = folder.start("exec", "go", "--component", folder.root)
    assert process.stderr is not None
    assert process.stderr.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130


def test_a_signal_while_input_is_read_ends_the_command_quietly(folder: Folder) -> None:
    os.mkfifo(folder.root / "cfg")
    process = folder.start("exec", "go", "--component", folder.root, "--cfg", folder.root / "cfg")
    with open(folder.root / "cfg", "w"):  # returns when the command has opened it
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (130, "", "")


# What goes wrong before anything runs


WRONG: dict[str, tuple[list[str], str]] = {
    "no such function": (["nope"], "go"),
    "no such component": (["go", "--component", "/no/such/folder"], "/no/such/folder"),
    "no cfg file": (["go", "--cfg", "/no/such/cfg.json"], "/no/such/cfg.json"),
    "a folder as cfg": (["go", "--cfg", "/"], "--cfg /"),
    "broken cfg": (["go", "--cfg", '{"a":\n 1,,}'], "line 2, column 4 "),
    "broken msg": (["go", "--msg", "{"], "line 1, column 2 "),
    "cfg that is a list": (["go", "--cfg", "{root}/list.json"], "expected an object, found an array"),
    "msg that is a list": (["go", "--msg", "{root}/list.json"], "expected an object, found an array"),
    "headers that are a text": (["go", "--msg", '{"headers": ""}'], "/headers"),
    "not UTF-8": (["go", "--msg", "{root}/latin.json"], "UTF-8"),
    "nothing on standard input": (["go", "--msg", "-"], "standard input"),
    "standard input twice": (["go", "--msg", "-", "--cfg", "-"], "only one option"),
    "a fixture without fixtures": (["go", "--fixture", "one"], "fixture.json"),
    "variables that are no texts": (["go", "--variables", '{"v": 1}'], "/v"),
    "a sample without metadata": (["go", "--sample"], "metadata"),
    "a sample beside a message": (["go", "--sample", "--msg", "{}"], "--sample"),
    "an unknown option": (["go", "--no-such-option"], "--no-such-option"),
    "no function": ([], "FUNCTION"),
}


def says_one_line(done: Done, text: str) -> None:
    """Check that nothing was run and that the reason is one clear line."""
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("Error: ")
    assert done.err.count("\n") == 1
    assert text in done.err


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_line_and_nothing_runs(folder: Folder, case: str) -> None:
    folder.write("list.json", [])
    (folder.root / "latin.json").write_bytes(b'{"body": "\xff"}')
    arguments, text = WRONG[case]
    arguments = [argument.replace("{root}", str(folder.root)) for argument in arguments]
    if "--component" not in arguments:
        arguments += ["--component", str(folder.root)]
    says_one_line(folder.run("exec", *arguments), text)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"title": "x"'])
def test_a_missing_or_broken_descriptor_is_named(folder: Folder, content: str | None) -> None:
    (folder.root / "component.json").unlink()
    if content is not None:
        folder.write("component.json", content)
    says_one_line(folder.exec(), "component.json")


@pytest.mark.parametrize("command", [["call", "go", "get_meta_model"], ["verify"]])
@pytest.mark.parametrize("option", [["--cfg", "{"], ["--cfg", "/no/such.json"]])
def test_the_other_commands_refuse_wrong_input_likewise(folder: Folder, command: list[str], option: list[str]) -> None:
    says_one_line(folder.run(*command, "--component", folder.root, *option), "--cfg")


def test_without_a_command_the_help_is_shown(folder: Folder) -> None:
    done = folder.run()
    assert done.status == 2
    assert "exec" in done.err


@pytest.mark.parametrize("command", [[], ["exec"], ["call"], ["verify"], ["validate"]])
def test_every_command_explains_itself(folder: Folder, command: list[str]) -> None:
    done = folder.run(*command, "--help")
    assert done.status == 0
    assert "Usage: shipmate" in done.out


# Fixtures and .env


def test_a_fixture_is_filled_from_the_environment_and_the_env_file(folder: Folder) -> None:
    folder.action(
        "import os\ndef process(context, msg, cfg, snapshot):\n    return {'body': [msg['body'], cfg, snapshot]}\n"
    )
    folder.write(".env", "FROM_FILE=file\nBOTH=file\n")
    folder.environment |= {"BOTH": 'quo"ted & <real>'}
    folder.write(
        "test/fixture.json",
        {
            "fixtures": {
                "one": {
                    "cfg": {"a": "{{FROM_FILE}}", "b": "{{BOTH}}"},
                    "msg": {"body": {"m": 1}},
                    "snapshot": {"s": 1},
                },
                "two": {"cfg": {"a": "{{NOT_SET}}"}},
            }
        },
    )
    done = folder.exec("--fixture", "one", "--msg", '{"body": {"m": 2}}')
    assert done.events[0]["value"]["body"] == [{"m": 2}, {"a": "file", "b": 'quo"ted & <real>'}, {"s": 1}]
    says_one_line(folder.exec("--fixture", "two"), "NOT_SET")
    says_one_line(folder.exec("--fixture", "two"), "/fixtures/two/cfg/a")
    says_one_line(folder.exec("--fixture", "three"), "one, two")


def test_the_component_sees_the_env_file_and_the_real_environment_wins(folder: Folder) -> None:
    folder.action(
        "import os\n"
        "def process(context, msg, cfg, snapshot):\n"
        "    return {'body': [os.environ['A'], os.environ['B']]}\n"
    )
    folder.write(".env", "A=file\nB=file\n")
    folder.environment["B"] = "real"
    assert folder.exec().events[0]["value"]["body"] == ["file", "real"]


# Metadata

METADATA = {
    "in": {"type": "object", "properties": {"email": {"type": "string", "required": True}, "age": {"type": "number"}}}
}


def test_a_message_that_does_not_fit_the_metadata_is_a_warning_with_pointers(folder: Folder) -> None:
    folder.action(KINDS["plain"], metadata=METADATA)
    done = folder.exec("--msg", '{"body": {"age": "old"}}')
    assert (done.status, done.events) == (0, [DATA])
    assert "/age" in done.err
    assert "email" in done.err
    assert "old" not in done.err
    assert folder.exec("--msg", '{"body": {"email": "a@b.c"}}').err == ""


@pytest.mark.usefixtures("measured")
def test_strict_makes_it_an_error(folder: Folder) -> None:
    folder.action(KINDS["plain"], metadata=METADATA)
    says_one_line(folder.exec("--strict", "--msg", '{"body": {"age": "old"}}'), "/age")
    assert folder.exec("--strict", "--msg", '{"body": {"email": "a@b.c"}}').status == 0


@pytest.mark.usefixtures("measured")
def test_a_sample_message_fits_the_metadata(folder: Folder) -> None:
    folder.action("def process(context, msg, cfg, snapshot):\n    return msg\n", metadata=METADATA)
    done = folder.exec("--sample", "--strict")
    assert done.status == 0
    assert isinstance(done.events[0]["value"]["body"]["email"], str)


@pytest.mark.usefixtures("measured")
def test_metadata_that_cannot_be_read_prevents_nothing_but_a_strict_run(folder: Folder) -> None:
    folder.action(KINDS["plain"], metadata={"in": "./schemas/missing.json"})
    done = folder.exec()
    assert (done.status, done.events) == (0, [DATA])
    assert "missing.json" in done.err
    says_one_line(folder.exec("--strict"), "missing.json")


# Keys


SIXTEEN = (
    "from concurrent.futures import ThreadPoolExecutor\n"
    "import copy\n"
    "def process(context, msg, cfg, snapshot):\n"
    "    def one(n):\n"
    "        api = context.oauth2(copy.deepcopy(cfg))\n"
    "        reply = api.get(msg['body']['url'])\n"
    "        reply.raise_for_status()\n"
    "        context.emit('data', {'body': {'n': 1}})\n"
    "    with ThreadPoolExecutor(16) as pool:\n"
    "        list(pool.map(one, range(16)))\n"
)
ONE = (
    "def process(context, msg, cfg, snapshot):\n"
    "    context.oauth2(cfg).get(msg['body']['url']).raise_for_status()\n"
    "    return {'body': {'n': 1}}\n"
)


def message_for(api: DemoApi) -> str:
    """Return a message that names the API."""
    return json.dumps({"body": {"url": f"{api.url}/me"}})


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(("code", "count"), [(ONE, 1), (SIXTEEN, 16)])
def test_an_expired_token_is_refreshed_once_and_saved(
    folder: Folder, provider: OAuth2Provider, api: DemoApi, code: str, count: int
) -> None:
    cfg = oauth_component(folder, provider, code)
    done = folder.exec("--cfg", cfg, "--msg", message_for(api))
    assert (done.status, done.names) == (0, ["updateKeys"] + ["data"] * count)
    assert len(provider.token_requests) == 1
    saved = json.loads(cfg.read_text())
    assert saved == {"_account": "a1", **done.events[0]["value"]}
    assert cfg.stat().st_mode & 0o777 == 0o600
    for secret in (saved["oauth"]["access_token"], saved["oauth"]["refresh_token"], "demo-secret"):
        assert secret not in done.err
    again = folder.exec("--cfg", cfg, "--msg", message_for(api))
    assert again.names == ["data"] * count


@pytest.mark.parametrize(("mode", "warnings"), [(0o600, 0), (0o644, 1)])
def test_keys_that_other_users_can_read_are_one_warning(
    folder: Folder, provider: OAuth2Provider, api: DemoApi, mode: int, warnings: int
) -> None:
    cfg = oauth_component(folder, provider, ONE)
    cfg.chmod(mode)
    step = folder.write("step.json", {"_note": 1})
    done = folder.exec("--cfg", cfg, "--msg", message_for(api))
    assert done.err.count("chmod 600") == warnings
    assert "chmod" not in folder.exec("--cfg", step, "--msg", message_for(api)).err


@pytest.mark.parametrize("where", ["default", "named"])
def test_new_keys_are_saved_to_the_account_and_the_inputs_of_the_step_are_unchanged(
    folder: Folder, provider: OAuth2Provider, api: DemoApi, where: str
) -> None:
    """Whichever way the fields of the step come, a second run starts with the new keys."""
    cfg = oauth_component(folder, provider, ONE)
    account = folder.root / "account.keys.json" if where == "default" else folder.root / "mine.json"
    cfg.rename(account)
    account.chmod(0o600)
    named = () if where == "default" else ("--account", account)
    step = folder.write("step.json", {"_note": 1})
    before = step.read_text()
    fixture = {"cfg": {"oauth": {"access_token": "{{ACCESS_TOKEN}}"}}, "msg": json.loads(message_for(api))}
    folder.write("test/fixture.json", {"fixtures": {"one": fixture}})
    message = ("--msg", message_for(api))
    for number, inputs in enumerate([("--cfg", step, *message), ("--set", "_note=1", *message), ("--fixture", "one")]):
        done = folder.exec(*named, *inputs)
        assert (done.status, "updateKeys" in done.names) == (0, number == 0), done.err
    assert step.read_text() == before
    assert provider.is_valid(json.loads(account.read_text())["oauth"]["access_token"])


def test_two_processes_with_one_file_refresh_once(folder: Folder, provider: OAuth2Provider, api: DemoApi) -> None:
    cfg = oauth_component(folder, provider, ONE)
    may_go_on = threading.Event()
    provider.script("/token", Fault(hold=may_go_on))
    arguments = ("exec", "go", "--component", folder.root, "--cfg", cfg, "--msg", message_for(api))
    processes = [folder.start(*arguments), folder.start(*arguments)]
    provider.journal.wait_for(2, server=api.name)  # both were refused
    provider.journal.wait_for(1, server=provider.name)
    may_go_on.set()
    outs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(json.loads(line)["event"] for out in outs for line in out.splitlines()) == [
        "data",
        "data",
        "updateKeys",
    ]
    assert len(provider.token_requests) == 1


def test_keys_of_a_literal_cfg_are_printed_and_their_loss_is_said_once(
    folder: Folder, provider: OAuth2Provider, api: DemoApi
) -> None:
    cfg = oauth_component(folder, provider, ONE)
    done = folder.exec("--cfg", cfg.read_text(), "--msg", message_for(api))
    assert (done.status, done.names) == (0, ["updateKeys", "data"])
    assert done.err.count("--account FILE") == 1
    assert len(done.err.splitlines()) == 1


OTHER_ACCOUNT = (
    "def process(context, msg, cfg, snapshot):\n"
    "    other = {**cfg, '_account': 'a2', 'oauth': cfg['other']}\n"
    "    context.oauth2(other).get(msg['body']['url']).raise_for_status()\n"
    "    return {'body': {'n': 1}}\n"
)


@pytest.mark.usefixtures("measured")
def test_keys_of_another_account_go_to_the_platform_and_never_to_the_file(
    folder: Folder, provider: OAuth2Provider, api: DemoApi
) -> None:
    cfg = oauth_component(folder, provider, OTHER_ACCOUNT)
    with Platform(accounts={"a2": {}}) as platform:
        for environment in ({}, platform.environ()):
            folder.environment = environment
            content = json.dumps({**json.loads(cfg.read_text()), "other": provider.issue(expired=True)})
            cfg.write_text(content)
            done = folder.exec("--cfg", cfg, "--msg", message_for(api))
            assert (done.status, done.names) == (0, ["updateKeys", "data"])
            assert cfg.read_text() == content
            assert done.err.count("ELASTICIO_API_URI") == (0 if environment else 1)
        assert platform.accounts["a2"] == done.events[0]["value"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_refresh_under_way_reaches_the_file_before_a_signal_ends_the_process(
    folder: Folder, provider: OAuth2Provider, api: DemoApi, number: signal.Signals, status: int
) -> None:
    cfg = oauth_component(folder, provider, ONE)
    old, may_go_on = json.loads(cfg.read_text()), threading.Event()
    provider.script("/token", Fault(hold=may_go_on))
    process = folder.start("exec", "go", "--component", folder.root, "--cfg", cfg, "--msg", message_for(api))
    assert process.stderr is not None
    provider.journal.wait_for(1, server=provider.name)
    process.send_signal(number)
    assert number.name in process.stderr.readline()
    process.send_signal(number)  # a second one does not abort the wait
    may_go_on.set()
    out, err = process.communicate()
    assert process.returncode == status
    assert "Traceback" not in err
    saved = json.loads(cfg.read_text())
    assert saved["oauth"]["refresh_token"] != old["oauth"]["refresh_token"]
    assert json.loads(out.splitlines()[0]) == {"event": "updateKeys", "value": {"oauth": saved["oauth"]}}


def test_keys_are_saved_although_nobody_reads_the_output(
    folder: Folder, provider: OAuth2Provider, api: DemoApi
) -> None:
    cfg = oauth_component(folder, provider, ONE)
    old, may_go_on = json.loads(cfg.read_text()), threading.Event()
    provider.script("/token", Fault(hold=may_go_on))
    process = folder.start("exec", "go", "--component", folder.root, "--cfg", cfg, "--msg", message_for(api))
    assert process.stdout is not None
    assert process.stderr is not None
    provider.journal.wait_for(1, server=provider.name)
    process.stdout.close()
    may_go_on.set()
    assert (process.wait(), process.stderr.read()) == (0, "")
    process.stderr.close()
    assert json.loads(cfg.read_text())["oauth"]["refresh_token"] != old["oauth"]["refresh_token"]


def test_keys_that_cannot_be_saved_are_one_error_and_no_request_is_sent_with_them(
    folder: Folder, provider: OAuth2Provider, api: DemoApi
) -> None:
    cfg = oauth_component(folder, provider, ONE)
    may_go_on = threading.Event()
    provider.script("/token", Fault(hold=may_go_on))
    process = folder.start("exec", "go", "--component", folder.root, "--cfg", cfg, "--msg", message_for(api))
    provider.journal.wait_for(1, server=provider.name)
    cfg.write_text("no JSON any more")
    may_go_on.set()
    out, err = process.communicate()
    assert process.returncode == 1
    assert [json.loads(line)["value"]["name"] for line in out.splitlines()] == ["KeysNotSaved"]
    assert cfg.read_text() == "no JSON any more"
    assert len(api.requests) == 1
    assert "Traceback" not in err


# call, verify, validate


@pytest.mark.usefixtures("measured")
def test_call_prints_one_value(folder: Folder) -> None:
    folder.action(
        "def process(context, msg, cfg, snapshot): pass\n"
        "async def get_meta_model(context, cfg):\n    return {'in': cfg}\n"
        "def kinds(context, cfg):\n    print('noise')\n    return {'a': 'Ä'}\n"
        "def broken(context, cfg):\n    raise ValueError('boom')\n"
        "def leaves(context, cfg):\n    raise SystemExit(0)\n"
    )
    call = ("call", "go")
    assert (
        folder.run(*call, "get_meta_model", "--component", folder.root, "--cfg", '{"k": 1}').out == '{"in": {"k": 1}}\n'
    )
    kinds = folder.run(*call, "kinds", "--component", folder.root)
    assert (kinds.status, kinds.out) == (0, '{"a": "Ä"}\n')
    for name, error in (("broken", "ValueError"), ("leaves", "SystemExit")):
        done = folder.run(*call, name, "--component", folder.root)
        assert (done.status, json.loads(done.out)["error"]["name"]) == (1, error)
        assert len(done.err.splitlines()) == 1
    says_one_line(folder.run(*call, "nope", "--component", folder.root), "kinds")


def test_call_of_a_module_that_does_not_import_is_an_error(folder: Folder) -> None:
    folder.action("raise ValueError('boom')\n")
    done = folder.run("call", "go", "get_meta_model", "--component", folder.root)
    assert (done.status, json.loads(done.out)["error"]["name"]) == (1, "ModuleNotLoadable")


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("code", "status", "verdict"),
    [
        (None, 0, {"verified": True}),
        (
            "def verify_credentials(context, credentials):\n    return {'verified': True, 'x': 1}\n",
            0,
            {"verified": True, "x": 1},
        ),
        ("def verify_credentials(context, credentials):\n    print('noise')\n", 0, {"verified": True}),
        (
            "def verify_credentials(context, credentials):\n    raise ValueError('bad key')\n",
            1,
            {"verified": False, "reason": "bad key"},
        ),
    ],
)
def test_verify_prints_the_verdict(folder: Folder, code: str | None, status: int, verdict: Mapping[str, Any]) -> None:
    if code is not None:
        folder.write("verify_credentials.py", code)
    done = folder.run("verify", "--component", folder.root, "--cfg", "{}")
    assert (done.status, done.out) == (status, json.dumps(verdict) + "\n")


@pytest.mark.parametrize("code", ["import no_such_module\n", "raise SystemExit(0)\n", "x = 1\n"])
def test_a_check_that_does_not_load_verifies_nothing(folder: Folder, code: str) -> None:
    folder.write("verify_credentials.py", code)
    done = folder.run("verify", "--component", folder.root)
    verdict = json.loads(done.out)
    assert (done.status, verdict["verified"]) == (1, False)
    assert verdict["reason"]


def test_call_and_verify_save_keys_without_printing_them(
    folder: Folder, provider: OAuth2Provider, api: DemoApi
) -> None:
    cfg = oauth_component(
        folder,
        provider,
        "def process(context, msg, cfg, snapshot): pass\n"
        "def get_meta_model(context, cfg):\n"
        f"    return {{'status': context.oauth2(cfg).get('{api.url}/me').status_code}}\n",
    )
    folder.write(
        "verify_credentials.py",
        "def verify_credentials(context, credentials):\n"
        f"    return {{'verified': context.oauth2(credentials).get('{api.url}/me').ok}}\n",
    )
    for command in (["call", "go", "get_meta_model"], ["verify"]):
        old = {"_account": "a1", "oauth": provider.issue(expired=True)}
        cfg.write_text(json.dumps(old))
        done = folder.run(*command, "--component", folder.root, "--cfg", cfg)
        assert (done.status, len(done.out.splitlines())) == (0, 1)
        assert json.loads(cfg.read_text())["oauth"] != old["oauth"]


@pytest.mark.usefixtures("measured")
def test_validate_names_what_is_wrong_with_its_place(folder: Folder) -> None:
    folder.descriptor |= {"description": "d"}
    folder.action(KINDS["plain"], metadata={"in": {"type": "object"}, "out": {"type": "object"}})
    good = folder.run("validate", "--component", folder.root)
    assert good.status == 0
    folder.action("raise ValueError('boom')\n", name="broken", metadata={})
    bad = folder.run("validate", "--component", folder.root)
    assert bad.status == 1
    assert "component.json" in bad.out
    assert "/actions/broken" in bad.out
    assert "boom" in bad.out


def test_validate_checks_one_file_alone(folder: Folder) -> None:
    folder.action(KINDS["plain"], name="gone", metadata={"in": {}, "out": {}})
    (folder.root / "actions" / "gone.py").unlink()
    descriptor = str(folder.root / "component.json")
    assert "gone.py" not in folder.run("validate", "--descriptor", descriptor).err


# Slips of an author


FIELDS = {"object": {"label": "Object", "viewClass": "TextFieldView", "required": True}}


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["--msg", '{"name": "Ada"}'], 2, "expected a message with a body, {\"body\": {...}}, found 'name' outside"),
        (["--msg", "[1]"], 2, "expected an object, found an array in --msg"),
        (["--msg", "[1"], 2, "expected JSON, found an error at line 1"),
        (["--msg", "7"], 2, "expected an object, found a number in --msg"),
        (["--msg", '"x"'], 2, "expected an object, found text in --msg"),
        (["--snapshot", "[1]"], 0, ""),
        (["--set", "object"], 2, "expected NAME=VALUE"),
    ],
)
def test_a_slip_in_an_option_is_one_line_that_says_what_to_do(
    folder: Folder, arguments: list[str], status: int, expected: str
) -> None:
    done = folder.exec(*arguments)
    assert (done.status, expected in done.err, done.err.count("\n") <= 1) == (status, True, True), done.err


@pytest.mark.usefixtures("measured")
def test_a_field_that_is_missing_or_misspelt_is_a_warning(folder: Folder) -> None:
    folder.action(KINDS["plain"], fields=FIELDS)
    assert "by --set object=VALUE" in folder.exec().err
    slip = folder.exec("--set", "objct=Contact").err
    assert "the field objct, which component.json does not declare for go; did you mean 'object'?" in slip
    assert folder.exec("--set", "object=Contact").err == ""


def test_a_function_that_emits_nothing_is_told(folder: Folder) -> None:
    folder.action("def process(context, msg, cfg, snapshot):\n    return None\n")
    done = folder.exec()
    assert (done.status, done.out, "go emitted nothing" in done.err) == (0, "", True)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def process(msg, cfg): ...\n", "expected process(context, msg, cfg, snapshot), found process(msg, cfg)"),
        ("def init(): ...\ndef process(*_): ...\n", "expected init(cfg), found init()"),
    ],
)
def test_other_arguments_are_told_as_validate_tells_them(folder: Folder, code: str, expected: str) -> None:
    folder.action(code)
    done = folder.exec()
    assert (done.status, done.events[0]["value"]["message"]) == (1, expected)
    assert expected in folder.run("validate", "--component", folder.root).out


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("context.emit('snapshot', {'at': snapshot['at'] + 1})", {"at": 2}),
        ("context.emit('updateSnapshot', {'to': 2})", {"at": 1, "to": 2}),
        ("context.emit('snapshot', {'at': 2}); context.emit('updateSnapshot', {'to': 3})", {"at": 2, "to": 3}),
        ("context.emit('snapshot', {'at': 2}); raise ValueError('lost')", {"at": 1}),
        ("pass", {"at": 1}),
    ],
)
def test_a_snapshot_file_is_written_back_when_the_function_succeeds(folder: Folder, code: str, kept: Any) -> None:
    folder.action(f"def process(context, msg, cfg, snapshot):\n    {code}\n")
    path = folder.write("snapshot.json", {"at": 1})
    folder.exec("--snapshot", path)
    assert json.loads(path.read_text()) == kept
    assert {each.name for each in folder.root.glob(".*")} == set()


DYNAMIC = (
    "def get_meta_model(context, cfg):\n"
    "    kind = {'properties': {cfg['object']: {'type': 'string', 'required': True}}}\n"
    "    return {'in': {'type': 'object', **kind}, 'out': {}}\n"
    "def process(context, msg, cfg, snapshot):\n    return msg\n"
)


def test_dynamic_metadata_is_asked_for_with_the_cfg(folder: Folder) -> None:
    folder.action(DYNAMIC, dynamicMetadata=True)
    wrong = folder.exec("--strict", "--set", "object=email", "--msg", '{"body": {"email": 1}}')
    assert (wrong.status, wrong.out, "/email: expected text, found a number" in wrong.err) == (2, "", True)
    right = folder.exec("--strict", "--set", "object=email", "--msg", '{"body": {"email": "a"}}')
    assert right.status == 0
    sample = folder.exec("--sample", "--set", "object=name")
    assert isinstance(sample.events[0]["value"]["body"]["name"], str)
    failed = folder.exec("--sample")
    assert (failed.status, "expected metadata from get_meta_model of go, found an error" in failed.err) == (2, True)


# Start-up


@pytest.mark.parametrize(
    ("arguments", "forbidden"),
    [
        (
            ["--help"],
            {
                "requests",
                "jsonschema",
                "asyncio",
                "orjson",
                "shipmate.invocation.executor",
                "dotenv",
                "importlib.metadata",
            },
        ),
        (
            ["exec", "go", "--msg", "{}"],
            {"requests", "jsonschema", "asyncio", "cryptography", "pika", "shipmate.platform.client", "dotenv"},
        ),
        (
            ["health", "--help"],
            {"requests", "pika", "asyncio", "prometheus_client", "shipmate.container.operations.server"},
        ),
    ],
)
def test_nothing_is_imported_that_the_command_does_not_need(
    folder: Folder, arguments: list[str], forbidden: set[str]
) -> None:
    if "exec" in arguments:
        arguments = [*arguments, "--component", str(folder.root)]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "shipmate", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE_ROOT)},
        capture_output=True,
        text=True,
    )
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time")}
    assert done.returncode == 0
    assert "click" in imported
    assert not imported & forbidden
