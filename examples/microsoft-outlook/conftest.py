"""Makes the component and what its tests share importable, from wherever the tests are run."""

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
# At the end: nothing that is there already is hidden.
sys.path += [str(place) for place in (_HERE, _HERE / "tests") if str(place) not in sys.path]
