"""Whether a body can be sent twice, and that it is then the same."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from shipmate.http.replay import Body


class Unseekable(io.BytesIO):
    """A stream like a socket's."""

    def seekable(self) -> bool:
        """Say no."""
        return False


class Minimal:
    """A file-like object with nothing but ``read``."""

    def read(self, size: int = -1) -> bytes:
        """Return nothing."""
        return b""


class Chunks:
    """A body that can be iterated as often as one likes."""

    def __iter__(self) -> Iterator[bytes]:
        """Start anew."""
        return iter([b"a", b"b"])


def sent(body: Body) -> bytes:
    request = requests.Request("POST", "http://x", **body.for_attempt()).prepare()
    content = request.body
    if hasattr(content, "read"):
        return bytes(content.read())
    if isinstance(content, str | bytes | bytearray | type(None)):
        return content.encode() if isinstance(content, str) else bytes(content or b"")
    return b"".join(content)


@pytest.mark.parametrize(
    "data", [None, "text", b"bytes", bytearray(b"x"), {"a": "1"}, [("a", "1")], Chunks(), io.BytesIO(b"file")]
)
def test_replayable_bodies_are_the_same_each_time(data: Any) -> None:
    """Whatever requests takes."""
    body = Body(data, None)
    assert body.is_replayable
    assert sent(body) == sent(body)


def test_a_file_is_rewound_to_where_it_stood() -> None:
    """Not to its beginning: the author may have read a part."""
    stream = io.BytesIO(b"0123456789")
    stream.seek(4)
    body = Body(stream, None)
    assert [sent(body), sent(body)] == [b"456789"] * 2


def test_files_of_a_multipart_are_rewound(tmp_path: Path) -> None:
    """Sending it again must not send an empty part."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"content" * 100)
    with path.open("rb") as first, path.open("rb") as second:
        for files in ({"f": first}, [("f", ("name", second, "text/plain"))], {"f": ("n", b"content")}):
            body = Body({"k": "v"}, files)
            assert body.is_replayable
            assert b"content" in sent(body)
            assert b"content" in sent(body)


def test_a_function_makes_the_body_anew() -> None:
    """A generator becomes replayable when a function makes it."""
    body = Body(lambda: iter([b"a", b"b"]), None)
    assert body.is_replayable
    assert [sent(body), sent(body)] == [b"ab", b"ab"]


@pytest.mark.parametrize(
    "data", [iter([b"x"]), (part for part in [b"x"]), Unseekable(b"x"), Minimal(), object()], ids=type
)
def test_what_is_spent_by_sending_is_not_replayable(data: Any) -> None:
    """It must never be sent empty."""
    assert not Body(data, None).is_replayable


def test_an_unseekable_part_spoils_the_whole_multipart() -> None:
    """Also next to parts that could be sent again."""
    assert not Body(None, {"a": b"x", "b": Unseekable(b"y")}).is_replayable
    closed = io.BytesIO(b"x")
    closed.close()
    assert not Body(closed, None).is_replayable
