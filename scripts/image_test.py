"""Three messages through the built image, by `shipmate exec` and by `shipmate run`, all with an expired token.

`exec` is how a platform of one's own runs a component: it prints the new keys and the data. `run` is a step of a flow:
it saves the keys at the platform and publishes the data, over AMQP and over the sailor proxy.

    python scripts/image_test.py [IMAGE]        the image's name, shipmate unless given

The broker is the one that SHIPMATE_TEST_AMQP_URI names, else a RabbitMQ of this test's own. The container runs as
Kubernetes runs it at the level "restricted": with docker, if an engine answers, else with runc if that is installed,
else with buildah and less restricted. It shares the network of this machine.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from scripts import restricted
from shipmate.emulator import DemoApi, OAuth2Provider, Platform, RabbitMQNode, SailorProxy, StepQueues, StepTraffic
from shipmate.emulator.ports import free_port

SECONDS = 60
RESTRICTED = ("--read-only", "--tmpfs", restricted.TMP, "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
FORBIDDEN = "pip pip3 gcc cc g++ make ld"


class Runner:
    """Runs commands in the image."""

    def __init__(self, image: str) -> None:
        """Find what can run it."""
        self.image = image
        self.restricted: restricted.RestrictedContainers | None = None
        self._started = 0
        self.is_docker = shutil.which("docker") is not None and quiet("docker", "info") == 0
        if self.is_docker:
            return
        if restricted.is_possible():
            self.restricted = restricted.RestrictedContainers(image)
            return
        if shutil.which("buildah") is None:
            sys.exit("image-test: expected docker with an engine that answers, or buildah, found neither")
        self.container = output("buildah", "from", image)
        config = json.loads(output("buildah", "inspect", "--type", "image", image))["Docker"]["config"]
        self.entrypoint, self.default = config["Entrypoint"], config["Cmd"]

    def start(self, environ: Mapping[str, str], *command: str, stderr: int) -> subprocess.Popen[str]:
        """Start a command, or what the image runs by itself; its standard input is a pipe."""
        if self.restricted is not None:
            line = self.restricted.line(environ, *command)
        elif self.is_docker:
            variables = [part for name, value in environ.items() for part in ("--env", f"{name}={value}")]
            self._started += 1
            line = ["docker", "run", "--rm", "--interactive", "--network", "host", "--name", self._name, *RESTRICTED]
            line += [*variables, self.image, *command]
        else:
            variables = [f"--env={name}={value}" for name, value in environ.items()]
            run = ["buildah", "run", "--isolation", "chroot", *variables, self.container, "--"]
            line = [*run, *self.entrypoint, *(command or self.default)]
        return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True)

    def run(self, *command: str) -> tuple[int, str]:
        """Run a command to its end; return its status and output."""
        process = self.start({}, *command, stderr=subprocess.DEVNULL)
        text, _ = process.communicate(timeout=SECONDS)
        return process.returncode, text

    def status_inside(self, *command: str) -> int | None:
        """Run a command in the container that was started last; return its status, None if that is not possible."""
        if self.restricted is not None:
            return quiet(*self.restricted.line_inside(*command))
        return quiet("docker", "exec", self._name, *command) if self.is_docker else None

    @property
    def _name(self) -> str:
        """The name of docker's last container."""
        return f"shipmate-image-test-{os.getpid()}-{self._started}"

    def remove(self) -> None:
        """Delete the working container."""
        if self.restricted is not None:
            self.restricted.remove()
        elif not self.is_docker:
            quiet("buildah", "rm", self.container)


def quiet(*command: str) -> int:
    """Run a command without its output and return its status."""
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode


def output(*command: str) -> str:
    """Return what a command prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def broker() -> Iterator[str]:
    """Provide the address of a broker."""
    if uri := os.environ.get("SHIPMATE_TEST_AMQP_URI"):
        yield uri
        return
    with RabbitMQNode() as node:
        yield node.uri


def check(is_so: bool, what: str) -> None:
    """Say what is so, or end with what is not."""
    print(f"{'ok ' if is_so else 'NOT'} {what}")
    if not is_so:
        sys.exit(1)


def check_contents(runner: Runner) -> None:
    """Look at the image itself."""
    status, text = runner.run("shipmate", "--help")
    check(status == 0 and "exec" in text, "another command can be given: shipmate --help")
    status, _ = runner.run("shipmate", "validate")
    check(status == 0, f"the component in it is valid: shipmate validate ends with {status}")
    status, text = runner.run("id", "-u")
    check(text.strip() == "10001", f"it does not run as root, but as {text.strip()}")
    if runner.is_docker or runner.restricted is not None:
        _, text = runner.run("sh", "-c", "cat /proc/self/status; touch /app/file 2>/dev/null && echo written")
        check("CapBnd:\t0000000000000000" in text, "it runs without any capability")
        check("NoNewPrivs:\t1" in text, "no program in it gets more privileges")
        check("written" not in text, "its root file system cannot be written to")
    status, text = runner.run("sh", "-c", f"for tool in {FORBIDDEN}; do command -v $tool; done; true")
    check(text.strip() == "", f"it has no build tools: {text.split() or 'none'}")
    status, text = runner.run("sh", "-c", "ls -a /app; env")
    check("tests" not in text and ".git" not in text, "it has the component's files and no others")
    check("PIP_" not in text, "it has nothing of the machine that built it")
    status, text = runner.run("cat", "/app/sbom.cdx.json")
    packages = {each["name"]: each for each in json.loads(text)["components"]} if status == 0 else {}
    lacking = [name for name in ("shipmate", "pika", "requests") if not packages.get(name, {}).get("licenses")]
    check(not lacking and "python" in packages, f"it lists its packages with licences: {len(packages)}")


def check_invocation(runner: Runner) -> None:
    """Run the action as a platform of one's own does: configuration on standard input, events on standard output."""
    with OAuth2Provider() as provider, DemoApi(provider) as api:
        keys = provider.issue(expired=True)
        command = ["shipmate", "exec", "send_request", "--cfg", "-", "--msg", json.dumps({"body": {"url": "/me"}})]
        process = runner.start(client_of(provider), *command, stderr=subprocess.PIPE)
        text, log = process.communicate(json.dumps({"base_url": api.url, "oauth": keys}), timeout=SECONDS)
    sys.stderr.write(log)
    check(process.returncode == 0, f"shipmate exec takes cfg and a message, and ends with {process.returncode}")
    lines = text.splitlines()
    check(all(line.startswith('{"event": ') for line in lines), "its standard output is events, one JSON line each")
    events = [json.loads(line) for line in lines]
    names = [event["event"] for event in events]
    check(names == ["updateKeys", "data"], f"the events are {' and '.join(names)}")
    new = events[0]["value"]["oauth"]
    check(new["refresh_token"] != keys["refresh_token"], "updateKeys has the keys for the next message")
    check("demo-secret" not in log and new["access_token"] not in log, "its standard error has no secrets")


def check_message(runner: Runner, traffic: StepTraffic) -> None:
    """Have the image process a message of one transport."""
    steps = {"flow": {"step": {"config": {"_account": "account"}}}}
    with OAuth2Provider() as provider, DemoApi(provider) as api:
        keys = provider.issue(expired=True)
        steps["flow"]["step"]["config"]["base_url"] = api.url
        accounts = {"account": {"oauth": keys}}
        with Platform(steps=steps, accounts=accounts) as platform, traffic:
            port = free_port()
            environ = {**platform.environ(), **traffic.environ("send_request"), **client_of(provider)}
            environ |= {"SHIPMATE_HTTP_PORT": str(port), "SHIPMATE_HEALTH_FILE": f"{restricted.TMP}/health"}
            traffic.publish({"body": {"url": "/me"}})
            process = runner.start(environ, stderr=subprocess.STDOUT)
            try:
                (data,) = traffic.take("data", timeout_seconds=SECONDS)
                check(bool(data.message["body"]), f"a message was processed over {traffic.transport}")
                answers = {path: answer(port, path) for path in ("/live", "/ready", "/metrics")}
                check(set(answers.values()) == {200}, f"it is alive and ready, and has metrics: {answers}")
                asked_at = time.monotonic()
                while (status := runner.status_inside("shipmate", "health", "--ready")) == 1:
                    if time.monotonic() - asked_at > SECONDS:
                        break  # it is written twice a second, so that once may be too early
                check(status in (0, None), f"its health file says so as well: shipmate health ends with {status}")
                saved = platform.accounts["account"]["oauth"]
                check(saved["refresh_token"] != keys["refresh_token"], "the refreshed keys were saved at the platform")
                stop(process)
                text, _ = process.communicate(timeout=SECONDS)
                check(process.returncode in (0, 143), f"SIGTERM ended it in order, with {process.returncode}")
                check("demo-secret" not in text and saved["access_token"] not in text, "its log has no secrets")
                check(not traffic.problems, f"it broke no rule of the transport: {traffic.problems or 'none'}")
            finally:
                process.kill()
                process.wait()


def answer(port: int, path: str) -> int:
    """Return the status of a page of the container's port."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=SECONDS) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


def client_of(provider: OAuth2Provider) -> dict[str, str]:
    """Return the variables that the component's descriptor names."""
    uris = {"AUTH_URI": provider.authorize_url, "TOKEN_URI": provider.token_url}
    return {"CLIENT_ID": "demo-client", "CLIENT_SECRET": "demo-secret", **uris}


def stop(process: subprocess.Popen[str]) -> None:
    """Send SIGTERM to what runs in the container: buildah itself would not pass it on."""
    inside = [each for each in psutil.Process(process.pid).children(recursive=True) if each.name() == "tini"]
    for each in inside:
        each.terminate()
    if not inside:
        process.terminate()


def main() -> None:
    """Test the image."""
    runner = Runner(sys.argv[1] if len(sys.argv) > 1 else "shipmate")
    try:
        check_contents(runner)
        check_invocation(runner)
        with broker() as uri:
            check_message(runner, StepQueues(uri, name=f"image-test-{os.getpid()}"))
        check_message(runner, SailorProxy())
    finally:
        runner.remove()


if __name__ == "__main__":
    main()
