"""Checks a whole component: the descriptor, and the modules and metadata files that it names.

Modules are imported in this process, with their output on standard error. No function of a module is called.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from shipmate.component import DESCRIPTOR, VERIFIER, Component, Function, Modules
from shipmate.component.metadata import read_schema, schema_problems, slips
from shipmate.component.modules import describe_author_error
from shipmate.component.signature import HOOKS
from shipmate.errors import DescriptorError, FunctionNotFound, ModuleNotLoadable
from shipmate.jsonvalue import object_member, pointer_to
from shipmate.logs.redaction import Redactor
from shipmate.tools.validation.clients import check_clients
from shipmate.tools.validation.credentials import check_needed_fields, check_secret_fields
from shipmate.tools.validation.descriptor import DIRECTIONS, check_descriptor, functions_of
from shipmate.tools.validation.entries import declared_entry, differences
from shipmate.tools.validation.report import Findings, Report


def validate_component(root: Path, redactor: Redactor | None = None) -> Report:
    """Return the problems of a component; a problem of one part does not prevent the checks of the others.

    Args:
        root: The component's folder.
        redactor: Removes secrets from the errors of modules.
    """
    findings = Findings(DESCRIPTOR)
    raw = check_descriptor(findings, root / DESCRIPTOR)
    component = Component(root, raw or {}, {}, {}, None, {})
    functions = list(_functions(raw or {}))
    if raw is not None:
        _check_metadata(findings, root, raw)
    with redirect_stdout(sys.stderr):
        checks = _ModuleChecks(findings, Modules(component), redactor or Redactor())
        for pointer, function in functions:
            checks.check(pointer, function)
        findings.checked += checks.summary()
        checks.check_verifier(root, raw or {})
    if raw is not None:
        check_secret_fields(findings, root, raw)
        check_needed_fields(findings, raw, checks.apis)
        check_clients(findings, root, raw)
    _check_names(findings, root)
    findings.not_checked += [
        "what the functions do: no function was called",
        "whether credentials, URLs and OAuth clients work: nothing was sent over the network",
    ]
    if any(function.dynamic_metadata for _, function in functions):
        findings.not_checked.append("dynamic metadata: it exists only at run time")
    return findings.report()


def _functions(raw: Mapping[str, Any]) -> Iterator[tuple[str, Function]]:
    """Yield the functions that name a module, with their pointers, whatever else is wrong with them."""
    for pointer, kind, name, described in functions_of(raw):
        main = described.get("main")
        if isinstance(main, str) and main.strip():
            yield (
                pointer,
                Function(
                    id=name,
                    kind=cast(Literal["trigger", "action"], kind),
                    main=main,
                    dynamic_metadata=bool(described.get("dynamicMetadata")),
                    fields=object_member(described, "fields"),
                    raw=described,
                ),
            )


@dataclass(slots=True)
class _ModuleChecks:
    """Checks modules; each one is imported once, even if its import fails."""

    findings: Findings
    modules: Modules
    redactor: Redactor
    failed: dict[Path, str] = field(default_factory=dict)
    imported: set[Path] = field(default_factory=set)
    apis: list[Any] = field(default_factory=list)
    """The APIs of functions that follow from declarations."""

    def check(self, pointer: str, function: Function) -> None:
        """Add the problems of a function's module."""
        place = f"{pointer}/main"
        with self._problems_at(place):
            path = self.modules.path(function)
            if path in self.failed:
                self.findings.error(place, self.redactor.redact(self.failed[path]))
                return
            try:
                self.modules.module(function)
            except ModuleNotLoadable as error:
                self.failed[path] = str(error)
                raise
            self.imported.add(path)
            self._check_functions(pointer, function)

    def _check_functions(self, pointer: str, function: Function) -> None:
        with self._problems_at(f"{pointer}/main"):
            self.modules.process(function)
            for name in HOOKS:
                self.modules.hook(function, name)
        if function.dynamic_metadata:
            self._needs_model(f"{pointer}/dynamicMetadata", function, "get_meta_model")
        for name, described in function.fields.items():
            model = described.get("model") if isinstance(described, dict) else None
            if isinstance(model, str) and model:
                self._needs_model(f"{pointer}/fields{pointer_to(name)}/model", function, model)
        self._compare(pointer, function)

    def _compare(self, pointer: str, function: Function) -> None:
        """Add the differences between a function's entry and the declaration that the function follows from."""
        try:
            target = self.modules.target(function)
            declared = declared_entry(target, function.raw)
        except (ModuleNotLoadable, FunctionNotFound):
            return  # already among the problems
        except Exception as error:  # the edge to the author's declaration
            text = describe_author_error(error, self.modules.root)
            self.findings.error(f"{pointer}/main", self.redactor.redact(f"its declaration fails: {text}"))
            return
        if declared is None:
            return
        self.apis.append(getattr(target, "api", None))
        for place, text, severity in differences(function.raw, declared):
            (self.findings.error if severity == "error" else self.findings.warning)(pointer + place, text)

    def check_verifier(self, root: Path, raw: Mapping[str, Any]) -> None:
        """Add the problems of ``verify_credentials``."""
        with self._problems_at("", file=f"{VERIFIER}.py"):
            verifier = self.modules.verifier()
            if verifier is not None:
                self.apis.append(getattr(verifier, "__self__", None))
                self.findings.checked.append(f"{VERIFIER}.py: imported, with its function")
            elif raw.get("credentials"):
                self.findings.not_checked.append(f"verification of credentials: there is no {VERIFIER}.py")

    def summary(self) -> list[str]:
        """Return what was checked, in words; nothing without an imported module."""
        count = len(self.imported)
        if not count:
            return []
        return [f"{count} module{'s' * (count > 1)}: imported, with the functions that {DESCRIPTOR} names"]

    def _needs_model(self, pointer: str, function: Function, name: str) -> None:
        with self._problems_at(pointer):
            self.modules.model(function, name)

    @contextmanager
    def _problems_at(self, pointer: str, *, file: str | None = None) -> Iterator[None]:
        """Turn an error within the block into a problem."""
        try:
            yield
        except (ModuleNotLoadable, FunctionNotFound) as error:
            self.findings.error(pointer, self.redactor.redact(str(error)), file=file)


def _check_names(findings: Findings, root: Path) -> None:
    """Add the modules at the root, which is importable, that hide a module of Python's standard library."""
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        is_module = path.suffix == ".py" or (path / "__init__.py").is_file()
        if is_module and path.stem in sys.stdlib_module_names:
            message = f"expected another name, found {path.stem}, which hides Python's module {path.stem}"
            findings.warning("", message, file=path.name)


def _check_metadata(findings: Findings, root: Path, raw: Mapping[str, Any]) -> None:
    """Add the problems of metadata files; the check of the descriptor covers the schemas inside it."""
    read: set[str] = set()
    for pointer, _, _, described in functions_of(raw):
        metadata = object_member(described, "metadata")
        for direction in DIRECTIONS:
            declared = metadata.get(direction)
            if not isinstance(declared, str) or not declared:
                continue
            try:
                schema = read_schema(root, declared)
            except DescriptorError as error:
                findings.error(f"{pointer}/metadata/{direction}", str(error))
                continue
            file = Path(declared).as_posix()
            if file not in read:
                read.add(file)
                findings.errors(schema_problems(schema), file=file)
                findings.warnings(slips(schema), file=file)
    if read:
        findings.checked.append(f"{len(read)} metadata file{'s' * (len(read) > 1)}")
