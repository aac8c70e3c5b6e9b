"""Writes the documentation into a file, between two markers; the rest of the file belongs to its author."""

from pathlib import Path
from typing import Final

from shipmate.errors import BadInput
from shipmate.tools.docs.page import BEGIN, END
from shipmate.wording import file_problem

README: Final = "README.md"


def write(file: Path, section: str) -> None:
    """Write the documentation into a new or empty file, or between the markers of a file.

    Raises:
        BadInput: The file has text and no markers, or cannot be read or written.
    """
    before = _read(file)
    after = _put(file, before or "", section)
    if before == after:
        return
    try:
        file.write_text(after, encoding="utf-8", newline="")
    except OSError as error:
        raise BadInput(f"expected a writable file, found {file_problem(error)}: {file}") from error


def is_current(file: Path, section: str) -> bool:
    """Return whether a file exists and contains this documentation.

    Raises:
        BadInput: The file has text and no markers, or cannot be read.
    """
    before = _read(file)
    return before is not None and before == _put(file, before, section)


def _put(file: Path, content: str, section: str) -> str:
    """Return the content of a file with the documentation between its markers replaced."""
    if not content.strip():
        return section
    if content.count(BEGIN) != 1 or content.count(END) != 1:
        counts = f"{content.count(BEGIN)} and {content.count(END)} of them"
        raise BadInput(f"expected {BEGIN} and {END} once each, found {counts} in {file}")
    before, _, rest = content.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise BadInput(f"expected {BEGIN} before {END}, found it after {END} in {file}")
    # A file with Windows line ends keeps them.
    inner = section.strip()
    return before + (inner.replace("\n", "\r\n") if "\r\n" in content else inner) + after


def _read(file: Path) -> str | None:
    """Return the content of a file, None if it does not exist."""
    try:
        with open(file, encoding="utf-8", newline="") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadInput(f"expected a readable file, found {file_problem(error)}: {file}") from error
