"""The tutorials: their commands run, their files are written, and the outputs are as they say."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipmate.emulator import RabbitMQNode
from tests.reader import Reader, emulator


@pytest.fixture
def port() -> Iterator[int]:
    with emulator() as first:
        yield first


@pytest.mark.timeout(120)
def test_the_tutorial_does_what_it_says(tmp_path: Path, port: int) -> None:
    """A mistake in it costs a newcomer the ten minutes that it should take."""
    reader = Reader(tmp_path, port)
    assert reader.follow("tutorial.md").count("console") == 9
    assert json.loads((reader.folder / "account.keys.json").read_text())["oauth"]["access_token"] != "spoilt"


@pytest.mark.timeout(180)
def test_the_tutorial_of_flows_does_what_it_says(tmp_path: Path, port: int, rabbitmq: RabbitMQNode) -> None:
    """With the broker of the tests, to save six starts of a private one."""
    uris = {"SHIPMATE_AMQP_URI": rabbitmq.uri, "SHIPMATE_TEST_AMQP_URI": rabbitmq.uri}
    reader = Reader(tmp_path, port, **uris)
    assert reader.follow("tutorial-flow.md").count("console") == 11
    assert not (reader.folder / ".shipmate" / "flow" / "flow" / "errors.jsonl").exists()
