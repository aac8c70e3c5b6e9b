"""The variables that a component's folder has for runs on this machine."""

from pathlib import Path
from typing import Final

from shipmate.errors import BadInput
from shipmate.wording import file_problem

# The second is where elasticio-cli has the variables of the platform; the first wins.
_FILES: Final = (Path(".env"), Path("test/.globalEnv"))


def read_env_file(root: Path) -> dict[str, str]:
    """Return the variables of ``.env`` and ``test/.globalEnv``, none when there is no such file.

    Raises:
        BadInput: It cannot be read, or has something that no variable can hold.
    """
    variables: dict[str, str] = {}
    for file in reversed(_FILES):
        variables.update(_read(root / file))
    return variables


def _read(path: Path) -> dict[str, str]:
    try:
        if not path.is_file():
            return {}
        from dotenv import dotenv_values  # 30 ms

        # A secret that has ${ in it is to be what it is.
        values = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"expected a readable file, found {file_problem(error)} in {path}") from error
    for name, value in values.items():
        if "\0" in name or "\0" in (value or ""):
            raise BadInput(f"expected text, found a NUL character in a variable of {path}")
    return {name: value for name, value in values.items() if value is not None}
