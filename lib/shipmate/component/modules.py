"""Imports a component's modules, and finds the author's functions in them.

Source: contract §1.3, §10.2, §11.3.
"""

import importlib
import importlib.util
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType, TracebackType
from typing import Any, Final, cast

from shipmate.component.descriptor import Component, Function
from shipmate.component.signature import MODEL, PROCESS, VERIFY, require_call, require_hook
from shipmate.errors import FunctionNotFound, ModuleNotLoadable
from shipmate.logs.records import excerpt
from shipmate.wording import did_you_mean_or_list

VERIFIER: Final = "verify_credentials"
# The spelling of the Node runtime works as well.
_SPELLINGS: Final = {"get_meta_model": "getMetaModel", "getMetaModel": "get_meta_model"}
_LONGEST: Final = 500
"""The most characters of an author's error in one of our messages."""


class Modules:
    """The modules of one component; each is loaded once. The first load puts the component's root on ``sys.path``.

    ``main`` names a file, ``"./actions/lookup.py"``, or an object in it that has the functions of a module,
    ``"./crm.py:contacts.lookup"``. A plain function is its own ``process``.
    """

    def __init__(self, component: Component) -> None:
        """Load no module yet."""
        self._component = component
        self._root = component.root.resolve()
        self._loaded: dict[Path, ModuleType] = {}
        self._lock = threading.RLock()

    @property
    def root(self) -> Path:
        """The component's folder."""
        return self._root

    def module(self, function: Function) -> ModuleType:
        """Return the module of a trigger or an action.

        Raises:
            ModuleNotLoadable: The module is missing, outside the component's root, or fails to import; the message
                contains the author's error.
        """
        return self._load(self.path(function))

    def path(self, function: Function) -> Path:
        """Return the file of a function's module.

        Raises:
            ModuleNotLoadable: The component's root contains no such Python file.
        """
        place, name = f"{function.kind} {function.id}", split_main(function.main)[0]
        relative = Path(name)
        if relative.is_absolute() or ".." in relative.parts or "\0" in name:
            raise ModuleNotLoadable(f"{place}: expected main as a path inside the component, found {function.main!r}")
        candidates = [self._root / relative, self._root / f"{name}.py"]
        path = next((path for path in candidates if _is_file(path)), None)
        if path is None:
            raise ModuleNotLoadable(f"{place}: expected the module {name!r}, found no such file in {self._root}")
        if not path.resolve().is_relative_to(self._root):
            raise ModuleNotLoadable(f"{place}: expected main inside the component, found a link to a file outside it")
        if path.suffix != ".py":
            raise ModuleNotLoadable(f"{place}: expected a Python module, found {function.main!r}")
        return path

    def target(self, function: Function) -> object:
        """Return what ``main`` names: a module, or an object in it.

        Raises:
            ModuleNotLoadable: The module cannot be loaded.
            FunctionNotFound: The module has no such object.
        """
        file, names = split_main(function.main)
        found: object = self.module(function)
        for name in names:
            if name.startswith("_") or not hasattr(found, name):
                raise FunctionNotFound(
                    f"expected {'.'.join(names)} in {file}, found no {name}{did_you_mean_or_list(name, _public(found))}"
                )
            found = getattr(found, name)
        return found

    def process(self, function: Function) -> Callable[..., Any]:
        """Return the function ``process`` of a module.

        Raises:
            FunctionNotFound: The module has no ``process``.
            WrongSignature: It takes other arguments, as with each of the other functions.
        """
        target = self.target(function)
        if isinstance(target, FunctionType):
            require_call(target.__name__, target, PROCESS)
            return target
        return self._required(target, "process", function, PROCESS)

    def hook(self, function: Function, name: str) -> Callable[..., Any] | None:
        """Return the hook ``init``, ``startup`` or ``shutdown``, None if the module lacks it."""
        hook = getattr(self.target(function), name, None)
        if not callable(hook):
            return None
        require_hook(name, hook)
        return cast(Callable[..., Any], hook)

    def model(self, function: Function, name: str) -> Callable[..., Any]:
        """Return ``get_meta_model`` or a select model by its name; for a plain function, also one of its module.

        Raises:
            FunctionNotFound: There is no such function; the message suggests a similar one, or lists all.
        """
        target = self.target(function)
        if isinstance(target, FunctionType) and not hasattr(target, name):
            target = self.module(function)
        if not hasattr(target, name) and hasattr(target, _SPELLINGS.get(name, name)):
            name = _SPELLINGS[name]
        return self._required(target, name, function, MODEL)

    def verifier(self) -> Callable[..., Any] | None:
        """Return the function ``verify_credentials`` of ``verify_credentials.py``, None if there is no such file.

        Raises:
            ModuleNotLoadable: The module fails to import.
            FunctionNotFound: The module has no such function.
        """
        path = self._root / f"{VERIFIER}.py"
        if not path.is_file():
            return None
        verifier = getattr(self._load(path), VERIFIER, None)
        if not callable(verifier):
            raise FunctionNotFound(f"expected a function {VERIFIER} in {path}, found none")
        require_call(VERIFIER, verifier, VERIFY)
        return cast(Callable[..., Any], verifier)

    def _required(
        self, target: object, name: str, function: Function, arguments: tuple[str, ...]
    ) -> Callable[..., Any]:
        member = getattr(target, name, None)
        if callable(member) and not name.startswith("_"):
            require_call(name, member, arguments)
            return cast(Callable[..., Any], member)
        existing = did_you_mean_or_list(name, _public(target))
        raise FunctionNotFound(f"expected a function {name} in {function.main}, found none{existing}")

    def _load(self, path: Path) -> ModuleType:
        with self._lock:
            if path not in self._loaded:
                self._make_importable()
                self._loaded[path] = self._import(path)
            return self._loaded[path]

    def _make_importable(self) -> None:
        root = str(self._root)
        if sys.path[:1] != [root]:
            sys.path[:] = [root, *(folder for folder in sys.path if folder != root)]

    def _import(self, path: Path) -> ModuleType:
        try:
            return self._import_by_name(path) or _import_file(path)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # the edge to the author's code, which may even call sys.exit
            text = f"{path} does not import: {describe_author_error(error, self._root)}"
            raise ModuleNotLoadable(text) from error.with_traceback(_from_author(error, self._root))

    def _import_by_name(self, path: Path) -> ModuleType | None:
        """Import a file by its natural name, which other modules use; return None if the name leads elsewhere."""
        relative = path.relative_to(self._root).with_suffix("")
        if not all(part.isidentifier() for part in relative.parts):
            return None
        name = ".".join(relative.parts)
        if relative.parts[0] in sys.stdlib_module_names or name == "__main__":
            return None
        importlib.invalidate_caches()
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None or Path(spec.origin).resolve() != path.resolve():
            return None
        return importlib.import_module(name)


def split_main(main: str) -> tuple[str, tuple[str, ...]]:
    """Return the file that ``main`` names, and the names that lead from its module to an object; none for the module.

    >>> split_main("./crm.py:contacts.lookup"), split_main("./actions/lookup.py")
    (('./crm.py', ('contacts', 'lookup')), ('./actions/lookup.py', ()))
    """
    file, colon, names = main.rpartition(":")
    parts = tuple(names.split("."))
    return (file, parts) if colon and all(part.isidentifier() for part in parts) else (main, ())


def describe_author_error(error: BaseException, root: Path) -> str:
    """Return an author's error in one line, with the innermost file and line of the component in its traceback.

    ``"ValueError: no such thing (actions/upsert.py:12)"``
    """
    text = f"sys.exit({error.code!r}) was called" if isinstance(error, SystemExit) else _one_line(error)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{text} ({_relative(error.filename, root)}:{error.lineno})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(root)]
    return f"{text} ({_relative(frames[-1].filename, root)}:{frames[-1].lineno})" if frames else text


def _from_author(error: BaseException, root: Path) -> TracebackType | None:
    """Return the traceback without the frames above the component's first file."""
    traceback = error.__traceback__
    while traceback is not None and not Path(traceback.tb_frame.f_code.co_filename).is_relative_to(root):
        traceback = traceback.tb_next
    return traceback


def _one_line(error: BaseException) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # an author's __str__ may raise
        text = ""
    line = " ".join(f"{type(error).__name__}: {text}".split()).rstrip(": ")
    return excerpt(line, _LONGEST, ending="...")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # the name is too long, or no file can have it
        return False


def _relative(filename: str, root: Path) -> str:
    path = Path(filename)
    return str(path.relative_to(root)) if path.is_relative_to(root) else filename


def _import_file(path: Path) -> ModuleType:
    """Import a file under a generated name, because its natural name is taken or not valid."""
    name = f"shipmate_component_{abs(hash(path)):x}_{''.join(c if c.isalnum() else '_' for c in path.stem)}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no loader for {path.name}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _public(target: object) -> list[str]:
    """Return the names of the functions of a module, or of the members of an object."""
    if isinstance(target, ModuleType):
        return sorted(name for name, value in vars(target).items() if _is_own(value, target))
    return sorted(name for name in dir(target) if not name.startswith("_"))


def _is_own(value: object, module: ModuleType) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__
