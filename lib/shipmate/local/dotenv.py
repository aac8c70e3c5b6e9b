"""Reads the variables that a component's folder sets for runs on this machine."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shipmate.errors import BadInput
from shipmate.wording import file_problem

if TYPE_CHECKING:
    from shipmate.component import Component

# elasticio-cli keeps the platform's variables in the second file; the first one wins.
_FILES: Final = (Path(".env"), Path("test/.globalEnv"))
_NAME: Final = re.compile(r"[ \t]*+(?:export[ \t]++)?+([^\s=#'\"`]++)[ \t]*+(=?)[ \t]*+")
_BLANK: Final = re.compile(r"[ \t]*+(?:#[^\n]*+)?+$")
_PLAIN: Final = re.compile(r"(?:[^\s#]++|[ \t]++(?![\s#])|(?<![ \t])#)*+")
_CLOSING: Final = {quote: re.compile(rf"{quote}[ \t]*+(?:#[^\n]*+)?+$", re.MULTILINE) for quote in "\"'`"}
# A folder of a stranger must not choose what this process and its children load and run.
_OBEYED: Final = frozenset(
    """
    BASH_ENV BROWSER CDPATH COVERAGE_PROCESS_START DISPLAY EDITOR ENV GCONV_PATH GLIBC_TUNABLES HOME IFS LOCPATH NLSPATH
    NODE_OPTIONS PAGER PATH PERL5LIB PERL5OPT PS4 RUBYOPT SHELL SHELLOPTS SSH_ASKPASS SSLKEYLOGFILE TMPDIR VISUAL
    WAYLAND_DISPLAY XAUTHORITY __PYVENV_LAUNCHER__
    """.split()
)
_OBEYED_PREFIXES: Final = tuple("DYLD_ GIT_ LD_ MALLOC_ OPENSSL_ PYTHON XDG_".split())


def read_env_file(root: Path, warn: Callable[[str], object] = lambda _: None) -> dict[str, str]:
    """Return the variables of ``.env`` and ``test/.globalEnv``; both files are optional.

    Variables that the interpreter, the loader, git or the browser obeys are left out.

    Args:
        root: The component's folder.
        warn: Gets a text about each line that sets no variable, with file and line.

    Raises:
        BadInput: A file cannot be read, or a value contains a NUL character.
    """
    variables: dict[str, str] = {}
    for file in reversed(_FILES):
        variables.update(_variables_in(root / file, warn))
    return variables


def named_by(component: "Component", variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a descriptor names: in ``envVars``, or as ``{{NAME}}`` in its credentials."""
    from shipmate.oauth2.options import VARIABLE

    names = set(component.env_vars)
    pending: list[object] = [component.credentials]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            names.update(match[1] for match in VARIABLE.finditer(value))
        elif isinstance(value, Mapping):
            pending += value.values()
        elif isinstance(value, list | tuple):
            pending += value
    return {name: value for name, value in variables.items() if name in names}


def _variables_in(path: Path, warn: Callable[[str], object]) -> dict[str, str]:
    try:
        if not path.is_file():
            return {}
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"expected a readable file, found {file_problem(error)}: {path}") from error
    if "\0" in text:
        raise BadInput(f"expected text, found a NUL character in a variable of {path}")
    variables: dict[str, str] = {}
    for line, name, value in _assignments(text):
        if value is None:
            warn(f"{path}:{line}: {name}")
        elif name.upper() in _OBEYED or name.upper().startswith(_OBEYED_PREFIXES):
            warn(f"{path}:{line}: expected a variable of the component, found {name}: set it in the environment itself")
        else:
            variables[name] = value
    return variables


def _assignments(text: str) -> Iterator[tuple[int, str, str | None]]:
    """Yield line, name and value of each assignment; for a line that is none, its problem and None."""
    start, line = 0, 1
    unclosed: set[str] = set()
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if not _BLANK.match(text[start:end]):
            name, value, end = _assignment(text, start, end, unclosed)
            if name:
                yield line, name, value
        line += text.count("\n", start, end + 1)
        start = end + 1


def _assignment(text: str, start: int, end: int, unclosed: set[str]) -> tuple[str, str | None, int]:
    """Return name and value of the assignment at a position, and its end; the problem and None if it is none.

    Args:
        text: The whole file.
        start: The position.
        end: The end of the line.
        unclosed: The quotes that nothing closes from here on, so that each of them is searched for once.
    """
    match = _NAME.match(text[start:end])
    if match is None:
        return "expected NAME=VALUE, found something else", None, end
    if not match[2]:
        is_name_only = _BLANK.match(text[start + match.end() : end]) is not None
        return "" if is_name_only else f"expected NAME=VALUE, found no = after {match[1]}", None, end
    at = start + match.end()
    quote = text[at : at + 1]
    if quote in _CLOSING:
        closing = None if quote in unclosed else _CLOSING[quote].search(text, at + 1)
        if closing is None:
            unclosed.add(quote)
            return f"expected a closing {quote} for {match[1]}, found none", None, end
        value = text[at + 1 : closing.start()]
        # The platform's own tool expands nothing else: a backslash may be part of a secret.
        return match[1], value.replace("\\n", "\n") if quote == '"' else value, closing.end()
    plain = _PLAIN.match(text[at - 1 : end])  # with the character before, since a # after a blank begins a comment
    value = plain[0][1:].strip() if plain else ""
    return match[1], value, end
