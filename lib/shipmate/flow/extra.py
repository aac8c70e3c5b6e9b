"""The packages of the extra ``flow``."""

from importlib.util import find_spec
from typing import Final

from shipmate.errors import OperatorError

_PACKAGES: Final = {"jsonata": "jsonata-python", "yaml": "PyYAML", "rich": "rich"}


class ExtraMissing(OperatorError):
    """A package that flows need is not installed."""

    code = "extra_missing"


def require_extra() -> None:
    """Check that the packages for flows are installed, without importing them.

    Raises:
        ExtraMissing: One of them is not installed.
    """
    missing = [name for module, name in _PACKAGES.items() if find_spec(module) is None]
    if missing:
        found = "expected the packages for flows, found that some are not installed"
        raise ExtraMissing(f"{found} ({', '.join(missing)}); run pip install 'shipmate[flow]'")
