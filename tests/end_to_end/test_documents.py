"""The components and tests in the documents."""

import re
from pathlib import Path

import pytest

from shipmate.emulator import RabbitMQNode
from tests.authors import read_outcomes, run_pytest

# A whole run of pytest, with a container.
pytestmark = pytest.mark.timeout(60)

ROOT = Path(__file__).resolve().parents[2]


def write_component(page: str, folder: Path) -> None:
    """Write the files of a page: blocks of Python begin with a comment that names theirs."""
    (descriptor,) = re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (folder / "component.json").write_text(descriptor)
    for code in re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        name = code.splitlines()[0].removeprefix("# ")
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(code)


def test_the_tests_of_the_guide_pass(tmp_path: Path, rabbitmq: RabbitMQNode) -> None:
    """Only the checks that the page names are skipped."""
    write_component((ROOT / "docs" / "how-to" / "test-a-component.md").read_text(), tmp_path)
    done = run_pytest(tmp_path, "-q", "-Werror", "--junitxml=report.xml", SHIPMATE_TEST_AMQP_URI=rabbitmq.uri)

    assert done.returncode == 0, done.stdout + done.stderr
    skipped = [
        name
        for tests in read_outcomes(tmp_path / "report.xml").values()
        for name, outcome in tests.items()
        if outcome.status == "skipped"
    ]
    assert sorted(set(skipped)) == [
        "messages_match_metadata[create_contact]",
        "wrong_credentials_are_refused[403]",
    ]
