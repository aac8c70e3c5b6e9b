"""One message through the built image: an expired token is refreshed in the container, saved, and the data arrives.

    python scripts/image_test.py [IMAGE]        the image's name, shipmate unless given

The broker is the one that SHIPMATE_TEST_AMQP_URI names, else a RabbitMQ of this test's own. The container runs with
docker, if an engine answers, else with buildah and without isolation of the network.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from shipmate.emulator import DemoApi, OAuth2Provider, Platform, RabbitMQNode, StepQueues

SECONDS = 60
FORBIDDEN = "pip pip3 gcc cc g++ make ld"


class Runner:
    """Runs commands in the image."""

    def __init__(self, image: str) -> None:
        """Find what can run it."""
        self.image = image
        self.is_docker = shutil.which("docker") is not None and quiet("docker", "info") == 0
        if self.is_docker:
            return
        if shutil.which("buildah") is None:
            sys.exit("image-test: expected docker with an engine that answers, or buildah, found neither")
        self.container = output("buildah", "from", image)
        config = json.loads(output("buildah", "inspect", "--type", "image", image))["Docker"]["config"]
        self.entrypoint, self.default = config["Entrypoint"], config["Cmd"]

    def start(self, environ: Mapping[str, str], *command: str, stderr: int) -> subprocess.Popen[str]:
        """Start a command, or what the image runs by itself."""
        if self.is_docker:
            variables = [part for name, value in environ.items() for part in ("--env", f"{name}={value}")]
            line = ["docker", "run", "--rm", "--read-only", "--network", "host", *variables, self.image, *command]
        else:
            variables = [f"--env={name}={value}" for name, value in environ.items()]
            run = ["buildah", "run", "--isolation", "chroot", *variables, self.container, "--"]
            line = [*run, *self.entrypoint, *(command or self.default)]
        return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=stderr, text=True)

    def run(self, *command: str) -> tuple[int, str]:
        """Run a command to its end; return its status and output, without what tini says."""
        process = self.start({}, *command, stderr=subprocess.DEVNULL)
        text, _ = process.communicate(timeout=SECONDS)
        lines = [line for line in text.splitlines() if " tini (" not in line]
        return process.returncode, "\n".join(lines)

    def remove(self) -> None:
        """Delete the working container."""
        if not self.is_docker:
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
    status, text = runner.run("shipmate", "validate")
    check(status == 0, f"the component in it is valid: {text.splitlines()[-1] if text else 'no output'}")
    status, text = runner.run("id", "-u")
    check(text.strip() == "10001", f"it does not run as root, but as {text.strip()}")
    status, text = runner.run("sh", "-c", f"for tool in {FORBIDDEN}; do command -v $tool; done; true")
    check(text.strip() == "", f"it has no build tools: {text.split() or 'none'}")
    status, text = runner.run("sh", "-c", "ls -a /app; env")
    check("tests" not in text and ".git" not in text, "it has the component's files and no others")
    check("PIP_" not in text, "it has nothing of the machine that built it")


def check_message(runner: Runner, uri: str) -> None:
    """Have the image process a message."""
    steps = {"flow": {"step": {"config": {"_account": "account"}}}}
    with OAuth2Provider() as provider, DemoApi(provider) as api:
        keys = provider.issue(expired=True)
        steps["flow"]["step"]["config"]["base_url"] = api.url
        accounts = {"account": {"oauth": keys}}
        with (
            Platform(steps=steps, accounts=accounts) as platform,
            StepQueues(uri, name=f"image-test-{os.getpid()}") as queues,
        ):
            client = {"CLIENT_ID": "demo-client", "CLIENT_SECRET": "demo-secret"}
            uris = {"AUTH_URI": provider.authorize_url, "TOKEN_URI": provider.token_url}
            environ = {**platform.environ(), **queues.environ("send_request"), **client, **uris}
            queues.publish({"body": {"url": "/me"}})
            process = runner.start(environ, stderr=subprocess.STDOUT)
            try:
                (data,) = queues.take("data", timeout_seconds=SECONDS)
                check(bool(data.message["body"]), "the message was processed")
                saved = platform.accounts["account"]["oauth"]
                check(saved["refresh_token"] != keys["refresh_token"], "the refreshed keys were saved at the platform")
                stop(process)
                text, _ = process.communicate(timeout=SECONDS)
                check(process.returncode in (0, 143), f"SIGTERM ended it in order, with {process.returncode}")
                check("demo-secret" not in text and saved["access_token"] not in text, "its log has no secrets")
            finally:
                process.kill()
                process.wait()


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
        with broker() as uri:
            check_message(runner, uri)
    finally:
        runner.remove()


if __name__ == "__main__":
    main()
