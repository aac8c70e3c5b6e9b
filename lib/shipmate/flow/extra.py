"""The packages of the extra ``flow``."""

from importlib.util import find_spec
from typing import Final

from shipmate.errors import OperatorError

_PACKAGES: Final = {"jsonata": "jsonata-python", "regex": "regex", "rich": "rich", "yaml": "PyYAML"}


def require_extra() -> None:
    """Check that the packages for flows are installed, without importing them.

    Raises:
        OperatorError: One of them is not installed.
    """
    missing = [name for module, name in _PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise OperatorError(f"expected {', '.join(missing)}, found none; run pip install 'shipmate[flow]'")
