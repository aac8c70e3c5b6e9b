"""Runs an image with runc as Kubernetes runs it at its level "restricted": for machines without an engine.

Nobody can write to the root file system, the process is the image's user, has no capability and gets none, and `/tmp`
is its only writable folder. The network is the machine's. Needs root, buildah and runc.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

TMP: Final = "/tmp"  # noqa: S108 - the container's own
_KEPT_MOUNTS: Final = ("/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")  # noqa: S108 - of the container


def is_possible() -> bool:
    """Return whether the programs are installed, and runc can start a container here."""
    return all(map(shutil.which, ("buildah", "runc"))) and _status("runc", "list") == 0


class RestrictedContainers:
    """Containers of one image, each with a command of its own."""

    def __init__(self, image: str) -> None:
        """Mount the image."""
        self._working = _output("buildah", "from", image)
        self._root = _output("buildah", "mount", self._working)
        config = json.loads(_output("buildah", "inspect", "--type", "image", image))["Docker"]["config"]
        self._entrypoint, self._default = config["Entrypoint"], config["Cmd"]
        uid, gid = map(int, config["User"].split(":"))
        self._user = {"uid": uid, "gid": gid}
        self._folder, self._environ = config["WorkingDir"], list(config["Env"])
        self._bundles = Path(tempfile.mkdtemp(prefix="shipmate-runc-"))
        self._started: list[str] = []

    def line(self, environ: Mapping[str, str], *command: str) -> list[str]:
        """Return the command line that runs a command, or what the image runs by itself.

        Args:
            environ: Variables, besides those of the image.
            command: Program and arguments, for the image's entry point.
        """
        name = f"{self._bundles.name}-{len(self._started)}"
        bundle = self._bundles / name
        bundle.mkdir()
        _output("runc", "spec", "--bundle", str(bundle))
        file = bundle / "config.json"
        spec = json.loads(file.read_text())
        self._restrict(spec, [*self._entrypoint, *(command or self._default)], environ)
        file.write_text(json.dumps(spec))
        self._started.append(name)
        return ["runc", "run", "--bundle", str(bundle), name]

    def line_inside(self, *command: str) -> list[str]:
        """Return the command line that runs a command in the container that was started last."""
        return ["runc", "exec", self._started[-1], *command]

    def remove(self) -> None:
        """End all containers, and delete what was made for them."""
        for name in self._started:
            _status("runc", "delete", "--force", name)
        _status("buildah", "rm", self._working)
        shutil.rmtree(self._bundles, ignore_errors=True)

    def _restrict(self, spec: dict[str, Any], command: Sequence[str], environ: Mapping[str, str]) -> None:
        process, linux = spec["process"], spec["linux"]
        process |= {"terminal": False, "args": [*command], "cwd": self._folder, "noNewPrivileges": True}
        process["user"] = self._user
        process["env"] = [*self._environ, *(f"{name}={value}" for name, value in environ.items())]
        process["capabilities"] = {name: [] for name in process["capabilities"]}
        spec["root"] = {"path": self._root, "readonly": True}
        linux["namespaces"] = [each for each in linux["namespaces"] if each["type"] != "network"]
        kept = [each for each in spec["mounts"] if each["destination"] in _KEPT_MOUNTS]
        options = ["nosuid", "nodev", "size=64m"]
        spec["mounts"] = [*kept, {"destination": TMP, "type": "tmpfs", "source": "tmpfs", "options": options}]


def _status(*command: str) -> int:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
