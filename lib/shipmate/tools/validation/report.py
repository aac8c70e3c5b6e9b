"""The report of a check: problems, what was checked, and what was not."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem and its place."""

    file: str
    pointer: str
    """JSON pointer into the file; empty for the file as a whole."""
    message: str
    severity: Severity = "error"

    @property
    def place(self) -> str:
        """File and pointer, as people read them: ``component.json /title``."""
        return f"{self.file} {self.pointer or '/'}"


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a validation: its problems, the checked parts, and the unchecked parts with the reason."""

    problems: tuple[Problem, ...] = ()
    checked: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the component from working."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that may be intended."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")


@dataclass(slots=True)
class Findings:
    """Collects the content of a report."""

    file: str
    """The name of the descriptor in the report."""
    problems: list[Problem] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    _known: set[Problem] = field(default_factory=set, repr=False)

    def error(self, pointer: str, message: str, *, file: str | None = None) -> None:
        """Add a problem that keeps the component from working."""
        self._add(Problem(file or self.file, pointer, message, "error"))

    def warning(self, pointer: str, message: str, *, file: str | None = None) -> None:
        """Add a problem that may be intended."""
        self._add(Problem(file or self.file, pointer, message, "warning"))

    def errors(self, problems: Iterable[tuple[str, str]], *, file: str | None = None, under: str = "") -> None:
        """Add several errors: pairs of pointer and message."""
        for pointer, message in problems:
            self.error(under + pointer, message, file=file)

    def warnings(self, problems: Iterable[tuple[str, str]], *, file: str | None = None, under: str = "") -> None:
        """Add several warnings: pairs of pointer and message."""
        for pointer, message in problems:
            self.warning(under + pointer, message, file=file)

    def report(self) -> Report:
        """Return the report; a repeated problem is in it once."""
        return Report(tuple(self.problems), tuple(self.checked), tuple(self.not_checked))

    def _add(self, problem: Problem) -> None:
        if problem not in self._known:
            self._known.add(problem)
            self.problems.append(problem)
