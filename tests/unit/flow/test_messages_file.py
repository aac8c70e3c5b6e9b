"""The messages of a file are checked before anything is started, and are in memory one at a time."""

import os
import threading
import tracemalloc
from pathlib import Path

import pytest

from shipmate.errors import BadInput
from shipmate.flow import messages_file
from shipmate.flow.messages_file import MessagesFile


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("m.jsonl")


def test_each_line_is_a_message_whatever_its_end(path: Path) -> None:
    path.write_bytes(b'\xef\xbb\xbf{"body": {"n": 1}}\r\n\n  {"body": {"n": 2}, "headers": {"a": 1}}\n{}')
    file = MessagesFile(path)

    for _ in range(2):
        assert list(file) == [
            {"headers": {}, "body": {"n": 1}}, {"headers": {"a": 1}, "body": {"n": 2}}, {"headers": {}, "body": {}}
        ]  # fmt: skip
    file.close()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{}\n\n{"body":\n', "expected a message as JSON, found an error at column 9 (expecting value) in --msgs "
         "m.jsonl:3"),
        (b'{"body": NaN}', "expected a message as JSON, found NaN, which is not JSON in --msgs m.jsonl:1"),
        (b"7\n{}\n[]\n", "expected an object, found a number in --msgs m.jsonl:1 (wrong lines: 2)"),
        (b'{"name": "Ada"}', "expected a message with a body, {\"body\": {...}}, found 'name' outside of a body in "
         "--msgs m.jsonl:1"),
        (b'{}\n{"body": "\xe9"}', "expected text in UTF-8, found bytes that are not UTF-8 (at byte 11) in --msgs "
         "m.jsonl:2"),
        (b"\n \n", "expected at least one message, found none: --msgs m.jsonl"),
        (b"{}\n" + b"x" * 500 + b"\n{}", "expected a message of at most 0 MiB, found more in --msgs m.jsonl:2"),
        (None, "expected a readable file, found no such file or directory: --msgs m.jsonl"),
    ],
    ids=["cut", "NaN", "two lines", "no body", "Latin-1", "empty", "too long", "missing"],
)  # fmt: skip
def test_a_wrong_line_has_its_place(
    path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, problem: str
) -> None:
    monkeypatch.setattr(messages_file, "LARGEST_BYTES", 100)
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput) as raised:
        MessagesFile(path)
    assert str(raised.value) == problem


def test_a_pipe_is_read_once(path: Path) -> None:
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b'{"body": {"n": 1}}\n' * 3,))
    writer.start()
    file = MessagesFile(path)
    writer.join()

    assert len(list(file)) == 3
    file.close()


def test_a_large_file_is_not_read_into_memory(path: Path) -> None:
    path.write_bytes(b'{"body": {"text": "%s"}}\n' % (b"x" * 100_000) * 100)
    tracemalloc.start()
    file = MessagesFile(path)
    assert sum(1 for _ in file) == 100
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    file.close()

    assert most < 3_000_000
