"""Modules of a component: where they are, how they are imported, and the functions in them."""

import json
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipmate.component import Component, Function, Modules, load
from shipmate.component.modules import describe_author_error
from shipmate.errors import FunctionNotFound, ModuleNotLoadable


def write(root: Path, descriptor: Any = None, **modules: str) -> Path:
    """Write a component with the action ``go`` and these modules in ``actions/``."""
    described = {"title": "T", "actions": {"go": {"title": "Go", "main": "./actions/go.py"}}}
    (root / "component.json").write_text(
        descriptor if isinstance(descriptor, str) else json.dumps(descriptor or described), encoding="utf-8"
    )
    (root / "actions").mkdir(exist_ok=True)
    for name, source in modules.items():
        (root / "actions" / f"{name}.py").write_text(source)
    return root


def modules_with_main(root: Path, main: str) -> tuple[Modules, Any]:
    component = load(write(root, {"title": "T", "actions": {"go": {"title": "Go", "main": main}}}))
    return Modules(component), component.function("go")


def go(component: Component) -> Any:
    return Modules(component).module(component.function("go"))


def test_modules_share_helpers_and_themselves(tmp_path: Path) -> None:
    """The root is importable, and a module has its natural name."""
    write(
        tmp_path, go="from shared_by_all import VALUE\nimport actions.go as me\ndef process(c, m, g, s): return VALUE"
    )
    (tmp_path / "shared_by_all.py").write_text("VALUE = 7")
    module = go(load(tmp_path))
    assert module.__name__ == "actions.go"
    assert module.me is module
    assert module.process(0, 0, 0, 0) == 7


def test_a_module_is_loaded_once(tmp_path: Path) -> None:
    """Its state lasts as long as the process."""
    component = load(write(tmp_path, go="STATE = []\ndef process(*_): ..."))
    modules = Modules(component)
    function = component.function("go")
    assert modules.module(function) is modules.module(function)
    assert modules.process(function).__name__ == "process"


@pytest.mark.parametrize("main", ["./json.py", "with-dash.py", "./with-dash", "email.py", "__main__.py"])
def test_a_module_may_have_the_name_of_another_one_or_an_invalid_name(tmp_path: Path, main: str) -> None:
    """The standard library's module of that name is not replaced."""
    for name in ("json.py", "with-dash.py", "email.py", "__main__.py"):
        (tmp_path / name).write_text("def process(*_): return 'mine'")
    modules, function = modules_with_main(tmp_path, main)
    assert modules.process(function)() == "mine"
    assert hasattr(json, "dumps")


@pytest.mark.parametrize("main", ["../outside.py", "/etc/passwd", "a/../../outside.py", "x\x00y"])
def test_a_path_that_leaves_the_component_is_refused(tmp_path: Path, main: str) -> None:
    """The refusal does not depend on whether the file exists."""
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.py").write_text("def process(*_): ...")
    modules, function = modules_with_main(root, main)
    with pytest.raises(ModuleNotLoadable, match="inside the component"):
        modules.module(function)


@given(st.text(st.characters(), min_size=1) | st.text("./a\\~x", min_size=1) | st.sampled_from(["a" * 5_000, "\ud800"]))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_leads_out_of_the_component(tmp_path: Path, main: str) -> None:
    """Any ``main`` is a file inside, or is refused in one line."""
    modules = Modules(Component(tmp_path, {}, {}, {}, None, {}))
    with pytest.raises(ModuleNotLoadable) as caught:
        modules.path(Function("go", "action", main))
    assert str(caught.value).startswith("action go: expected ")
    assert "\n" not in str(caught.value).replace(str(tmp_path), "")


def test_the_root_comes_first_when_modules_are_imported(tmp_path: Path) -> None:
    """It comes first even if it was importable before, after other folders."""
    sys.path.append(str(tmp_path))
    go(load(write(tmp_path, go="def process(*_): ...")))
    assert sys.path.index(str(tmp_path)) == 0
    assert sys.path.count(str(tmp_path)) == 1


def test_a_link_that_leaves_the_component_is_refused(tmp_path: Path) -> None:
    """A link to a file inside is allowed."""
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.py").write_text("def process(*_): ...")
    (root / "inside.py").write_text("def process(*_): ...")
    (root / "bad.py").symlink_to(tmp_path / "outside.py")
    (root / "good.py").symlink_to(root / "inside.py")
    modules, function = modules_with_main(root, "bad.py")
    with pytest.raises(ModuleNotLoadable, match="link"):
        modules.module(function)
    modules, function = modules_with_main(root, "good.py")
    assert modules.process(function)


def test_a_missing_module_or_one_in_another_language_is_named(tmp_path: Path) -> None:
    """The message has its path from the descriptor."""
    modules, function = modules_with_main(tmp_path, "./actions/none.py")
    with pytest.raises(ModuleNotLoadable, match=r"\./actions/none\.py"):
        modules.module(function)
    (tmp_path / "go.js").write_text("")
    modules, function = modules_with_main(tmp_path, "go.js")
    with pytest.raises(ModuleNotLoadable, match="Python"):
        modules.module(function)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("\n\nraise ValueError('boom')", r"ValueError: boom \(actions/go.py:3\)"),
        (
            "import no_such_module_at_all",
            r"ModuleNotFoundError: No module named 'no_such_module_at_all' \(actions/go.py:1\)",
        ),
        ("def process(:", r"SyntaxError: .* \(actions/go.py:1\)"),
        ("import sys\nsys.exit(3)", r"sys.exit\(3\) was called \(actions/go.py:2\)"),
        ("raise SystemExit", r"sys.exit\(None\) was called"),
        ("from actions.go import nothing_there", "ImportError"),
        ("class Odd(Exception):\n    def __str__(self): return 3\nraise Odd", r": Odd \(actions/go.py:3\)"),
        ("raise ValueError('x' * 10_000)", r"ValueError: x{400,500}\.\.\. \(actions/go.py:1\)"),
    ],
)
def test_a_failed_import_is_reported_with_the_authors_error(tmp_path: Path, source: str, text: str) -> None:
    """The message is one line, with the place in the author's file."""
    with pytest.raises(ModuleNotLoadable, match=text) as caught:
        go(load(write(tmp_path, go=source)))
    assert "\n" not in str(caught.value)


def test_the_traceback_of_an_import_begins_in_the_component(tmp_path: Path) -> None:
    """Frames of the runtime do not help the author."""
    with pytest.raises(ModuleNotLoadable) as caught:
        go(load(write(tmp_path, go="raise ValueError")))
    assert caught.value.__cause__ is not None
    frames = traceback.extract_tb(caught.value.__cause__.__traceback__)
    assert [Path(frame.filename).name for frame in frames] == ["go.py"]


def test_ctrl_c_during_an_import_is_not_an_error_of_the_module(tmp_path: Path) -> None:
    """It ends the command."""
    with pytest.raises(KeyboardInterrupt):
        go(load(write(tmp_path, go="raise KeyboardInterrupt")))


def test_a_failed_import_leaves_no_module_behind(tmp_path: Path) -> None:
    """The next attempt imports the file again."""
    (tmp_path / "with-dash.py").write_text("raise ValueError")
    modules, function = modules_with_main(tmp_path, "with-dash.py")
    before = set(sys.modules)
    with pytest.raises(ModuleNotLoadable, match=r"ValueError \(with-dash.py:1\)"):
        modules.module(function)
    assert not [name for name in set(sys.modules) - before if name.startswith("shipmate_component")]


def test_functions_are_found_by_name(tmp_path: Path) -> None:
    """Hooks are optional, and both spellings of get_meta_model work."""
    own = "def process(*_): ...\ndef init(cfg): ...\ndef getMetaModel(context, cfg): ..."
    source = f"from os.path import join\n{own}\nshutdown = 7"
    component = load(write(tmp_path, go=source))
    modules, function = Modules(component), component.function("go")
    assert modules.hook(function, "init")
    assert modules.hook(function, "startup") is None
    assert modules.hook(function, "shutdown") is None
    assert modules.model(function, "get_meta_model") is modules.model(function, "getMetaModel")
    with pytest.raises(FunctionNotFound, match="available: getMetaModel, init, process"):
        modules.model(function, "xyz")
    with pytest.raises(FunctionNotFound):
        modules.model(function, "__builtins__")


def test_a_module_without_process_is_an_error(tmp_path: Path) -> None:
    """The error comes when the module is loaded, not with the first message."""
    component = load(write(tmp_path, go="def proces(): ..."))
    with pytest.raises(FunctionNotFound, match="did you mean 'proces'"):
        Modules(component).process(component.function("go"))


def test_the_verifier_is_optional_but_needs_its_function(tmp_path: Path) -> None:
    """Without a file there is none; a file without the function is an error."""
    component = load(write(tmp_path))
    assert Modules(component).verifier() is None
    path = tmp_path / "verify_credentials.py"
    path.write_text("def verify_credentials(context, credentials): ...")
    assert Modules(component).verifier()
    del sys.modules["verify_credentials"]
    path.write_text("x = 1")
    with pytest.raises(FunctionNotFound, match="verify_credentials"):
        Modules(component).verifier()


def test_an_error_outside_the_component_has_no_place(tmp_path: Path) -> None:
    """Only places in the component help its author."""
    assert describe_author_error(ValueError("a\nb"), tmp_path) == "ValueError: a b"
    assert describe_author_error(SyntaxError("odd"), tmp_path) == "SyntaxError: odd"
    outside = SyntaxError("odd", ("/elsewhere/x.py", 3, 1, ""))
    assert describe_author_error(outside, tmp_path) == "SyntaxError: odd (/elsewhere/x.py:3)"


_OBJECTS = """
class Contacts:
    def process(self, context, msg, cfg, snapshot): return "found"
    def get_meta_model(self, context, cfg): return {}
    def startup(self, cfg): return "started"

class crm:
    contacts = Contacts()

def plain(context, msg, cfg, snapshot): return "plain"
"""


@pytest.mark.parametrize("main", ["./actions/go.py:crm.contacts", "actions/go:crm.contacts"])
def test_main_may_name_an_object_that_has_the_functions_of_a_module(tmp_path: Path, main: str) -> None:
    """One module may have all functions of a component, made by a library for example."""
    modules, function = modules_with_main(write(tmp_path, go=_OBJECTS), main)

    assert modules.process(function)(0, 0, 0, 0) == "found"
    assert modules.model(function, "getMetaModel")(0, 0) == {}
    startup = modules.hook(function, "startup")
    assert startup is not None
    assert startup({}) == "started"
    assert modules.hook(function, "shutdown") is None


def test_main_may_name_a_function_which_is_its_own_process(tmp_path: Path) -> None:
    """It has no hooks and no models."""
    modules, function = modules_with_main(write(tmp_path, go=_OBJECTS), "./actions/go.py:plain")

    assert modules.process(function)(0, 0, 0, 0) == "plain"
    assert modules.hook(function, "init") is None


@pytest.mark.parametrize(
    ("main", "text"),
    [
        ("./actions/go.py:crm.contact", "expected crm.contact in ./actions/go.py, found no contact; did you mean"),
        ("./actions/go.py:crm._secret", "found no _secret"),
        ("./actions/go.py:crm", "expected a function process in ./actions/go.py:crm, found none"),
        ("./actions/went.py:crm", "expected the module './actions/went.py', found no such file"),
        ("../go.py:crm", "expected main as a path inside the component"),
    ],
)
def test_an_object_that_does_not_exist_is_named(tmp_path: Path, main: str, text: str) -> None:
    """With the names that do."""
    modules, function = modules_with_main(write(tmp_path, go=_OBJECTS), main)

    with pytest.raises((FunctionNotFound, ModuleNotLoadable)) as caught:
        modules.process(function)
    assert text in str(caught.value)


def test_a_colon_in_a_path_stays_part_of_it(tmp_path: Path) -> None:
    """Only names of Python can follow it."""
    write(tmp_path)
    (tmp_path / "a:b-c.py").write_text("def process(*_): return 1")
    modules, function = modules_with_main(tmp_path, "./a:b-c.py")

    assert modules.process(function)() == 1


def test_models_of_a_plain_function_are_in_its_module(tmp_path: Path) -> None:
    """Functions of one file share them; a function may have one of its own."""
    lines = (
        "def groups(context, cfg): return {'shared': ''}\ndef getMetaModel(context, cfg): ...\n"
        "def go(context, msg, cfg, snapshot): ...\ngo.zones = lambda context, cfg: {'own': ''}\n"
    )
    modules, function = modules_with_main(write(tmp_path, go=lines), "./actions/go.py:go")

    assert modules.model(function, "groups")(None, {}) == {"shared": ""}
    assert modules.model(function, "zones")(None, {}) == {"own": ""}
    assert modules.model(function, "get_meta_model").__name__ == "getMetaModel"
    with pytest.raises(FunctionNotFound, match=r"expected a function group in .*; did you mean 'groups'\?"):
        modules.model(function, "group")
