"""Select models: the objects and the fields that a step can choose from."""

from collections.abc import Callable

from salesforce.client import Salesforce
from salesforce.describe import Field, describe, is_key, is_readable
from salesforce.settings import Cfg, api_name
from shipmate import Context

Choices = dict[str, str]
SelectModel = Callable[[Context, Cfg], Choices]


def objects(*abilities: str) -> SelectModel:
    """Return the select model of the objects with all these abilities, as Salesforce calls them."""

    def able_objects(context: Context, cfg: Cfg) -> Choices:
        able = [each for each in Salesforce(context, cfg).get("sobjects")["sobjects"] if all(map(each.get, abilities))]
        return _sorted({each["name"]: each["label"] for each in able if not each.get("deprecatedAndHidden")})

    return able_objects


def _fields(is_meant: Callable[[Field], bool]) -> SelectModel:
    """Return the select model of some fields of the chosen object."""

    def fields(context: Context, cfg: Cfg) -> Choices:
        described = describe(Salesforce(context, cfg), api_name(cfg, "object"))
        return _sorted({field["name"]: field["label"] for field in described.fields if is_meant(field)})

    return fields


def _sorted(labels: Choices) -> Choices:
    """Return names with their labels, sorted by label; each label has the name, because labels repeat."""
    ordered = sorted(labels.items(), key=lambda each: (each[1].lower(), each[0]))
    return {name: label if label == name else f"{label} ({name})" for name, label in ordered}


filter_fields = _fields(lambda field: bool(field["filterable"]))
key_fields = _fields(is_key)
readable_fields = _fields(is_readable)
