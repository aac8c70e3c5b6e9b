"""The bill of materials: every package, with version, licence and address."""

import json
import platform
import re
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest

from shipmate.cli import commands
from shipmate.tools.sbom import _licences, sbom

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return sbom(ROOT, debian_status=ROOT / "nowhere")


def pypi(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the Python packages by their addresses."""
    return {each["purl"]: each for each in document["components"] if each["purl"].startswith("pkg:pypi/")}


def test_every_package_that_the_container_installs_is_there_with_its_licence(document: dict[str, Any]) -> None:
    """What ``requirements.txt`` pins, as an index writes its name."""
    pinned = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    found = pypi(document)
    wanted = {f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}" for name, version in pinned}

    assert len(wanted) > 15
    assert wanted <= found.keys()
    assert [name for name in wanted if not found[name].get("licenses")] == []
    assert f"pkg:generic/python@{platform.python_version()}" in {each["purl"] for each in document["components"]}


def test_the_dependencies_refer_to_components(document: dict[str, Any]) -> None:
    """The component needs all packages, and a package those that it names, without those of its extras."""
    known = {each["bom-ref"] for each in document["components"]} | {"component"}
    needs = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    requests = next(ref for ref in needs if ref.startswith("pkg:pypi/requests@"))

    assert {ref for refs in needs.values() for ref in refs} | needs.keys() <= known
    assert set(needs["component"]) == pypi(document).keys()
    assert [ref.rpartition("/")[2].partition("@")[0] for ref in needs[requests]] == [
        "certifi", "charset-normalizer", "idna", "urllib3",
    ]  # fmt: skip
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"]["version"] == json.loads((ROOT / "component.json").read_text())["version"]


class Package(Distribution):
    """A package with this metadata."""

    def __init__(self, lines: str) -> None:
        self.lines = lines

    def read_text(self, filename: str) -> str:
        return f"Metadata-Version: 2.4\nName: p\nVersion: 1\n{self.lines}\n"

    def locate_file(self, path: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("lines", "licences"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: other", [{"expression": "MIT OR Apache-2.0"}]),
        ("License: BSD-3-Clause\nClassifier: License :: Public Domain", [{"license": {"name": "BSD-3-Clause"}}]),
        (
            f"License: {'whole text ' * 20}\nClassifier: License :: OSI Approved :: MIT License\nClassifier: Typed",
            [{"license": {"name": "MIT License"}}],
        ),
        ("Classifier: Typed", []),
    ],
)
def test_a_licence_is_an_expression_a_name_or_a_classifier(lines: str, licences: list[dict[str, Any]]) -> None:
    """PEP 639 first, then the older fields; the whole text of a licence is no name."""
    assert _licences(Package(lines).metadata.json) == licences


def test_the_packages_of_debian_that_are_installed_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an address that scanners know; removed packages are not."""
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "debian", "VERSION_ID": "12"})
    status = tmp_path / "status"
    status.write_text(
        "Package: libstdc++6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2.3+x\nDescription: a\n b\n"
        "\nPackage: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n"
    )
    found = [each for each in sbom(ROOT, debian_status=status)["components"] if each["purl"].startswith("pkg:deb")]

    assert [(each["name"], each["version"], each["purl"]) for each in found] == [
        ("libstdc++6", "1:2.3+x", "pkg:deb/debian/libstdc%2B%2B6@1%3A2.3%2Bx?arch=amd64&distro=debian-12")
    ]


def test_the_command_writes_the_bill_of_materials(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Into a file or to standard output; a file that cannot be written is one line."""
    file = tmp_path / "sbom.cdx.json"
    assert commands.run(["sbom", "--component", str(ROOT), "--output", str(file)]) == 0
    assert commands.run(["sbom", "--component", str(ROOT)]) == 0
    written, printed = json.loads(file.read_text()), json.loads(capfd.readouterr().out)
    assert written["components"] == printed["components"]

    assert commands.run(["sbom", "--component", str(ROOT), "--output", str(tmp_path)]) == 2
    assert capfd.readouterr().err.startswith("Error: expected a writable file, found a directory")
