"""The manifest sets what a step needs, and the image holds what it should."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from shipmate.settings import StepSettings

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = (ROOT / "deploy" / "kubernetes.yaml").read_text()


def test_the_manifest_sets_every_variable_that_a_step_needs() -> None:
    """Read as the container reads them; the container's own id comes from Kubernetes."""
    pairs = re.findall(r"^  ([A-Z][A-Z_]+): \"?(.+?)\"?$", MANIFEST, re.MULTILINE)
    environ = {**dict(pairs), "ELASTICIO_CONTAINER_ID": "pod"}
    assert "name: ELASTICIO_CONTAINER_ID" in MANIFEST
    settings = StepSettings.from_environ(environ)
    assert settings.broker.prefetch == 10
    assert settings.flow.function in json.loads((ROOT / "component.json").read_text())["actions"]


def test_the_image_copies_all_that_the_component_is_made_of() -> None:
    """A module that is left out is missed only when its message comes."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    component = [each.parent.name for each in ROOT.glob("*/*.py")] + [each.name for each in ROOT.glob("*.py")]
    own = set(component) - {"scripts", "tests", "bench", "examples"}
    assert {"actions", "triggers", "rest", "verify_credentials.py"} <= own
    assert [name for name in sorted(own) if f"COPY {name}" not in dockerfile and f" {name} " not in dockerfile] == []
    assert [name for name in sorted(own) if f"!{name}" not in ignored] == []


def test_only_what_is_named_gets_into_the_build() -> None:
    """Credentials lie about in folders; none of them may get into an image."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert [line for line in ignored if line.startswith("!") and ("env" in line or "cfg" in line)] == []


DOCKERFILES = [ROOT / "Dockerfile", *ROOT.glob("examples/*/Dockerfile"), *ROOT.glob("lib/**/Dockerfile.tmpl")]


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_image_prints_nothing_but_what_its_command_prints(file: Path) -> None:
    """Standard output of ``docker run -i IMAGE shipmate exec ...`` is events; ``tini -v`` writes there as well."""
    text = file.read_text()
    entrypoint, command = (re.findall(rf"^{name} (.+)$", text, re.MULTILINE) for name in ("ENTRYPOINT", "CMD"))
    assert [json.loads(line) for line in entrypoint] == [["tini", "-e", "143", "--"]]
    assert [json.loads(line) for line in command] == [["shipmate", "run"]]


def test_all_images_are_looked_at() -> None:
    """Guards the test above: the reference component, the examples, and what ``shipmate new`` writes."""
    assert len(DOCKERFILES) == 4


def test_ci_runs_the_oldest_and_the_newest_python_that_are_promised() -> None:
    """The workflow does nothing but ``.ci/run``, which anybody can run."""
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    promised = [each.rpartition(" ")[2] for each in classifiers if "Python :: 3." in each]
    (versions,) = re.findall(r"^ +python: (\[.*\])$", workflow, re.MULTILINE)

    assert json.loads(versions) == [promised[0], promised[-1]]
    assert re.findall(r"^ +- run: (.*)$", workflow, re.MULTILINE)[-1] == ".ci/run"
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
