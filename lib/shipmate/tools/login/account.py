"""Stores the tokens of a sign-in in the account file."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from shipmate.errors import BadInput, KeysNotSaved
from shipmate.local import options
from shipmate.local.account import ACCOUNT_FILE, is_absent
from shipmate.oauth2.storage.file import TokenFile
from shipmate.tools.login import browser
from shipmate.tools.login.config import AuthClient
from shipmate.wording import real_path

_GIT_SECONDS: Final = 10.0
# The repository may be a stranger's: its configuration must not run a program.
_HARDENED: Final = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.sshCommand=false",
    "core.pager=cat",
    "protocol.allow=never",
)


class AccountFile:
    """The credential fields of one account, and its file."""

    def __init__(self, path: Path, fields: Mapping[str, Any], unsaved: Mapping[str, Any]) -> None:
        """Represent an account that was read.

        Args:
            path: The file, which need not exist.
            fields: The credential fields, those in the file included.
            unsaved: The fields that are not in the file; they are saved with the tokens.

        Raises:
            BadInput: The platform keeps the keys of this account.
        """
        if fields.get("secretId"):
            place = "the options" if "secretId" in unsaved else path
            raise BadInput(
                f"expected an account with its own keys, found secretId in {place}: "
                "the platform keeps this secret, and its owner signs in there"
            )
        self.path = path
        self.fields = fields
        self.file = TokenFile(path)
        self._unsaved = unsaved

    @classmethod
    def from_options(
        cls,
        root: Path,
        *,
        account: str | None = None,
        cfg: str | None = None,
        settings: Sequence[str] = (),
        stdin: BinaryIO | None = None,
    ) -> "AccountFile":
        """Return the account of ``--account``, with the fields of ``--cfg`` and ``--set``, which are saved in it.

        Args:
            root: The component's folder, with the default file.
            account: The file, which need not exist; None for the default file.
            cfg: Fields as JSON or ``-``; without ``account`` also the name of the file.
            settings: Fields as ``NAME=VALUE``.
            stdin: Standard input; None if it is closed.

        Raises:
            BadInput: A value cannot be read, or is not an object.
        """
        if cfg is not None and _is_name(cfg):
            if account is not None:
                raise BadInput("expected one account file, found two: give the fields of --cfg as JSON, or use --set")
            account, cfg = cfg, None
        path = root / ACCOUNT_FILE if account is None else Path(account)
        unsaved = options.gather({"cfg": options.read_option("--cfg", cfg, stdin)}).cfg if cfg is not None else {}
        unsaved = {**unsaved, **options.read_settings(settings)}
        return cls(path, {**fields_of(path, "--account"), **unsaved}, unsaved)

    def check(self) -> None:
        """Raise an error if the file cannot be written; called before the person signs in.

        Raises:
            KeysNotSaved: The file cannot be replaced, or its folder cannot be written to.
        """
        if self.path.exists():
            self.file.check()
        elif not os.access(self.path.absolute().parent, os.W_OK | os.X_OK):
            raise KeysNotSaved(f"expected a writable folder for {self.path}, found a read-only one")

    def save(self, keys: Mapping[str, Any]) -> None:
        """Save the keys, and the fields that are not in the file.

        Raises:
            KeysNotSaved: The file cannot be written.
        """
        self.file.create()
        self.file.save({**self._unsaved, **keys})

    def exposure(self) -> str | None:
        """Return a warning if the file is in a git repository that does not ignore it, otherwise None."""
        path = real_path(self.path)
        if not any((folder / ".git").exists() for folder in path.parents):
            return None
        options = [part for setting in _HARDENED for part in ("-c", setting)]
        command = [
            "git",
            "--no-optional-locks",
            *options,
            "-C",
            str(path.parent),
            "check-ignore",
            "--quiet",
            "--",
            path.name,
        ]
        # Without the variables of a hook, too, by which git would look at another repository than that of the file.
        environ = browser.of_person(os.environ)
        try:
            git = subprocess.run(  # noqa: S603 - the name is an argument of its own
                command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=_GIT_SECONDS, check=False
            )
        except (OSError, subprocess.SubprocessError):
            status = 128
        else:
            status = git.returncode
        if status == 0:
            return None
        problem = "git does not ignore it" if status == 1 else "git failed to say whether it is ignored"
        return f"{self.path} is in a git repository, and {problem}: add *.keys.json to .gitignore"

    @property
    def auth_client(self) -> AuthClient | None:
        """The client in the file: None, since the component has it."""
        return None

    def place_of(self, field: str) -> str:
        """Return the member with the tokens, for texts."""
        return field

    def advice(self, root: Path) -> str:
        """Return a text with the next step of the person."""
        return f"Try it: {self.next_command(root)}"

    def next_command(self, root: Path) -> str:
        """Return a command that tests the keys.

        >>> AccountFile(Path("my keys.json"), {}, {}).next_command(Path("."))
        "shipmate verify --account 'my keys.json'"
        """
        component = [] if root == Path() else ["--component", str(root)]
        account = [] if self.path == root / ACCOUNT_FILE else ["--account", str(self.path)]
        return shlex.join(["shipmate", "verify", *component, *account])


def _is_name(text: str) -> bool:
    """Return whether the value of ``--cfg`` is the name of a regular file, or of a file to create."""
    if not text or text == "-" or text.lstrip().startswith("{"):
        return False
    return Path(text).is_file() or not Path(text).exists()


def fields_of(path: Path, option: str) -> dict[str, Any]:
    """Return the members of a file, none if it does not exist.

    Args:
        path: The file.
        option: The option that names it, for error texts.

    Raises:
        BadInput: The file cannot be read, is not a JSON object, or its folder does not exist.
    """
    if is_absent(path):
        if not path.absolute().parent.is_dir():
            raise BadInput(f"expected a file in an existing folder, found no such folder: {option} {path}")
        return {}
    return options.gather({"cfg": options.read_option(option, str(path), None)}).cfg
