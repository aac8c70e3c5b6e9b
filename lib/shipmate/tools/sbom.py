"""Lists the packages of an installation as a software bill of materials (SBOM).

Source: CycloneDX 1.6 (ECMA-424), JSON; purl for the addresses of packages.
"""

import json
import platform
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from shipmate import __version__, component

DEBIAN_STATUS: Final = Path("/var/lib/dpkg/status")
"""Debian's list of installed packages."""
_ROOT: Final = "component"
_LONGEST_LICENCE: Final = 100
"""The most characters of a licence's name: some packages have its whole text in that field."""
_FIELD: Final = re.compile(r"^(Package|Version|Architecture|Status): (.*)$", re.MULTILINE)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def sbom(root: Path, *, debian_status: Path = DEBIAN_STATUS) -> dict[str, Any]:
    """Return the bill of materials of a component: the packages of this Python, this Python, and those of Debian.

    Args:
        root: The component's folder.
        debian_status: The list of Debian's packages; it may be missing.

    Raises:
        DescriptorError: ``component.json`` cannot be used.
    """
    descriptor = component.load(root).raw
    installed = {_normal(each.name): each for each in distributions()}
    libraries = [_library(each) for _, each in sorted(installed.items())]
    own = {"type": "application", "bom-ref": _ROOT, "name": str(descriptor.get("title") or root.resolve().name)}
    if descriptor.get("version"):
        own["version"] = str(descriptor["version"])
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid4()}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
            "tools": {"components": [{"type": "application", "name": "shipmate", "version": __version__}]},
            "component": own,
        },
        "components": [*libraries, _interpreter(), *_debian_packages(debian_status)],
        "dependencies": [
            {"ref": _ROOT, "dependsOn": [each["bom-ref"] for each in libraries]},
            *({"ref": _address(each), "dependsOn": _needs(each, installed)} for _, each in sorted(installed.items())),
        ],
    }


def to_text(document: Mapping[str, Any]) -> str:
    """Return a bill of materials as the text of a file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _library(package: Distribution) -> dict[str, Any]:
    address = _address(package)
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": address,
        "name": package.name,
        "version": package.version,
        "purl": address,
    }
    if licences := _licences(package):
        found["licenses"] = licences
    return found


def _licences(package: Distribution) -> list[dict[str, Any]]:
    """Return the licences that a package declares: an SPDX expression, or names. Source: PEP 639."""
    metadata = package.metadata.json
    if expression := metadata.get("license_expression"):
        return [{"expression": expression}]
    name = str(metadata.get("license") or "").strip()
    if name and "\n" not in name and len(name) <= _LONGEST_LICENCE:
        return [{"license": {"name": name}}]
    classifiers = [str(each) for each in metadata.get("classifier") or () if str(each).startswith("License :: ")]
    return [{"license": {"name": each.rpartition(" :: ")[2]}} for each in classifiers]


def _needs(package: Distribution, installed: Mapping[str, Distribution]) -> list[str]:
    """Return the addresses of the packages that a package needs, if they are installed; without its extras."""
    names = {
        _normal(match[0]) for text in package.requires or () if "extra ==" not in text if (match := _NAME.match(text))
    }
    return [_address(installed[name]) for name in sorted(names & installed.keys())]


def _interpreter() -> dict[str, Any]:
    version = platform.python_version()
    address = f"pkg:generic/python@{version}"
    return {"type": "platform", "bom-ref": address, "name": "python", "version": version, "purl": address}


def _debian_packages(status: Path) -> Iterator[dict[str, Any]]:
    """Yield the installed packages of Debian or of a system based on it; none elsewhere."""
    try:
        text = status.read_text(encoding="utf-8", errors="replace")
        system = platform.freedesktop_os_release()
    except OSError:
        return
    distro = quote(f"{system['ID']}-{system.get('VERSION_ID', '')}".rstrip("-"))
    for paragraph in text.split("\n\n"):
        package = dict(_FIELD.findall(paragraph))
        if package.get("Status") == "install ok installed":
            name, version, architecture = package["Package"], package["Version"], package["Architecture"]
            place = f"{quote(name)}@{quote(version, safe='')}?arch={architecture}&distro={distro}"
            address = f"pkg:deb/{system['ID']}/{place}"
            yield {"type": "library", "bom-ref": address, "name": name, "version": version, "purl": address}


def _address(package: Distribution) -> str:
    return f"pkg:pypi/{_normal(package.name)}@{quote(package.version, safe='')}"


def _normal(name: str) -> str:
    """Return the normalized name of a package. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()
