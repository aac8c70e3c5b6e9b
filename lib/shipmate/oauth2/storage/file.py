"""A JSON file with the credentials of one account; one process at a time replaces it as a whole."""

import errno
import fcntl
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from shipmate.errors import KeysNotSaved
from shipmate.wording import file_problem

_OWNER_ONLY: Final = 0o600
_FIRST_INDENT: Final = re.compile(r"\{\r?\n([ \t]+)\"")


class TokenFile:
    """The account file, which keeps refreshed keys after the process has ended."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened yet."""
        self.path = path
        # The component may change the current folder.
        self._absolute = path.absolute()
        # A counter and not an RLock: a refresh may hold the lock in one thread and save in another. Within the process
        # the credential store runs one refresh of an account at a time.
        self._holders = 0
        self._descriptor: int | None = None
        self._entering = threading.Lock()
        self._saving = threading.Lock()

    def check(self) -> None:
        """Raise an error if keys cannot be saved; called before a refresh token is spent.

        Raises:
            KeysNotSaved: The file is no readable JSON object, or its folder is not writable.
        """
        self.read()
        folder = self._target().parent
        if not os.access(folder, os.W_OK | os.X_OK):
            raise KeysNotSaved(f"{folder}: expected a writable folder, found a read-only one: new keys would be lost")

    def read(self) -> dict[str, Any]:
        """Return the fields in the file.

        Raises:
            KeysNotSaved: The file is not a readable JSON object, so that no keys can be saved in it.
        """
        return self._parse(self._text())

    def save(self, keys: Mapping[str, Any]) -> None:
        """Replace the fields that are in ``keys``; the other fields stay unchanged.

        Raises:
            KeysNotSaved: The file could not be replaced, and is unchanged.
        """
        self._rewrite(lambda fields: {**fields, **keys})

    def create(self) -> None:
        """Create the file, without fields and readable by its owner only; do nothing if it exists.

        Raises:
            KeysNotSaved: The file could not be created.
        """
        try:
            descriptor = os.open(self._target(), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
        except FileExistsError:
            return
        except OSError as error:
            raise KeysNotSaved(f"{self.path} cannot be created: {_reason(error)}") from error
        try:
            os.fchmod(descriptor, _OWNER_ONLY)  # independent of the umask
            _write(descriptor, b"{}\n")
        finally:
            os.close(descriptor)

    def remove(self, field: str) -> None:
        """Remove one field from the file; the others stay unchanged.

        Raises:
            KeysNotSaved: The file could not be replaced, and is unchanged.
        """
        self._rewrite(lambda fields: {name: value for name, value in fields.items() if name != field})

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from refreshing or saving the same keys while the block runs; reentrant."""
        with self._entering:
            if self._holders == 0:
                self._descriptor = self._acquire()
            self._holders += 1
        try:
            yield
        finally:
            with self._entering:
                self._holders -= 1
                if self._holders == 0:
                    self._hold(None)

    def wait_for_writes(self, timeout_seconds: float) -> bool:
        """Wait for a running save; return False if it has not ended in time."""
        is_idle = self._saving.acquire(timeout=timeout_seconds)
        if is_idle:
            self._saving.release()
        return is_idle

    def _rewrite(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        with self.lock(), self._saving:
            text = self._text()
            changed = change(self._parse(text))
            indent = _FIRST_INDENT.match(text)
            try:
                encoded = json.dumps(changed, ensure_ascii=False, indent=indent[1] if indent else 2)
                # Only a lone surrogate cannot be encoded; its backslash form is also its JSON escape.
                self._replace((encoded + "\n").encode("utf-8", "backslashreplace"))
            except (OSError, TypeError, ValueError) as error:
                raise KeysNotSaved(f"{self.path} cannot be rewritten: {_reason(error)}") from error

    def _acquire(self) -> int | None:
        """Lock the file that has the name now: the last holder of the lock has probably replaced it."""
        while True:
            try:
                descriptor = os.open(self._target(), os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise KeysNotSaved(f"{self.path} cannot be opened: {_reason(error)}") from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(descriptor), os.stat(self._target())):
                    return descriptor
            except OSError:
                # Some network file systems have no locks: saving without one is better than not saving.
                os.close(descriptor)
                return None
            os.close(descriptor)

    def _hold(self, descriptor: int | None) -> None:
        """Close the locked descriptor, which unlocks its file, and hold another one instead."""
        previous, self._descriptor = self._descriptor, descriptor
        if previous is not None:
            os.close(previous)

    def _target(self) -> Path:
        """Return the path behind symbolic links: a link stays, and its target is replaced."""
        return self._absolute.resolve()

    def _text(self) -> str:
        try:
            return self._target().read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise KeysNotSaved(f"{self.path} cannot be read: {_reason(error)}") from error

    def _parse(self, text: str) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise KeysNotSaved(f"expected a JSON object, found something else in {self.path}") from error
        if not isinstance(value, dict):
            raise KeysNotSaved(f"expected a JSON object, found another value in {self.path}")
        return value

    def _replace(self, content: bytes) -> None:
        """Write a new file beside the old one and rename it, in one step."""
        target = self._target()
        before = target.stat()
        draft = target.with_name(f".{target.name}.{os.getpid()}-{os.urandom(6).hex()}.tmp")
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
        try:
            os.fchmod(descriptor, _OWNER_ONLY)  # independent of the umask
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                with suppress(OSError):  # root in a container must not become the owner
                    os.fchown(descriptor, before.st_uid, before.st_gid)
            _write(descriptor, content)
            with suppress(OSError):
                # Locked before it has the name, so that no other process locks it first.
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.replace(draft, target)
        except OSError as error:
            os.close(descriptor)
            draft.unlink(missing_ok=True)
            if error.errno != errno.EBUSY:
                raise
            # A mounted file, as with `docker run -v cfg.json:/cfg.json`, cannot be replaced.
            _overwrite(target, content)
            return
        self._hold(descriptor)
        _sync_folder(target.parent)


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def _overwrite(target: Path, content: bytes) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    try:
        _write(descriptor, content)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    # The new name survives a power cut; file systems that cannot do this still have the old or the new content.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(error: Exception) -> str:
    """Return the reason of an error, without values: they may be secrets."""
    if isinstance(error, OSError):
        return file_problem(error)
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else f"the keys are not JSON ({type(error).__name__})"
