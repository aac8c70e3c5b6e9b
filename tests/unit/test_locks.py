"""A lock keeps other openings of a file out, and a file system without locks is no error."""

import errno
import os
from pathlib import Path

import pytest

from shipmate.locks import Locked, lock


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT)


def test_a_locked_file_cannot_be_locked_until_it_is_closed(tmp_path: Path) -> None:
    first, second = opened(tmp_path / "lock"), opened(tmp_path / "lock")

    assert lock(first)
    with pytest.raises(Locked):
        lock(second)
    os.close(first)
    assert lock(second)
    os.close(second)


def test_a_file_system_without_locks_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    descriptor = opened(tmp_path / "lock")

    assert not lock(descriptor)
    os.close(descriptor)
