"""Keeps the snapshot of a local run in its file, so that the next run starts where this one ended."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shipmate.errors import BadInput
from shipmate.wording import file_problem, real_path


class SnapshotFile:
    """The file of ``--snapshot``."""

    def __init__(self, path: Path, value: Any) -> None:
        """Start with the value that was read from the file."""
        # The component may change the current folder.
        self._path = path.absolute()
        self._value = value
        self._is_changed = False

    def note(self, event: str, value: Any) -> None:
        """Take over the value of a ``snapshot`` or ``updateSnapshot`` event; ignore other events."""
        if event == "snapshot":
            self._value = value
        elif event == "updateSnapshot":
            self._value = {**(self._value if isinstance(self._value, Mapping) else {}), **value}
        else:
            return
        self._is_changed = True

    def save(self) -> None:
        """Replace the file in one step if the snapshot has changed.

        Raises:
            BadInput: The file cannot be written; it is unchanged.
        """
        if not self._is_changed:
            return
        target = real_path(self._path)
        draft = target.with_name(f".{target.name}.{os.getpid()}.keys.json")  # ignore files list this ending
        try:
            try:
                draft.write_text(json.dumps(self._value, indent=2) + "\n", encoding="utf-8")
                draft.chmod(target.stat().st_mode & 0o777)
                os.replace(draft, target)
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            problem = file_problem(error)
            raise BadInput(f"expected a writable file for the snapshot, found {problem}: {self._path}") from error
