"""What the tests share: a shop on this machine, and an account that may use it."""

import sys
from pathlib import Path

import pytest

from shipmate.testing import ComponentUnderTest

# The tests run from here as well as from elsewhere: nothing else makes their helpers importable there.
sys.path.append(str(Path(__file__).parent))

from petstore import KEY, URL, Petstore  # it is importable from here on


@pytest.fixture
def shop(component: ComponentUnderTest) -> Petstore:
    """An empty shop in place of the real one."""
    shop = Petstore()
    component.serve(URL, shop)
    return shop


@pytest.fixture
def cfg() -> dict[str, str]:
    """An account that may use the shop."""
    return {"apiKey": KEY}
