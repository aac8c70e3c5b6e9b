"""Configured logs."""

import logging
from collections.abc import Iterator

import pytest

from tests.unit.logs.canaries import Log


@pytest.fixture
def as_json() -> Iterator[Log]:
    log = Log(as_json=True)
    with log.configured:
        yield log


@pytest.fixture(params=[True, False], ids=["json", "readable"])
def either(request: pytest.FixtureRequest) -> Iterator[Log]:
    """A log in each format, with a handler that a component has added."""
    log = Log(as_json=request.param)
    handler = logging.StreamHandler(log.foreign)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(more)s", defaults={"more": ""}))
    with log.configured:
        logging.getLogger().addHandler(handler)
        yield log
