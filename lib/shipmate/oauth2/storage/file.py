"""A JSON file with the credentials of one account; one process at a time replaces it as a whole."""

import errno
import json
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from shipmate.errors import KeysNotSaved
from shipmate.locks import lock
from shipmate.wording import file_problem, real_path

_OWNER_ONLY: Final = 0o600
# Ignore files list *.keys.json: a draft that a killed process has left must not reach a repository or an image.
_DRAFT: Final = re.compile(r"\.\d+-[0-9a-f]{12}\.(?:keys\.json|tmp)")
_UNFINISHED: Final = b"#"
"""The first byte of a file while it is overwritten: its text is no JSON until the last write."""
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
            raise KeysNotSaved(f"{folder}: expected a writable folder, found a read-only one; new keys would be lost")

    def read(self) -> dict[str, Any]:
        """Return the fields in the file.

        Raises:
            KeysNotSaved: The file is not a readable JSON object, so that no keys can be saved in it.
        """
        return self._parse(self._text())

    def save(self, keys: Mapping[str, Any]) -> None:
        """Replace the fields that are in ``keys``; the other fields stay unchanged.

        Raises:
            KeysNotSaved: The file could not be replaced. It is unchanged, or its new content is in a file beside it,
                which is read in its place.
        """
        self._rewrite(lambda fields: {**fields, **keys})

    def create(self) -> None:
        """Create the file, without fields and readable by its owner only; do nothing if it exists.

        Raises:
            KeysNotSaved: The file could not be created.
        """
        target = self._target()
        try:
            if target.exists():
                return
            draft, descriptor = _open_draft(target)
            try:
                _write(descriptor, b"{}\n")
                with suppress(FileExistsError):
                    _link(draft, target)
            finally:
                os.close(descriptor)
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise KeysNotSaved(f"{self.path} cannot be created: {_reason(error)}") from error

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
                is_locked = lock(descriptor, waits=True)
                if is_locked and os.path.samestat(os.fstat(descriptor), os.stat(self._target())):
                    if not self._recover():
                        return descriptor
            except OSError:
                is_locked = False
            if not is_locked:  # saving without a lock is better than not saving
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
        return real_path(self._absolute)

    def _text(self) -> str:
        """Return the text of the file, or of a complete draft that could not be brought to its place."""
        for draft in _drafts(self._target()):
            with suppress(OSError):  # another process has just renamed it
                if self._wins(draft):
                    return draft.read_text(encoding="utf-8")
        try:
            return self._target().read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise KeysNotSaved(f"{self.path} cannot be read: {_reason(error)}") from error

    def _wins(self, draft: Path) -> bool:
        """Return whether a draft is complete and newer than the file, or the file was overwritten in part."""
        target = self._target()
        if not _is_object(draft):
            return False
        return draft.stat().st_mtime_ns >= target.stat().st_mtime_ns or not _is_object(target)

    def _recover(self) -> bool:
        """Finish or remove the drafts of killed processes; return whether the file was replaced.

        The caller holds the lock: no other process writes.
        """
        is_replaced = False
        for draft in _drafts(self._target()):
            with suppress(OSError):  # the draft stays, and is read in place of the file
                if not is_replaced and self._wins(draft):
                    _bring_to_place(draft, self._target())
                    is_replaced = True
                draft.unlink(missing_ok=True)
        return is_replaced

    def _parse(self, text: str) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise KeysNotSaved(f"expected a JSON object, found invalid JSON in {self.path}") from error
        if not isinstance(value, dict):
            raise KeysNotSaved(f"expected a JSON object, found another value in {self.path}")
        return value

    def _replace(self, content: bytes) -> None:
        """Write a new file beside the old one and rename it, in one step."""
        target = self._target()
        before = target.stat()
        draft, descriptor = _open_draft(target)
        try:
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                with suppress(OSError):  # root in a container must not become the owner
                    os.fchown(descriptor, before.st_uid, before.st_gid)
            _write(descriptor, content)
            # Locked before it has the name, so that no other process locks it first.
            lock(descriptor, waits=True)
        except OSError:
            os.close(descriptor)
            draft.unlink(missing_ok=True)
            raise
        try:
            is_renamed = _bring_to_place(draft, target)
        except OSError:
            os.close(descriptor)
            raise
        if is_renamed:
            self._hold(descriptor)
        else:
            os.close(descriptor)


def _open_draft(target: Path) -> tuple[Path, int]:
    """Create a file beside the target, readable by its owner only."""
    draft = target.with_name(f".{target.name}.{os.getpid()}-{os.urandom(6).hex()}.keys.json")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
    os.fchmod(descriptor, _OWNER_ONLY)  # independent of the umask
    return draft, descriptor


def _drafts(target: Path) -> list[Path]:
    """Return the drafts of a file, the newest first; those of other users do not count."""
    prefix = f".{target.name}"
    owners = {os.geteuid()}
    found: list[tuple[int, Path]] = []
    with suppress(OSError):
        owners.add(target.stat().st_uid)
    with suppress(OSError):
        for entry in os.scandir(target.parent):
            if entry.name.startswith(prefix) and _DRAFT.fullmatch(entry.name[len(prefix) :]):
                facts = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(facts.st_mode) and facts.st_uid in owners:
                    found.append((facts.st_mtime_ns, target.with_name(entry.name)))
    return [path for _, path in sorted(found, reverse=True)]


def _is_object(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8-sig")), dict)
    except (ValueError, RecursionError):
        return False


def _link(draft: Path, target: Path) -> None:
    """Give a draft its name unless that exists: a file system without links gets an empty object in two steps."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise
    except OSError:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
        try:
            _write(descriptor, b"{}\n")
        finally:
            os.close(descriptor)


def _bring_to_place(draft: Path, target: Path) -> bool:
    """Rename a complete draft to the target, or overwrite a target that is mounted; return whether it was renamed."""
    try:
        os.replace(draft, target)
    except OSError as error:
        # A mounted file, as with `docker run -v cfg.json:/cfg.json`, cannot be replaced.
        if error.errno != errno.EBUSY:
            draft.unlink(missing_ok=True)
            raise
        _overwrite(target, draft.read_bytes())
        draft.unlink(missing_ok=True)  # not earlier: it has the only copy if the process ends in between
        return False
    _sync_folder(target.parent)
    return True


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def _overwrite(target: Path, content: bytes) -> None:
    """Write over a file in place; it is valid JSON before the first and after the last write only."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # the owner may be another user
            os.fchmod(descriptor, _OWNER_ONLY)
        _reserve(descriptor, len(content))
        os.pwrite(descriptor, _UNFINISHED, 0)
        os.lseek(descriptor, 1, os.SEEK_SET)
        _write(descriptor, content[1:])
        os.ftruncate(descriptor, len(content))
        os.fsync(descriptor)
        os.pwrite(descriptor, content[:1], 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reserve(descriptor: int, size: int) -> None:
    """Raise an error for a full disk before the file is changed."""
    if size <= os.fstat(descriptor).st_size:
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except AttributeError:  # macOS
        return
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise


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
