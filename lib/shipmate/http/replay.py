"""Sends the body of a request a second time, if that is possible.

A file or a generator that was read to its end would send an empty body, and the API would answer 200.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any


class Body:
    """The ``data``, ``json`` and ``files`` of one request, ready for every attempt."""

    def __init__(self, data: Any, files: Any) -> None:
        """Store the positions of seekable files, before anything is read."""
        self._data = data
        self._files = files
        self._is_factory = callable(data) and not hasattr(data, "read")
        self._starts: list[tuple[Any, int]] = []
        self.is_replayable = True
        for part in self._parts():
            self._note(part)

    def for_attempt(self) -> dict[str, Any]:
        """Return the arguments ``data`` and ``files`` for the next attempt."""
        for stream, start in self._starts:
            stream.seek(start)
        return {"data": self._data() if self._is_factory else self._data, "files": self._files}

    def _parts(self) -> Iterable[Any]:
        if not self._is_factory:
            yield self._data
        fields = self._files.items() if isinstance(self._files, Mapping) else self._files or ()
        for _, part in fields:
            # requests takes a file, or a tuple of name, file, content type and headers.
            yield part[1] if isinstance(part, tuple | list) else part

    def _note(self, part: Any) -> None:
        if part is None or isinstance(part, str | bytes | bytearray | Mapping | list | tuple):
            return
        if hasattr(part, "read"):
            start = _position(part)
            if start is None:
                self.is_replayable = False
            else:
                self._starts.append((part, start))
        elif not isinstance(part, Iterable) or iter(part) is part:
            # An iterator is empty after its first use; other iterables start again each time.
            self.is_replayable = False


def _position(stream: Any) -> int | None:
    seekable: Callable[[], bool] | None = getattr(stream, "seekable", None)
    try:
        if seekable is not None and not seekable():
            return None
        position: int = stream.tell()
        stream.seek(position)
    except (AttributeError, OSError, ValueError, io.UnsupportedOperation):
        return None
    return position
