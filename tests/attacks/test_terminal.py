"""Foreign text at a terminal: it can neither control the terminal nor imitate a line of the command."""

import json
import os
import pty
import re
from pathlib import Path

import pytest

import shipmate
from tests import forked

SOURCE_ROOT = Path(next(iter(shipmate.__path__))).parent
COLOURS = re.compile(r"\x1b\[(?:0|2|36|1;31)m")
CONTROLS = (
    "\x1b[2J\x1b[31m",  # colours and the cursor
    "\x1b]52;c;Y3VybCBldmls\x07",  # the clipboard (OSC 52)
    "\x1b]0;root\x1b\\",  # the title of the window
    "\x9b2J\x9d52;c;eA==\x9c",  # C1 controls
    "\u202egnp.exe\u2066x\u2069",  # bidirectional marks
    "good\r\x08\x08\x08bad\x7f",  # backspaces and returns
    "a\u2028b\u2029c\x85d\x0bd\x0ce",  # line and paragraph separators
    "x\nchecked: everything\nerror: /etc/passwd: found",  # a forged line
)
# In one text, since each is seen if it is not escaped, and each text costs a dozen processes.
HOSTILE = {"controls": "".join(CONTROLS), "a lone surrogate": "\ud83d"}
EMIT = "def process(context, msg, cfg, snapshot):\n    return {'body': {'text': TEXT}}\n"
FAIL = "def process(context, msg, cfg, snapshot):\n    raise ValueError(TEXT)\n"
LOG = "def process(context, msg, cfg, snapshot):\n    context.logger.warning('said %s', TEXT, extra={'field': TEXT})\n"
KEYS = (
    "def process(context, msg, cfg, snapshot):\n    context.emit('updateKeys', {'oauth': {'access_token': 's3cret'}})\n"
)


def at_terminal(*arguments: str | Path, **variables: str) -> str:
    """Run a command at a terminal, and return what the terminal gets on standard output and standard error."""
    own, other = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE_ROOT), "TERM": "xterm", **variables}
    process = forked.start(
        "shipmate", *arguments, loaded=forked.COMMANDS, env=environment, cwd=Path.cwd(), stdout=other, stderr=other
    )
    os.close(other)
    seen = b""
    try:
        while chunk := os.read(own, 65536):
            seen += chunk
    except OSError:  # the end of a terminal
        pass
    os.close(own)
    process.wait()
    return seen.decode().replace("\r\n", "\n")


def put(root: Path, code: str, text: str = "", **members: object) -> Path:
    """Write a component with one action."""
    (root / "go.py").write_text(f"TEXT = {text!r}\n{code}")
    action = {"title": "Go", "main": "./go.py"}
    (root / "component.json").write_text(json.dumps({"title": "Test", "actions": {"go": action}, **members}))
    return root


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
class TestHostileText:
    def test_an_emitted_text_is_one_printable_line_of_json(self, tmp_path: Path, text: str) -> None:
        seen = at_terminal("exec", "go", "--component", put(tmp_path, EMIT, text))
        assert seen.removesuffix("\n").isprintable()
        assert json.loads(seen)["value"]["body"]["text"] == text

    def test_an_error_and_its_traceback_are_printable(self, tmp_path: Path, text: str) -> None:
        seen = at_terminal("exec", "go", "--component", put(tmp_path, FAIL, text))
        assert COLOURS.sub("", seen).replace("\n", "").isprintable()

    def test_a_log_line_is_printable_and_not_forged(self, tmp_path: Path, text: str) -> None:
        seen = at_terminal("exec", "go", "--component", put(tmp_path, LOG, text))
        assert seen.replace("\n", "").isprintable()
        assert all(re.match(r"\d\d:\d\d:\d\d|    ", line) for line in seen.splitlines())

    def test_a_descriptor_is_checked_in_printable_lines(self, tmp_path: Path, text: str) -> None:
        root = put(tmp_path, EMIT, credentials={"fields": {text: {"viewClass": text}}}, envVars={text: 1})
        for arguments in (("--component", root), ("--descriptor", root / "component.json")):
            seen = at_terminal("validate", *arguments)
            assert seen.replace("\n", "").isprintable()
            assert "\nchecked: everything" not in seen

    def test_documentation_is_printable(self, tmp_path: Path, text: str) -> None:
        root = put(tmp_path, EMIT, title=f"A{text}", description=text)
        assert at_terminal("docs", "--component", root).replace("\n", "").isprintable()

    @pytest.mark.parametrize("command", ["exec", "call", "new", "verify"])
    def test_a_refusal_is_one_printable_line(self, tmp_path: Path, text: str, command: str) -> None:
        text = text.encode("utf-8", "replace").decode()  # no argument of a command has a lone surrogate
        root = put(tmp_path, EMIT)
        arguments = {
            "exec": ["exec", text, "--component", root],
            "call": ["call", "go", text, "--component", root],
            "new": ["new", root / "new", "--title", text, "--auth", text],
            "verify": ["verify", "--component", root, "--account", f"/none/{text}"],
        }[command]
        assert at_terminal(*arguments).removesuffix("\n").isprintable()


def test_new_tokens_are_masked_at_a_terminal_unless_they_are_asked_for(tmp_path: Path) -> None:
    root = put(tmp_path, KEYS)
    assert '{"event": "updateKeys", "value": {"oauth": {"access_token": "***"}}}' in at_terminal(
        "exec", "go", "--component", root
    )
    assert "s3cret" not in at_terminal("exec", "go", "--component", root)
    assert "s3cret" in at_terminal("exec", "go", "--component", root, "--show-secrets")


def test_a_traceback_at_a_terminal_has_the_authors_frames_first(tmp_path: Path) -> None:
    code = "import json\ndef process(context, msg, cfg, snapshot):\n    json.loads('{')\n"
    seen = at_terminal("exec", "go", "--component", put(tmp_path, code))
    event, head, first, *_ = [line for line in seen.splitlines() if not re.match(r"\d\d:", line)]
    assert "stack" not in json.loads(event)["value"]
    assert head == "Traceback (most recent call last):"
    assert COLOURS.sub("", first).startswith(f'  File "{tmp_path}/go.py", line 4')
    assert seen.index("json.loads('{')") < seen.index("in libraries:") < seen.index("decoder.py")
    assert "\x1b[36m" in seen


FAULT = "    import json\n    json.loads('{')\n"
LOGGED = "    try:\n        import json\n        json.loads('{')\n    except ValueError:\n"
THREAD = "    import threading, json\n    threading.Thread(target=json.loads, args=('{',)).start()\n"
SHOWN = {
    "an error of exec": (("exec", "go"), f"def process(context, msg, cfg, snapshot):\n{FAULT}"),
    "a model that call calls": (("call", "go", "kinds"), f"def kinds(context, cfg):\n{FAULT}"),
    "an error of verify": (("verify",), f"def verify_credentials(context, credentials):\n{FAULT}"),
    "a log line of exec": (
        ("exec", "go"),
        f"def process(context, msg, cfg, snapshot):\n{LOGGED}        context.logger.exception('no')\n",
    ),
    "a log line of call": (
        ("call", "go", "kinds"),
        f"def kinds(context, cfg):\n{LOGGED}        context.logger.warning('no', exc_info=True)\n    return {{}}\n",
    ),
    "a log line of a library": (
        ("verify",),
        f"import logging\ndef verify_credentials(context, credentials):\n{LOGGED}"
        "        logging.getLogger('lib').exception('no')\n",
    ),
}


def put_both(root: Path, code: str) -> Path:
    """Write a component whose code is in its action, or in its verifier."""
    if "def verify_credentials" not in code:
        return put(root, code)
    (root / "verify_credentials.py").write_text(code)
    return put(root, EMIT)


@pytest.mark.parametrize("name", SHOWN)
def test_every_traceback_at_a_terminal_is_readable(tmp_path: Path, name: str) -> None:
    """In colour, with the author's frames before the others, and nowhere as a text in JSON."""
    arguments, code = SHOWN[name]
    seen = at_terminal(*arguments, "--component", put_both(tmp_path, code))
    assert seen.count("Traceback (most recent call last):") == 1
    assert seen.index("json.loads('{')") < seen.index("in libraries:") < seen.index("decoder.py")
    assert "\x1b[36m" in seen
    assert '"stack"' not in seen
    assert "\\n" not in seen


def test_a_traceback_of_a_thread_is_readable(tmp_path: Path) -> None:
    """It has no frame of the author."""
    code = f"def process(context, msg, cfg, snapshot):\n{THREAD}    return {{'body': {{}}}}\n"
    seen = at_terminal("exec", "go", "--component", put(tmp_path, code))
    assert re.search(r"an exception ends the thread .*\n    Traceback", seen)
    assert "\\n" not in seen


@pytest.mark.parametrize("name", SHOWN)
def test_tracebacks_are_json_where_no_person_reads(tmp_path: Path, name: str) -> None:
    """Each line of both outputs."""
    arguments, code = SHOWN[name]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE_ROOT), "LOG_LEVEL": "debug"}
    words = (*arguments, "--component", put_both(tmp_path, code))
    done = forked.run("shipmate", *words, loaded=forked.COMMANDS, env=environment, cwd=tmp_path)
    lines = (done.stdout + done.stderr).splitlines()
    assert "decoder.py" in "".join(map(json.dumps, map(json.loads, lines)))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_traceback_in_the_log_is_printable_and_forges_no_line(tmp_path: Path, text: str) -> None:
    code = (
        "def verify_credentials(context, credentials):\n"
        "    try:\n        raise ValueError(TEXT)\n    except ValueError:\n        context.logger.exception(TEXT)\n"
    )
    root = put(tmp_path, EMIT)
    (root / "verify_credentials.py").write_text(f"TEXT = {text!r}\n{code}")
    seen = COLOURS.sub("", at_terminal("verify", "--component", root))
    assert seen.replace("\n", "").isprintable()
    assert all(re.match(r"\d\d:\d\d:\d\d|    |{", line) for line in seen.splitlines())


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
@pytest.mark.parametrize("name", ["an error of exec", "a model that call calls", "an error of verify"])
def test_a_terminal_without_colours_gets_none(tmp_path: Path, variables: dict[str, str], name: str) -> None:
    arguments, code = SHOWN[name]
    assert "\x1b" not in at_terminal(*arguments, "--component", put_both(tmp_path, code), **variables)
