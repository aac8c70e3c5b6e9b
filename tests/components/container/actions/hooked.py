"""Has all hooks; the environment says what they do."""

import json
import os
import signal
from pathlib import Path


def _note(name, *values):
    if path := os.environ.get("TEST_NOTES"):
        with Path(path).open("a") as notes:
            notes.write(json.dumps([name, *values]) + "\n")
    if os.environ.get("TEST_FAIL") == name:
        raise ValueError(f"{name} was told to fail")


def startup(cfg):
    """Return what the environment says."""
    _note("startup", cfg)
    return json.loads(os.environ.get("TEST_STATE", '{"subscription": 1}'))


def init(cfg):
    """Tell the test, and wait for it if it wants."""
    _note("init", cfg)
    if os.environ.get("TEST_DEAF"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if fifo := os.environ.get("TEST_INIT_FIFO"):
        Path(fifo).read_text()


async def shutdown(cfg, startup_data):
    """Note what was given."""
    _note("shutdown", cfg, startup_data)


def process(context, msg, cfg, snapshot):
    """Return the message."""
    return {"body": msg["body"]}
