"""The files that a person wants of a trigger: those in some folders, changed since some time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shipmate.kit.files.declaration import FileNames
from shipmate.kit.moments import moment as read_moment
from shipmate.kit.values import moment


@dataclass(frozen=True, slots=True)
class WantedFiles:
    """Which files are emitted; all without folders and a time."""

    folders: tuple[str, ...] = ()
    start: datetime | None = None

    @classmethod
    def from_cfg(cls, cfg: Mapping[str, Any], names: FileNames) -> "WantedFiles":
        """Read the fields; a folder is text, or a list of texts.

        Raises:
            ValueError: A field has a wrong value.
        """
        given = cfg.get(names.folder)
        folders = given if isinstance(given, list | tuple) else [given or ""]
        if not all(isinstance(each, str) for each in folders):
            raise ValueError(f"{names.folder}: expected the path of a folder, or a list of them, found something else")
        return cls(tuple(sorted({_plain(each) for each in folders} - {""})), moment(cfg, names.start))

    def source(self, path: str) -> Any:
        """Return what is polled, by which a snapshot of other settings is recognised."""
        if not self.folders and self.start is None:
            return path
        return [path, list(self.folders), self.start.isoformat() if self.start is not None else None]

    def has(self, body: Mapping[str, Any]) -> bool:
        """Tell whether a file is wanted: ``{"path": "a/b.csv", "modifyTime": "2026-01-31T09:30:00Z"}``.

        A file without a path is in no folder; one whose time cannot be read is not too old.
        """
        path = _plain(str(body.get("path") or ""))
        if self.folders and not any(path.startswith(f"{folder}/") for folder in self.folders):
            return False
        return self.start is None or not self._is_older(body.get("modifyTime"), self.start)

    def _is_older(self, changed: Any, start: datetime) -> bool:
        try:
            return changed is not None and read_moment(changed).when < start
        except (ValueError, OverflowError):
            return False


def _plain(path: str) -> str:
    return path.strip().strip("/")
