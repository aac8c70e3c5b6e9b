"""A flow in which everything fails that can fail, and which must lose nothing.

Three steps: a trigger, an action in two containers that calls an API, and a last action behind a mapping. The access
tokens of the API live some seconds, and its refresh tokens may be used once. Containers are killed, and the broker is
stopped and killed.
"""

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from shipmate.emulator import DemoApi, OAuth2Provider, RabbitMQNode

_COMMAND: Final = [sys.executable, "-m", "shipmate", "flow", "run"]
_CLIENT: Final = {"CLIENT_ID": "client", "CLIENT_SECRET": "secret"}
_MIDDLE: Final = "call"
_LAST: Final = "add"
_REST_OF_LIFE_SECONDS: Final = 2
_TOKEN_WAIT_SECONDS: Final = 10.0
_TRIGGER: Final = """
from shipmate import message

def process(context, msg, cfg, snapshot):
    for number in range(cfg["count"]):
        yield message({"number": number})
"""
_ACTION: Final = """
from shipmate import message

def process(context, msg, cfg, snapshot):
    with context.oauth2(cfg) as session:
        session.get(cfg["url"]).raise_for_status()
    return message(msg["body"])
"""
_ECHO: Final = """
from shipmate import message

def process(context, msg, cfg, snapshot):
    return message(msg["body"])
"""


@dataclass(slots=True)
class Outcome:
    """A run that has ended."""

    total: int
    status: int = -1
    seconds: float = 0.0
    seen: Counter[int] = field(default_factory=Counter)
    """The number of results for each number that the trigger has emitted."""
    refresh_tokens: Counter[str] = field(default_factory=Counter, repr=False)
    """The number of requests with each refresh token."""
    faults: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """The processes and queues that remain."""
    log: str = field(default="", repr=False)

    @property
    def problems(self) -> list[str]:
        """What is wrong, empty for a successful run."""
        lost = self.total - len(self.seen)
        found = [f"{lost} messages are lost"] if lost else []
        found += [f"the sum of the numbers is {sum(self.seen)}"] if sum(self.seen) != sum(range(self.total)) else []
        found += [f"{sum(uses > 1 for uses in self.refresh_tokens.values())} refresh tokens were used twice"] * (
            max(self.refresh_tokens.values(), default=0) > 1
        )
        found += ["no token was refreshed"] if not self.refresh_tokens else []
        found += [f"exit status {self.status}"] if self.status else []
        return found + [f"{each} remains" for each in self.left]

    def __str__(self) -> str:
        """Return the figures, one in each line."""
        twice = sum(self.seen.values()) - len(self.seen)
        return "\n".join(
            (
                f"{self.total} messages in {self.seconds:.1f} s, {self.total / self.seconds:.0f} a second",
                f"faults: {', '.join(self.faults)}",
                f"{self.total - len(self.seen)} lost, {twice} came again",
                f"{len(self.refresh_tokens)} refreshes, each with a refresh token of its own",
                f"exit status {self.status}, {len(self.left)} processes or queues remain",
                *(f"wrong: {each}" for each in self.problems),
            )
        )


def run(
    folder: Path,
    node: RabbitMQNode,
    messages: int,
    *,
    stops_broker: bool = True,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Run the flow in an empty folder at a broker of its own, with faults, and return what came of it.

    Args:
        folder: For the files of the flow.
        node: The broker, which is killed and started again.
        messages: The number of messages.
        stops_broker: Whether the broker is also stopped in order.
        say: Gets each fault.
    """
    outcome = Outcome(messages)
    with ExitStack() as stack:
        provider = stack.enter_context(OAuth2Provider({"client": "secret"}, access_token_life_seconds=5))
        api = stack.enter_context(DemoApi(provider))
        _write(folder, messages, provider.token_url, f"{api.url}/me", provider.issue(expired=True))
        started = time.monotonic()
        with (folder / "log").open("wb") as log:
            process = stack.enter_context(
                subprocess.Popen(
                    [*_COMMAND, "flow.json", "--once"],
                    cwd=folder,
                    env={**_environ(), "SHIPMATE_AMQP_URI": node.uri},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=log,
                )
            )
        stack.callback(process.kill)
        _consume(process, outcome, _faults(folder, node, stops_broker=stops_broker), say)
        outcome.status = process.wait()
        outcome.seconds = time.monotonic() - started
        outcome.refresh_tokens.update(
            each.form["refresh_token"] for each in provider.requests if each.form.get("grant_type") == "refresh_token"
        )
    outcome.log = (folder / "log").read_text()
    outcome.left += [f"process {each.pid}" for each in _processes(folder)]
    outcome.left += names_of_flows(node)
    return outcome


def names_of_flows(node: RabbitMQNode) -> list[str]:
    """Return the names of all queues and exchanges that flows have at a broker."""
    listed = "rabbit_amqqueue:list_names() ++ rabbit_exchange:list_names()"
    names = node.evaluate(f"[binary_to_list(Name) || {{_, _, _, Name}} <- {listed}]")
    return re.findall(r"shipmate\.flow\.[^\"]*", names)


def _faults(folder: Path, node: RabbitMQNode, *, stops_broker: bool) -> list[tuple[float, str, Callable[[], None]]]:
    """Return the faults, each with the part of the results after which it comes."""

    def kill(function: str) -> None:
        if function == _MIDDLE:  # the last step has no account, and the flow would end meanwhile
            _wait_between_refreshes(folder / "own.keys.json")
        for victim in [each for each in _processes(folder) if _function(each) == function][:1]:
            victim.send_signal(signal.SIGKILL)

    def restart(end: Callable[[], None]) -> None:
        end()
        node.start()

    return [
        (0.1, "kill -9 of the middle step", lambda: kill(_MIDDLE)),
        *([(0.25, "stop of the broker", lambda: restart(node.stop))] if stops_broker else []),
        (0.45, "kill -9 of the middle step", lambda: kill(_MIDDLE)),
        (0.6, "kill -9 of the broker", lambda: restart(node.kill)),
        (0.8, "kill -9 of the last step", lambda: kill(_LAST)),
    ]


def _wait_between_refreshes(keys: Path) -> None:
    """Wait until the stored token lives on for a while, so that no container is killed in the middle of a refresh.

    Between the provider's answer and the save, nobody else has the new tokens: no runtime can survive that.
    """
    until = time.monotonic() + _TOKEN_WAIT_SECONDS
    while time.monotonic() < until:
        if json.loads(keys.read_text())["oauth"].get("expires_at", 0) - time.time() > _REST_OF_LIFE_SECONDS:
            return
        time.sleep(0.02)


def _consume(
    process: "subprocess.Popen[bytes]",
    outcome: Outcome,
    faults: list[tuple[float, str, Callable[[], None]]],
    say: Callable[[str], None],
) -> None:
    """Read the results, and let the faults happen in between."""
    assert process.stdout is not None  # noqa: S101
    for line in process.stdout:
        outcome.seen[json.loads(line)["message"]["body"]["number"]] += 1
        if faults and len(outcome.seen) >= faults[0][0] * outcome.total:
            _, name, strike = faults.pop(0)
            say(f"{len(outcome.seen)} results: {name}")
            strike()
            outcome.faults.append(name)


def _write(folder: Path, messages: int, token_url: str, url: str, oauth: Mapping[str, Any]) -> None:
    functions = {"emit": _TRIGGER, _MIDDLE: _ACTION, _LAST: _ECHO}
    entries = {name: {"title": name, "main": f"./{name}.py"} for name in functions}
    component = {
        "title": "Faults",
        "language": "python",
        "credentials": {
            "fields": {},
            "oauth2": {
                "client_id": "{{CLIENT_ID}}",
                "client_secret": "{{CLIENT_SECRET}}",
                "token_uri": token_url,
            },
        },
        "envVars": {name: {"required": True} for name in _CLIENT},
        "triggers": {"emit": entries.pop("emit")},
        "actions": entries,
    }
    flow = {
        "graph": {
            "nodes": [
                {"id": "s1", "command": "own:emit", "fields": {"count": messages}},
                {"id": "s2", "command": f"own:{_MIDDLE}", "fields": {"url": url}, "credentials_id": "own"},
                {"id": "s3", "command": f"own:{_LAST}"},
            ],
            "edges": [
                {"source": "s1", "target": "s2"},
                {"source": "s2", "target": "s3", "config": {"mapper": {"number": "number"}}},
            ],
        },
        "components": {"own": "own"},
        "accounts": {"own": "own.keys.json"},
        "prefetch": 20,
        "containers": {"s2": 2},
    }
    (folder / "own").mkdir()
    (folder / "own" / "component.json").write_text(json.dumps(component))
    for name, code in functions.items():
        (folder / "own" / f"{name}.py").write_text(code)
    (folder / "own.keys.json").write_text(json.dumps({"oauth": oauth}))
    (folder / "flow.json").write_text(json.dumps(flow))


def _environ() -> dict[str, str]:
    own = psutil.Process().environ()
    return {**own, **_CLIENT, "ELASTICIO_DATA_RATE_LIMIT": "0"}


def _processes(folder: Path) -> Iterator[psutil.Process]:
    """Yield the processes of the flow's containers."""
    for each in psutil.process_iter():
        try:
            if each.status() != psutil.STATUS_ZOMBIE and each.cwd().startswith(str(folder / "own")):
                yield each
        except psutil.Error:
            continue


def _function(process: psutil.Process) -> str:
    try:
        return process.environ().get("ELASTICIO_FUNCTION", "")
    except psutil.Error:
        return ""
