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
    found = {_normal(each.name): each for each in distributions()}
    installed = {name: found[name] for name in sorted(found)}
    # A package reads and parses its file at each question for its name or version.
    addresses = {name: f"pkg:pypi/{name}@{quote(each.version, safe='')}" for name, each in installed.items()}
    libraries = [_library(each, addresses[name]) for name, each in installed.items()]
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
            {"ref": _ROOT, "dependsOn": list(addresses.values())},
            *({"ref": addresses[name], "dependsOn": _needs(each, addresses)} for name, each in installed.items()),
        ],
    }


def to_text(document: Mapping[str, Any]) -> str:
    """Return a bill of materials as the text of a file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _library(package: Distribution, address: str) -> dict[str, Any]:
    metadata = package.metadata
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": address,
        "name": metadata["Name"],
        "version": metadata["Version"],
        "purl": address,
    }
    if licences := _licences(metadata.json):
        found["licenses"] = licences
    return found


def _licences(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the licences that a package declares: an SPDX expression, or names. Source: PEP 639."""
    if expression := metadata.get("license_expression"):
        return [{"expression": expression}]
    name = str(metadata.get("license") or "").strip()
    if name and "\n" not in name and len(name) <= _LONGEST_LICENCE:
        return [{"license": {"name": name}}]
    classifiers = [str(each) for each in metadata.get("classifier") or () if str(each).startswith("License :: ")]
    return [{"license": {"name": each.rpartition(" :: ")[2]}} for each in classifiers]


def _needs(package: Distribution, addresses: Mapping[str, str]) -> list[str]:
    """Return the addresses of the packages that a package needs, if they are installed; without its extras."""
    names = {
        _normal(match[0]) for text in package.requires or () if "extra ==" not in text if (match := _NAME.match(text))
    }
    return [addresses[name] for name in sorted(names & addresses.keys())]


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


def _normal(name: str) -> str:
    """Return the normalized name of a package. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()
