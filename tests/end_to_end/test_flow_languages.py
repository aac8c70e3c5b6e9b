"""A flow of components in two languages, from the examples."""

import hashlib
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from shipmate.emulator import RabbitMQNode
from tests.flows import ECHO, FlowFolder, run_once
from tests.otlp import Receiver, exporting, path_to, receiver

__all__ = ["receiver"]

LANGUAGES = Path(__file__).resolve().parents[2] / "examples" / "flows" / "languages"
NPM = shutil.which("npm") or ""
FIRST = """
from shipmate import message

def process(context, msg, cfg, snapshot):
    yield message({"amount": 7, "currency": "EUR", "order": 1})
"""

pytestmark = [pytest.mark.timeout(180), pytest.mark.skipif(not NPM, reason="needs Node and npm")]


@pytest.fixture(scope="module")
def packages(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of the component in JavaScript, kept for the next run: npm takes 5 s of CPU time."""
    files = [LANGUAGES / "prices" / name for name in ("package.json", "package-lock.json")]
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()
    cache = getattr(pytestconfig, "cache", None)  # without the plugin, nothing is kept
    folder = cache.mkdir("node-packages") if cache else tmp_path_factory.mktemp("node-packages")
    kept = folder / digest[:16] / "node_modules"
    if not kept.is_dir():
        with tempfile.TemporaryDirectory(dir=folder) as name:
            for each in files:
                shutil.copy(each, name)
            command = [NPM, "ci", "--no-audit", "--no-fund", "--prefer-offline"]
            installed = subprocess.run(command, cwd=name, capture_output=True, text=True)
            if installed.returncode != 0:
                pytest.skip(f"npm ci: {installed.stderr[-200:]}")
            kept.parent.mkdir(exist_ok=True)
            with suppress(OSError):  # another run was faster
                (Path(name) / "node_modules").rename(kept)
    return kept


@pytest.fixture(scope="module")
def languages(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, with the packages of its component in JavaScript."""
    folder = tmp_path_factory.mktemp("flow") / "languages"
    shutil.copytree(LANGUAGES, folder, ignore=shutil.ignore_patterns("node_modules", ".*"))
    (folder / "prices" / "node_modules").symlink_to(packages)
    return folder


def test_two_languages_work_in_one_flow(languages: Path, rabbitmq: RabbitMQNode) -> None:
    results = run_once(languages, rabbitmq)

    assert {each["order"]: each["price"].replace("\xa0", " ") for each in results} == {
        1: "2.410,90 €", 2: "15,00 $", 3: "1.000 ¥",
    }  # fmt: skip


def test_a_trace_goes_on_behind_a_step_of_the_official_runtime(
    languages: Path, tmp_path: Path, rabbitmq: RabbitMQNode, receiver: Receiver
) -> None:
    """It passes the headers on, and has no span itself."""
    folder = FlowFolder(tmp_path, rabbitmq.uri)
    folder.component(first=FIRST, echo=ECHO)
    priced = {"command": "prices:write_price", "fields": {"locale": "de-DE"}}
    folder.flow("first", priced, "echo", components={"own": "own", "prices": str(languages / "prices")})
    folder.environ |= {**exporting(receiver.url), "SHIPMATE_TRACES": "true"}

    ran = folder.run("--once")
    assert (ran.status, len(ran.results)) == (0, 1), ran.text
    spans = receiver.wait_for(2)
    assert sorted(path_to(each, spans) for each in spans) == [["process s1"], ["process s1", "process s3"]]
