"""Write the schemas of this folder anew, from packages of PyPI that hold what the projects have published.

    python3 -m venv /tmp/schemas
    /tmp/schemas/bin/pip install kubernetes-validate cloudcoil-models-keda cloudcoil-models-prometheus-operator \\
        grafana-foundation-sdk
    /tmp/schemas/bin/python tests/schemas/renew.py

Descriptions and defaults are left out, since only the shapes are tested.
"""

import enum
import importlib
import inspect
import json
import re
import types
import typing
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import cloudcoil.models.keda.v1alpha1 as keda
import cloudcoil.models.prometheus_operator.v1 as prometheus_operator
import kubernetes_validate
from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.models import dashboard, prometheus, units

_FOLDER: Final = Path(__file__).resolve().parent
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_KUBERNETES: Final = "1.37.0"
_KINDS: Final = {
    "core.v1.ConfigMap": "v1",
    "core.v1.ServiceAccount": "v1",
    "apps.v1.Deployment": "apps/v1",
    "networking.v1.NetworkPolicy": "networking.k8s.io/v1",
    "policy.v1.PodDisruptionBudget": "policy/v1",
}
_CUSTOM: Final = {
    "keda.sh/v1alpha1": (keda.ScaledObject, keda.TriggerAuthentication),
    "monitoring.coreos.com/v1": (prometheus_operator.PodMonitor, prometheus_operator.PrometheusRule),
}
_TEXTS: Final = ("description", "title", "default")
_PANELS: Final = ("timeseries", "stat")
_NAMES: Final = re.compile(r'(?:payload\["(\w+)"\] = |"(\w+)": )self\.(\w+)')
"""How the SDK's ``to_json`` names an attribute."""


def shape(schema: Any) -> Any:
    """Return a schema without its texts; an object with known members takes no others."""
    if isinstance(schema, list):
        return [shape(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: shape(value) for name, value in schema.items() if name not in _TEXTS and not name.startswith("x-")}
    for group in ("properties", "$defs"):  # their members have names of their own, such as "description"
        if group in schema:
            kept[group] = {name: shape(value) for name, value in schema[group].items()}
    if kept.get("properties"):
        kept.setdefault("additionalProperties", False)
    return kept


def kubernetes(kind: str) -> dict[str, Any]:
    """Return the schema of a kind, with all that it refers to."""
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{_KUBERNETES}-local-strict"
    everything = json.loads((folder / "_definitions.json").read_text())["$defs"]
    wanted, found = [f"io.k8s.api.{kind}"], dict[str, Any]()
    while wanted:
        if (name := wanted.pop()) not in found:
            text = json.dumps(shape(everything[name])).replace("/api/_definitions.json#", "#")
            found[name] = json.loads(text)
            wanted += re.findall(r'"#/\$defs/([^"]+)"', text)
    return {"$ref": f"#/$defs/io.k8s.api.{kind}", "$defs": dict(sorted(found.items()))}


class _Grafana:
    """Makes schemas of the SDK's classes, which Grafana generates from its own schemas."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}

    def of(self, hint: Any) -> dict[str, Any]:
        """Return the schema of a type."""
        simple = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
        if hint in simple:
            return {"type": simple[hint]}
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            return {"anyOf": [self.of(each) for each in arguments]}
        if origin is typing.Literal:
            return {"enum": [*arguments]}
        if origin is list:
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        if hint is variants.Dataquery:
            return self.of(prometheus.Dataquery)
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return {"enum": [each.value for each in hint]}
        return self._reference(hint) if hasattr(hint, "to_json") else {}

    def _reference(self, kind: type) -> dict[str, Any]:
        name = f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"
        if name not in self.definitions:
            self.definitions[name] = {}  # a class may have members of its own kind
            hints = typing.get_type_hints(kind, vars(importlib.import_module(kind.__module__)))
            source = inspect.getsource(kind.to_json)  # type: ignore[attr-defined]
            members = {first or second: hints[attribute] for first, second, attribute in _NAMES.findall(source)}
            properties = {member: self.of(hint) for member, hint in members.items()}
            self.definitions[name] = {"type": "object", "properties": properties, "additionalProperties": False}
        return {"$ref": f"#/$defs/{name}"}

    def panel(self, kind: str) -> dict[str, Any]:
        """Return what holds for the panels of one type only: their options, and the defaults of their fields."""
        module = importlib.import_module(f"grafana_foundation_sdk.models.{kind}")
        then: dict[str, Any] = {"options": self.of(module.Options)}
        if hasattr(module, "FieldConfig"):
            custom = {"properties": {"custom": self.of(module.FieldConfig)}}
            then["fieldConfig"] = {"properties": {"defaults": custom}}
        return {"if": {"properties": {"type": {"const": kind}}}, "then": {"properties": then}}


def grafana() -> dict[str, Any]:
    """Return the schema of a dashboard whose panels ask Prometheus."""
    making = _Grafana()
    root = making.of(dashboard.Dashboard)
    panel = making.definitions["dashboard.Panel"]
    panel["allOf"] = [making.panel(kind) for kind in _PANELS]
    panel["properties"]["type"] = {"enum": [*_PANELS]}
    panel["required"] = ["type", "title", "gridPos", "targets", "options"]
    named = {value for name, value in vars(units).items() if name[0] != "_" and isinstance(value, str)}
    making.definitions["dashboard.FieldConfig"]["properties"]["unit"] = {"enum": sorted(named)}
    return {**root, "$defs": dict(sorted(making.definitions.items()))}


def write(name: str, source: Iterable[str], schema: Mapping[str, Any]) -> None:
    """Write a schema with the packages that it comes from."""
    packages = ", ".join(f"{each} {version(each)}" for each in source)
    comment = f"From {packages}, without texts and defaults. Apache License 2.0"
    members = {"$schema": _DIALECT, "$comment": comment, **schema}
    # A line for each definition, so that a comparison of two versions can be read.
    definitions = ",\n".join(f"{json.dumps(each)}: {json.dumps(value)}" for each, value in members.pop("$defs").items())
    head = ",\n".join(f"{json.dumps(each)}: {json.dumps(value)}" for each, value in members.items())
    (_FOLDER / f"{name}.json").write_text(f'{{\n{head},\n"$defs": {{\n{definitions}\n}}}}\n')


def main() -> None:
    """Write all schemas."""
    for kind, api_version in _KINDS.items():
        write(f"{api_version}-{kind.rpartition('.')[2]}".replace("/", "-"), ["kubernetes-validate"], kubernetes(kind))
    for api_version, models in _CUSTOM.items():
        package = f"cloudcoil-models-{models[0].__module__.split('.')[2].replace('_', '-')}"
        for model in models:
            name = f"{api_version}-{model.__name__}".replace("/", "-")
            write(name, [package], shape(model.model_json_schema()))
    write("grafana-dashboard", ["grafana-foundation-sdk"], grafana())


if __name__ == "__main__":
    main()
