"""The documentation in a file: between two markers, so that the rest of the file belongs to people."""

from pathlib import Path
from typing import Final

from shipmate.errors import BadInput
from shipmate.tools.docs.page import BEGIN, END
from shipmate.wording import file_problem

README: Final = "README.md"


def write(file: Path, section: str) -> None:
    """Put the documentation into a file: a new one, or between the markers of one.

    Raises:
        BadInput: The file has other text and no markers, or cannot be read or written.
    """
    before = _read(file)
    after = _put(file, before or "", section)
    if before == after:
        return
    try:
        file.write_text(after, encoding="utf-8", newline="")
    except OSError as error:
        raise BadInput(f"expected a file that can be written, found {file_problem(error)}: {file}") from error


def is_current(file: Path, section: str) -> bool:
    """Tell whether the documentation in a file is what it would be now.

    Raises:
        BadInput: The file has no markers, or cannot be read.
    """
    before = _read(file)
    return before is not None and before == _put(file, before, section)


def _put(file: Path, content: str, section: str) -> str:
    """Return the content of a file with the documentation in its place, and everything else as it was."""
    if not content.strip():
        return section
    if content.count(BEGIN) != 1 or content.count(END) != 1:
        found = f"{content.count(BEGIN)} and {content.count(END)} of them"
        raise BadInput(f"expected {BEGIN} and {END} once each, found {found} in {file}")
    before, _, rest = content.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise BadInput(f"expected {BEGIN} before {END}, found it behind in {file}")
    # A file that was written on Windows stays one.
    inner = section.strip()
    return before + (inner.replace("\n", "\r\n") if "\r\n" in content else inner) + after


def _read(file: Path) -> str | None:
    """Return what a file has, None when there is none."""
    try:
        with open(file, encoding="utf-8", newline="") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadInput(f"expected a readable file, found {file_problem(error)}: {file}") from error
