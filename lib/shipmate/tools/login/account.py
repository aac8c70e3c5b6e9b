"""Where the keys of a sign-in are kept: the ``--cfg`` file, or one beside ``component.json``."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from shipmate.errors import BadInput, KeysNotSaved
from shipmate.local import options
from shipmate.oauth2.storage.file import TokenFile

_DEFAULT: Final = "account.keys.json"
_GIT_SECONDS: Final = 10.0
# Set in hooks and by scripts: git would look at another repository than the file's.
_GIT_VARIABLES: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


class AccountFile:
    """One account: its credential fields, and its file."""

    def __init__(self, path: Path, fields: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """Note what was read.

        Args:
            path: The file, which need not exist yet.
            fields: The credential fields, those of the file included.
            given: The fields that did not come from the file: they are saved with the keys.

        Raises:
            BadInput: The platform keeps the keys of this account.
        """
        if fields.get("secretId"):
            raise BadInput(
                f"expected an account that keeps its own keys, found secretId in {path if not given else '--cfg'}: "
                "the platform keeps this secret, and there its owner signs in"
            )
        self.path = path
        self.fields = fields
        self.file = TokenFile(path)
        self._given = given

    @classmethod
    def from_option(cls, root: Path, text: str | None, stdin: BinaryIO | None) -> "AccountFile":
        """Return the account that ``--cfg`` names: by a file that may be missing, or by fields for the default file.

        Raises:
            BadInput: It cannot be read, or is no object.
        """
        if text is not None and _is_name(text):
            return cls(Path(text), _fields_of(Path(text)), {})
        path = root / _DEFAULT
        given = {} if text is None else options.gather({"cfg": options.read_option("--cfg", text, stdin)}).cfg
        return cls(path, {**_fields_of(path), **given}, given)

    def check(self) -> None:
        """Make sure that keys can be saved, before somebody signs in for them.

        Raises:
            KeysNotSaved: The file cannot be replaced, or its folder cannot be written to.
        """
        if self.path.exists():
            self.file.check()
        elif not os.access(self.path.absolute().parent, os.W_OK | os.X_OK):
            raise KeysNotSaved(f"expected a folder that can be written to, found none for {self.path}")

    def save(self, keys: Mapping[str, Any]) -> None:
        """Save keys, and the fields that were given.

        Raises:
            KeysNotSaved: The file could not be written.
        """
        self.file.create()
        self.file.save({**self._given, **keys})

    def exposure(self) -> str | None:
        """Return what is to be said about version control, None when the file is safe from it."""
        path = self.path.resolve()
        if not any((folder / ".git").exists() for folder in path.parents):
            return None
        command = ["git", "-C", str(path.parent), "check-ignore", "--quiet", "--", path.name]
        environ = {name: value for name, value in os.environ.items() if name not in _GIT_VARIABLES}
        try:
            done = subprocess.run(  # noqa: S603 - the name is an argument of its own
                command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=_GIT_SECONDS, check=False
            )
        except (OSError, subprocess.SubprocessError):
            status = 128
        else:
            status = done.returncode
        if status == 0:
            return None
        fact = "git does not ignore it" if status == 1 else "git cannot say whether it is ignored"
        return f"{self.path} is in a git repository, and {fact}: *.keys.json in .gitignore keeps tokens out of it"

    def next_command(self, root: Path) -> str:
        """Return the command that tries the keys.

        >>> AccountFile(Path("my keys.json"), {}, {}).next_command(Path("."))
        "shipmate verify --cfg 'my keys.json'"
        """
        component = [] if root == Path() else ["--component", str(root)]
        return shlex.join(["shipmate", "verify", *component, "--cfg", str(self.path)])


def _is_name(text: str) -> bool:
    """Tell whether the value of ``--cfg`` names a file that can be rewritten, or one that is to be made."""
    if not text or text == "-" or text.lstrip().startswith("{"):
        return False
    return Path(text).is_file() or not Path(text).exists()


def _fields_of(path: Path) -> dict[str, Any]:
    if not path.exists():
        if not path.absolute().parent.is_dir():
            raise BadInput(f"expected a file in a folder that exists, found none: --cfg {path}")
        return {}
    return options.gather({"cfg": options.read_option("--cfg", str(path), None)}).cfg
