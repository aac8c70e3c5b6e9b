"""Finds what runs a step: a component in a folder, a command, or a stand-in for a standard component."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from shipmate import component
from shipmate.component import DESCRIPTOR, Component
from shipmate.errors import DescriptorError
from shipmate.flow.graph import ComponentSource, Flow, Node
from shipmate.flow.standard import ROUTER, StandardFunction, removed_function, standard_functions, without_suffix
from shipmate.flow.values import shown, suggestion
from shipmate.wording import did_you_mean

NODE_RUNTIME: Final = Path("node_modules", "elasticio-sailor-nodejs", "run.js")
_NODE_LANGUAGES: Final = ("nodejs", "node", "javascript")


class Language(Enum):
    """The way to run a step."""

    STANDARD = "standard"
    PYTHON = "python"
    NODE = "node"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Implementation:
    """What runs a step."""

    language: Language
    path: Path | None = None
    """The folder of the component."""
    command: tuple[str, ...] | None = None
    standard: StandardFunction | None = None
    descriptor: Component | None = None
    """The content of ``component.json``; a command may have none."""

    def kind_of(self, function: str) -> str | None:
        """Return ``trigger`` or ``action`` for a function of the component, None if nothing says it."""
        if self.descriptor is not None and function in self.descriptor.functions:
            return self.descriptor.functions[function].kind
        return self.standard.kind if self.standard is not None else None


class ComponentProblem(Exception):
    """Nothing can run a step; the text says what was expected, what was found, and what to do."""

    def __init__(self, problem: str, *, of_source: str | None = None) -> None:
        """Create the error.

        Args:
            problem: The text.
            of_source: The name in ``components`` whose place is wrong; None if the step is.
        """
        super().__init__(problem)
        self.of_source = of_source


def implementation_of(flow: Flow, node: Node) -> Implementation:
    """Return what runs a step; a name in ``components`` wins over a standard component.

    Raises:
        ComponentProblem: There is nothing, or its function does not exist.
    """
    name = source_name(flow.components, node)
    if name is not None:
        return _from_source(name, flow.components[name], node)
    if (wrong := removed_function(node)) is not None:
        raise ComponentProblem(f"expected a function that runs here, found {node.function!r}, {wrong}")
    functions = standard_functions(node)
    if node.function in functions:
        return Implementation(Language.STANDARD, standard=functions[node.function])
    if functions:
        problem = f"expected a function of {shown(node.component)} that runs here, found {shown(node.function)}"
        raise ComponentProblem(problem + _advice(node, node.function, functions))
    problem = f"expected the component {shown(node.component)} in 'components' of the file, found none"
    raise ComponentProblem(problem + _advice(node, node.component, flow.components))


def is_router(flow: Flow, node: Node) -> bool:
    """Return whether the conditions of its edges decide where the messages of a step go."""
    is_standard = any(each.component == ROUTER for each in standard_functions(node).values())
    return is_standard and source_name(flow.components, node) is None


def source_name(sources: Iterable[str], node: Node) -> str | None:
    """Return the name in ``components`` that a step means, with or without its team and ``-component``."""
    names = list(sources)
    wanted = [f"{node.team}/{node.component}"] if node.team else []
    wanted += [node.component, f"{node.component}-component", without_suffix(node.component)]
    return next((name for name in wanted if name in names), None)


def _advice(node: Node, name: str, known: Collection[str]) -> str:
    """Return what to do about an unknown name: another spelling, or a folder for the component."""
    folder = f"; name its folder: components: {{{node.component}: ./FOLDER}}, or {{path, command}} for other languages"
    return did_you_mean(name, known) or suggestion(name, known) + folder


def _from_source(name: str, source: ComponentSource, node: Node) -> Implementation:
    descriptor = _descriptor(name, source)
    if descriptor is not None and node.function not in descriptor.functions:
        problem = f"expected a trigger or an action of {descriptor.root / DESCRIPTOR}, found {shown(node.function)}"
        raise ComponentProblem(problem + suggestion(node.function, descriptor.functions))
    language = _language(name, source, descriptor)
    return Implementation(language, path=source.path, command=source.command, descriptor=descriptor)


def _descriptor(name: str, source: ComponentSource) -> Component | None:
    if source.path is None:
        return None
    if not source.path.is_dir():
        found = "a file" if source.path.exists() else "none"
        raise ComponentProblem(f"expected the folder {source.path}, found {found}", of_source=name)
    if not (source.path / DESCRIPTOR).is_file():
        if source.command is not None:
            return None
        raise ComponentProblem(f"expected a component in {source.path}, found no {DESCRIPTOR}", of_source=name)
    try:
        return component.load(source.path)
    except DescriptorError as error:
        raise ComponentProblem(str(error), of_source=name) from error


def _language(name: str, source: ComponentSource, descriptor: Component | None) -> Language:
    if source.command is not None or source.path is None or descriptor is None:
        return Language.COMMAND
    declared = str(descriptor.raw.get("language") or "").lower()
    is_node = declared in _NODE_LANGUAGES or (declared != "python" and (source.path / "package.json").is_file())
    if not is_node:
        if declared not in ("", "python"):
            problem = f"expected a command that runs a component in {declared}, found none"
            advice = f"write components: {{{name}: {{path: {source.path}, command: ...}}}}"
            raise ComponentProblem(f"{problem}; {advice}", of_source=name)
        return Language.PYTHON
    if not (source.path / NODE_RUNTIME).is_file():
        problem = f"expected {source.path / NODE_RUNTIME.parent}, found none"
        raise ComponentProblem(f"{problem}; run npm ci in {source.path}", of_source=name)
    return Language.NODE
