"""The objects and attachments of a run, in files: they may be larger than the memory."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

_Value = TypeVar("_Value")


class OnDisk(dict[str, _Value]):
    """A dictionary whose values have their bytes in files of one folder."""

    def __init__(self, folder: Path, take: Callable[[_Value], bytes], put: Callable[[_Value, bytes], _Value]) -> None:
        """Use a folder that exists.

        Args:
            folder: The folder, which the caller removes.
            take: Returns the bytes of a value.
            put: Returns a value with other bytes.
        """
        super().__init__()
        self._folder, self._take, self._put = folder, take, put
        self._files: dict[str, Path] = {}

    def __setitem__(self, key: str, value: _Value) -> None:
        """Write the bytes of a value into a file."""
        file = self._files.setdefault(key, self._folder / uuid.uuid4().hex)
        file.write_bytes(self._take(value))
        super().__setitem__(key, self._put(value, b""))

    def __getitem__(self, key: str) -> _Value:
        """Return a value with its bytes."""
        return self._put(super().__getitem__(key), self._files[key].read_bytes())

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value with its bytes, the default without one."""
        return self[key] if key in self else default

    def __delitem__(self, key: str) -> None:
        """Delete a value and its file."""
        super().__delitem__(key)
        self._files.pop(key).unlink()
