"""Large files through a container: memory stays small, and neither cuts, kills nor other messages change a byte."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from shipmate.emulator import Platform, Received, StepQueues
from tests.big_files import BigFiles, big_files, checksum
from tests.container import Container

LOG = logging.getLogger(__name__)
FOLDER = Path(__file__).parents[1] / "components" / "files"
MIB = 1024 * 1024
SIZE = int(os.environ.get("SHIPMATE_TEST_FILE_MIB", "64")) * MIB
"""The size of the largest file: ``SHIPMATE_TEST_FILE_MIB=1024`` carries a gigabyte."""
SECONDS = 15 + SIZE // MIB
Start = Callable[..., Container]


@pytest.fixture
def files(tmp_path: Path) -> Iterator[BigFiles]:
    (tmp_path / "storage").mkdir()
    with big_files(tmp_path / "storage") as started:
        yield started


@pytest.fixture
def start(queues: StepQueues, files: BigFiles, tmp_path: Path) -> Iterator[Start]:
    """A function that starts a container whose home and temporary folder are empty."""
    (tmp_path / "scratch").mkdir()
    scratch = {name: str(tmp_path / "scratch") for name in ("TMPDIR", "HOME")}
    steps = {"flow": {"step": {"config": {"token": "token-of-the-account"}}}}
    started: list[Container] = []
    with Platform(steps=steps) as platform:

        def started_one(**settings: object) -> Container:
            environ = {**platform.environ(), **files.environ(), **queues.environ("carry", **settings), **scratch}
            started.append(Container({**environ, "LOG_LEVEL": "info"}, folder=FOLDER))
            return started[-1].ready()

        yield started_one
        for each in started:
            each.close()


def publish(queues: StepQueues, files: BigFiles, seed: int, size: int) -> None:
    """Publish a message about one file."""
    source = f"{files.url}/files/{seed}/{size}"
    queues.publish({"body": {"source": source, "target": f"{files.url}/sink"}})


def check(message: Received, seed: int, size: int) -> None:
    """Check that all of a file has arrived, and its attachment is in the message."""
    assert message.message["body"]["answer"] == {"size": size, "sha256": checksum(seed, size)}
    ((_, attachment),) = message.message["attachments"].items()
    assert attachment["size"] == size


def peak_bytes(container: Container) -> int:
    """Return the largest resident memory of a container so far."""
    status = Path(f"/proc/{container.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.mark.timeout(60 + 2 * SECONDS)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_a_large_file_needs_no_more_memory_than_a_small_one(queues: StepQueues, files: BigFiles, start: Start) -> None:
    """From the API to an attachment and back: a few pieces are in memory at once."""
    container = start()
    publish(queues, files, 1, 3 * MIB)
    check(queues.take("data")[0], 1, 3 * MIB)
    before = peak_bytes(container)
    publish(queues, files, 2, SIZE)
    check(queues.take("data", timeout_seconds=SECONDS)[0], 2, SIZE)
    after, cpu = peak_bytes(container), psutil.Process(container.process.pid).cpu_times()
    used = cpu.user + cpu.system
    LOG.info("%d MiB: peak %.1f MiB, %+.1f MiB, %.1f s of CPU", SIZE // MIB, after / MIB, (after - before) / MIB, used)
    assert after - before < 12 * MIB
    assert after < 128 * MIB
    tokens = {("files", "Bearer token-of-the-account"), ("sink", "Bearer token-of-the-account")}
    assert files.authorizations == {*tokens, ("storage", f"Bearer {files.token}")}


def test_cut_connections_change_no_byte(queues: StepQueues, files: BigFiles, start: Start) -> None:
    """The download goes on where it was cut; an upload that is dropped is sent again."""
    size = 9 * MIB + 5
    files.cuts = [4 * MIB, 2 * MIB]
    files.drops = [6 * MIB]
    start()
    publish(queues, files, 3, size)
    check(queues.take("data")[0], 3, size)
    assert len(files.objects) == 1


def test_messages_at_once_do_not_mix_their_files(queues: StepQueues, files: BigFiles, start: Start) -> None:
    """All files have equal names and are in work together."""
    start(RABBITMQ_PREFETCH_SAILOR=6)
    size = 5 * MIB
    for seed in range(6):
        publish(queues, files, seed, size)
    found = {each.message["body"]["answer"]["sha256"] for each in queues.take("data", 6)}
    assert found == {checksum(seed, size) for seed in range(6)}
    assert len(files.objects) == 6


def test_a_kill_leaves_nothing_and_the_message_is_done_again(
    queues: StepQueues, files: BigFiles, start: Start, tmp_path: Path
) -> None:
    """No file on disk, and no part of one in the storage."""
    size = 8 * MIB
    files.hold = threading.Event()
    container = start()
    publish(queues, files, 4, size)
    assert files.is_half.wait(15)
    container.send(signal.SIGKILL)
    container.wait()
    files.hold.set()
    assert files.objects == []
    start()
    check(queues.take("data")[0], 4, size)
    assert len(files.objects) == 1
    assert list((tmp_path / "scratch").iterdir()) == []
    assert sorted(each.name for each in FOLDER.iterdir() if each.name != "__pycache__") == [
        "carry.py",
        "component.json",
    ]
