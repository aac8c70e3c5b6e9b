"""Turns the descriptor of a component in another language into one in Python: its ids stay, its functions are stubs."""

import copy
import json
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shipmate.component import read_json
from shipmate.errors import BadInput, DescriptorError
from shipmate.jsonvalue import object_member
from shipmate.local.fixtures import FIXTURES
from shipmate.tools.scaffold.plan import check_title, check_url, id_from

_SECTIONS: Final = ("triggers", "actions")
_DIRECTIONS: Final = ("in", "out")
_EMPTY_SCHEMA: Final = '{\n  "type": "object",\n  "properties": {}\n}\n'
_LONGEST_LINE: Final = 100

_PROCESS: Final = '''"""%(title)s"""

from typing import Any

from shipmate import Context, Message


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> Message | None:
    """Process a message."""
    raise NotImplementedError("%(id)s: not written yet")
'''
_METADATA: Final = '''

def get_meta_model(context: Context, cfg: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas of the input and the output."""
    empty: dict[str, Any] = {"type": "object", "properties": {}}
    return {"in": empty, "out": empty}
'''
_MODEL: Final = '''

def %(name)s(context: Context, cfg: dict[str, Any]) -> dict[str, str]:
    """Return the choices of the field %(field)s."""
    return {}
'''


@dataclass(frozen=True, slots=True)
class Port:
    """A component that was read from its descriptor."""

    descriptor: Mapping[str, Any]
    """The new descriptor."""
    files: Mapping[str, str]
    """The stubs, schemas and fixtures, by their paths."""
    title: str
    base_url: str

    @property
    def name(self) -> str:
        """The name of the component for machines."""
        return id_from(self.title).replace("_", "-") or "component"

    @property
    def variables(self) -> str:
        """The lines of the file with the environment variables."""
        return "\n".join(f"{name}=" for name in object_member(self.descriptor, "envVars"))

    @classmethod
    def from_file(cls, path: Path, base_url: str | None) -> "Port":
        """Read a descriptor.

        Args:
            path: Its file; paths in it are relative to the folder of the file.
            base_url: The address of the API.

        Raises:
            BadInput: The file cannot be read, or is no descriptor.
        """
        try:
            raw = read_json(path)
        except DescriptorError as error:
            raise BadInput(f"{error} for --from") from error
        if not isinstance(raw, dict) or not isinstance(raw.get("title"), str):
            raise BadInput(f"expected a component.json with a title for --from, found something else: {path}")
        descriptor = {**copy.deepcopy(raw), "buildType": "docker", "language": "python"}
        files: dict[str, str] = {}
        for section in _SECTIONS:
            for id, described in object_member(descriptor, section).items():
                if not isinstance(described, dict):
                    raise BadInput(f"expected an object for --from, found another value: {path}: /{section}/{id}")
                _port_function(section, str(id), described, path.parent, files)
        if not files:
            raise BadInput(f"expected a component.json with triggers or actions for --from, found none: {path}")
        if (fixtures := path.parent / FIXTURES).is_file():
            files[str(FIXTURES)] = fixtures.read_text(encoding="utf-8", errors="replace")
        url = check_url(base_url) if base_url is not None else "https://api.example.com"
        return cls(descriptor, files, check_title(raw["title"]), url)


def _port_function(section: str, id: str, described: dict[str, Any], folder: Path, files: dict[str, str]) -> None:
    """Write the stub of a function, and let its entry name the stub and the schemas."""
    name = _free(_module_name(id), f"{section}/%s.py", files)
    described["main"] = f"./{section}/{name}.py"
    metadata = described.get("metadata")
    for direction in _DIRECTIONS:
        if isinstance(metadata, dict) and isinstance(file := metadata.get(direction), str) and file:
            schema = f"schemas/{_free(f'{name}.{direction}', 'schemas/%s.json', files)}.json"
            files[schema] = _schema_text(folder, file)
            metadata[direction] = f"./{schema}"
    files[f"{section}/{name}.py"] = _stub(id, described)


def _stub(id: str, described: Mapping[str, Any]) -> str:
    title = re.sub(r"[\\\"\s]+", " ", str(described.get("title") or id)).strip()[:_LONGEST_LINE]
    text = _PROCESS % {"title": f"{title.rstrip('.')}.", "id": re.sub(r"[^\w .-]", "_", id)[:_LONGEST_LINE]}
    if described.get("dynamicMetadata"):
        text += _METADATA
    models = {model: field for field, model in _models(described)}
    return text + "".join(_MODEL % {"name": model, "field": field} for model, field in models.items())


def _models(described: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the fields with a select model that is a function, and its name."""
    for field, each in object_member(described, "fields").items():
        model = each.get("model") if isinstance(each, Mapping) else None
        if isinstance(model, str) and model.isidentifier() and not keyword.iskeyword(model):
            yield re.sub(r"[^\w .-]", "_", str(field)), model


def _schema_text(folder: Path, file: str) -> str:
    """Return a schema of the component before; an empty one if it is missing."""
    path = (folder / file).resolve()
    if not path.is_relative_to(folder.resolve()):
        return _EMPTY_SCHEMA
    try:
        return json.dumps(read_json(path), indent=2, ensure_ascii=False) + "\n"
    except DescriptorError:
        return _EMPTY_SCHEMA


def _module_name(id: str) -> str:
    """Return the name of a module for an id.

    >>> _module_name("getNewObjectsPolling"), _module_name("upsert-object"), _module_name("class")
    ('get_new_objects_polling', 'upsert_object', 'class_')
    """
    return id_from(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", id)) or "function"


def _free(name: str, place: str, files: Mapping[str, str]) -> str:
    """Return a name that no file has yet."""
    found, number = name, 1
    while place % found in files:
        number += 1
        found = f"{name}_{number}"
    return found
