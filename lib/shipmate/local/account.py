"""The account of a local run: a file of credential fields, which lies under the rest of the configuration."""

import shlex
import stat
from pathlib import Path
from typing import Final

from shipmate.errors import BadInput
from shipmate.local.options import Source, object_of, parse, read_file
from shipmate.wording import real_path

ACCOUNT_FILE: Final = "account.keys.json"
"""The name of the default file, beside ``component.json``. Ignore files list its ending."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def read_account(root: Path, name: str | None) -> Source | None:
    """Return the credential fields of an account, None without a name and without the default file.

    Args:
        root: The component's folder, which may hold ``account.keys.json``.
        name: The value of ``--account``, None for the default file.

    Raises:
        BadInput: The file cannot be read, or is not an object.
    """
    path = root / ACCOUNT_FILE if name is None else Path(name)
    place = f"--account {path}"
    if is_absent(path):
        if name is None:
            return None
        raise BadInput(f"expected a file with an account, found none: {place}; {login_command(root, path)} creates it")
    # A pipe can be read once, and not rewritten.
    source = Source(parse(read_file(path, place), place), place, path if path.is_file() else None)
    object_of(source)
    return source


def login_command(root: Path, account: Path) -> str:
    """Return the command that signs in and writes the file of an account.

    >>> login_command(Path("crm"), Path("my keys.json")), login_command(Path(), Path("a.keys.json"))
    ("shipmate login --component crm --account 'my keys.json'", 'shipmate login --account a.keys.json')
    """
    component = f" --component {shlex.quote(str(root))}" if root != Path() else ""
    return f"shipmate login{component} --account {shlex.quote(str(account))}"


def is_absent(path: Path) -> bool:
    """Return whether there is no file, and a sign-in may create it; a link to itself is a wrong file."""
    return not path.exists() and not real_path(path).is_symlink()


def exposure(path: Path) -> str | None:
    """Return a warning if other users of this machine can read a file with credentials, otherwise None."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    if not mode & _OTHERS:
        return None
    return f"{path} contains credentials, and other users of this machine can read it: run chmod 600 {path}"
