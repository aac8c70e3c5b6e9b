"""The manifest sets what a step needs, and the image holds what it should."""

import json
import re
from pathlib import Path

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
