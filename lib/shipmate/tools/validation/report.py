"""What checking a component has found."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where."""

    file: str
    pointer: str
    """JSON pointer into the file; empty where the file as a whole is meant."""
    message: str
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Report:
    """All that is wrong, what was checked, and what was not and why."""

    problems: tuple[Problem, ...] = ()
    checked: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems because of which the component does not work."""
        return tuple(each for each in self.problems if each.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that may be on purpose."""
        return tuple(each for each in self.problems if each.severity == "warning")


@dataclass(slots=True)
class Findings:
    """A report in the making."""

    file: str
    """The descriptor, as the report calls it."""
    problems: list[Problem] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)

    def error(self, pointer: str, message: str, *, file: str | None = None) -> None:
        """Note something that does not work."""
        self._note(Problem(file or self.file, pointer, message, "error"))

    def warning(self, pointer: str, message: str, *, file: str | None = None) -> None:
        """Note something that may be on purpose."""
        self._note(Problem(file or self.file, pointer, message, "warning"))

    def errors(self, found: Iterable[tuple[str, str]], *, file: str | None = None, under: str = "") -> None:
        """Note several errors, as pairs of pointer and message."""
        for pointer, message in found:
            self.error(under + pointer, message, file=file)

    def warnings(self, found: Iterable[tuple[str, str]], *, file: str | None = None, under: str = "") -> None:
        """Note several warnings, as pairs of pointer and message."""
        for pointer, message in found:
            self.warning(under + pointer, message, file=file)

    def report(self) -> Report:
        """Return what was found, each problem once."""
        return Report(tuple(self.problems), tuple(self.checked), tuple(self.not_checked))

    def _note(self, problem: Problem) -> None:
        if problem not in self.problems:
            self.problems.append(problem)
