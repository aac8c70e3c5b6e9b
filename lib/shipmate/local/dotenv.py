"""Reads the variables that a component's folder sets for runs on this machine."""

from pathlib import Path
from typing import Final

from shipmate.errors import BadInput
from shipmate.wording import file_problem

# elasticio-cli keeps the platform's variables in the second file; the first one wins.
_FILES: Final = (Path(".env"), Path("test/.globalEnv"))


def read_env_file(root: Path) -> dict[str, str]:
    """Return the variables of ``.env`` and ``test/.globalEnv``; both files are optional.

    Raises:
        BadInput: A file cannot be read, or a value contains a NUL character.
    """
    variables: dict[str, str] = {}
    for file in reversed(_FILES):
        variables.update(_variables_in(root / file))
    return variables


def _variables_in(path: Path) -> dict[str, str]:
    try:
        if not path.is_file():
            return {}
        from dotenv import dotenv_values  # 30 ms

        # Without interpolation: ${ may be part of a secret.
        variables = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"expected a readable file, found {file_problem(error)}: {path}") from error
    for name, value in variables.items():
        if "\0" in name or "\0" in (value or ""):
            raise BadInput(f"expected text, found a NUL character in a variable of {path}")
    return {name: value for name, value in variables.items() if value is not None}
