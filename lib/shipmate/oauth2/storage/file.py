"""A JSON file that keeps the credentials of one account: rewritten whole or not at all, by one process at a time."""

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
    """The ``--cfg`` file as the place where refreshed keys survive the process."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened yet."""
        self.path = path
        # The component may change the current folder.
        self._absolute = path.absolute()
        # A counter and not an RLock: a refresh may hold the lock on one thread and save on another one. Within the
        # process the credential store lets only one refresh of an account run at a time.
        self._holders = 0
        self._descriptor: int | None = None
        self._entering = threading.Lock()
        self._saving = threading.Lock()

    def check(self) -> None:
        """Make sure that saving can work, before a refresh token is spent.

        Raises:
            KeysNotSaved: The file is no readable JSON object, or its folder does not let it be replaced.
        """
        self.read()
        folder = self._target().parent
        if not os.access(folder, os.W_OK | os.X_OK):
            raise KeysNotSaved(f"expected a folder that can be written to, found {folder}: new keys would be lost")

    def read(self) -> dict[str, Any]:
        """Return the fields as the file holds them now.

        Raises:
            KeysNotSaved: The file is not a readable JSON object (any more), so no keys can be merged into it.
        """
        return self._parse(self._text())

    def save(self, keys: Mapping[str, Any]) -> None:
        """Put ``keys`` over the file's fields of the same names; the other fields stay as they are.

        Raises:
            KeysNotSaved: The file could not be replaced; it is as it was.
        """
        self._rewrite(lambda fields: {**fields, **keys})

    def create(self) -> None:
        """Make the file, without fields and readable by its owner only, unless there is one.

        Raises:
            KeysNotSaved: It could not be made.
        """
        try:
            descriptor = os.open(self._target(), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
        except FileExistsError:
            return
        except OSError as error:
            raise KeysNotSaved(f"{self.path} cannot be made: {_reason(error)}") from error
        try:
            os.fchmod(descriptor, _OWNER_ONLY)  # whatever the umask says
            _write(descriptor, b"{}\n")
        finally:
            os.close(descriptor)

    def remove(self, field: str) -> None:
        """Take one field out of the file; the others stay as they are.

        Raises:
            KeysNotSaved: The file could not be replaced; it is as it was.
        """
        self._rewrite(lambda fields: {name: value for name, value in fields.items() if name != field})

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from refreshing or saving the same keys meanwhile; may be entered again."""
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
        """Wait for a save that is under way; tell whether it has ended in time."""
        is_settled = self._saving.acquire(timeout=timeout_seconds)
        if is_settled:
            self._saving.release()
        return is_settled

    def _rewrite(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        with self.lock(), self._saving:
            text = self._text()
            changed = change(self._parse(text))
            indent = _FIRST_INDENT.match(text)
            try:
                encoded = json.dumps(changed, ensure_ascii=False, indent=indent[1] if indent else 2)
                # Only a lone surrogate cannot be encoded, and its backslash form is its JSON escape as well.
                self._replace((encoded + "\n").encode("utf-8", "backslashreplace"))
            except (OSError, TypeError, ValueError) as error:
                raise KeysNotSaved(f"{self.path} cannot be rewritten: {_reason(error)}") from error

    def _acquire(self) -> int | None:
        """Lock the file that has the name now: whoever held the lock before has probably replaced it."""
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
                # Some network file systems have no locks: better without than not at all.
                os.close(descriptor)
                return None
            os.close(descriptor)

    def _hold(self, descriptor: int | None) -> None:
        """Let go of the locked descriptor, which unlocks its file, and hold another one instead."""
        previous, self._descriptor = self._descriptor, descriptor
        if previous is not None:
            os.close(previous)

    def _target(self) -> Path:
        """Follow symbolic links: the link stays, the file behind it is replaced."""
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
        """Write a new file beside the old one and give it the name in one step."""
        target = self._target()
        before = target.stat()
        draft = target.with_name(f".{target.name}.{os.getpid()}-{os.urandom(6).hex()}.tmp")
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
        try:
            os.fchmod(descriptor, _OWNER_ONLY)  # whatever the umask says
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                with suppress(OSError):  # root in a container keeps the file its owner's
                    os.fchown(descriptor, before.st_uid, before.st_gid)
            _write(descriptor, content)
            with suppress(OSError):
                # Locked before it has the name, so that no other process gets in between.
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.replace(draft, target)
        except OSError as error:
            os.close(descriptor)
            draft.unlink(missing_ok=True)
            if error.errno != errno.EBUSY:
                raise
            # A file that is itself a mount, as with `docker run -v cfg.json:/cfg.json`, cannot be replaced.
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
    # Makes the new name survive a power cut; not every file system can do it, and the content is safe anyway.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(error: Exception) -> str:
    """Say what is wrong without quoting values: they may be secrets."""
    if isinstance(error, OSError):
        return file_problem(error)
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else f"the keys are not JSON ({type(error).__name__})"
