"""The component under test."""

import json
from pathlib import Path

from shipmate.testing import ComponentUnderTest
from shipmate.testing.isolation import only_component

ASYNC = """
import asyncio
LOOPS = []
async def process(context, msg, cfg, snapshot):
    LOOPS.append(asyncio.get_running_loop())
    return {"body": len(LOOPS)}
"""


def test_its_end_closes_the_loops_of_functions(tmp_path: Path) -> None:
    """Left to the collector, they may be closed while the loop of another test runs, which fails that one."""
    action = {"title": "Go", "main": "./loops_of_functions.py"}
    (tmp_path / "component.json").write_text(json.dumps({"title": "T", "actions": {"go": action}}))
    (tmp_path / "loops_of_functions.py").write_text(ASYNC)
    subject = ComponentUnderTest(tmp_path)
    with only_component(tmp_path):
        subject.run("go")
        assert subject.run("go").message == {"body": 2}
        from loops_of_functions import LOOPS
    assert [loop.is_closed() for loop in LOOPS] == [False, False]
    subject.close()

    assert [loop.is_closed() for loop in LOOPS] == [True, True]
