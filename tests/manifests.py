"""The manifests of ``deploy/``, as files and as kustomize writes them, and the schemas that they must fulfil."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
SCHEMAS = ROOT / "tests" / "schemas"

Manifest = dict[str, Any]


@lru_cache
def rendered(folder: str) -> list[Manifest]:
    """Return what would be applied of a folder in ``deploy/``; skip the test without a program that renders it."""
    if kubectl := shutil.which("kubectl"):
        command = [kubectl, "kustomize"]
    elif kustomize := shutil.which("kustomize"):
        command = [kustomize, "build"]
    else:
        pytest.skip("neither kubectl nor kustomize is installed")
    done = subprocess.run([*command, str(DEPLOY / folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def only(manifests: list[Manifest], kind: str) -> Manifest:
    """Return the one object of a kind."""
    (found,) = (each for each in manifests if each["kind"] == kind)
    return found


def problems(schema: str, value: Any) -> list[str]:
    """Return what is wrong with a value, each with its place: ``["/spec/replica: ..."]``."""
    validator = jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{schema}.json").read_text()))
    return [f"/{'/'.join(map(str, each.absolute_path))}: {each.message}" for each in validator.iter_errors(value)]


def schema_of(manifest: Manifest) -> str:
    """Return the name of a manifest's schema: ``apps-v1-Deployment``."""
    return f"{manifest['apiVersion']}-{manifest['kind']}".replace("/", "-")


def objects() -> Iterator[tuple[Path, Manifest]]:
    """Yield the objects in the files, those of kustomize and other programs left out."""
    for file in sorted(DEPLOY.rglob("*.yaml")):
        for each in yaml.safe_load_all(file.read_text()):
            if "apiVersion" in each and not each["apiVersion"].startswith("kustomize"):
                yield file, each
