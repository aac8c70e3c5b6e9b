"""Select models: the objects and the fields that a step can choose from."""

from collections.abc import Callable

from salesforce.answers import content
from salesforce.client import Salesforce
from salesforce.describe import Field, describe
from salesforce.settings import Cfg, api_name
from shipmate import Context

Choices = dict[str, str]


def creatable_objects(context: Context, cfg: Cfg) -> Choices:
    """List the objects whose records can be created."""
    return _objects(context, cfg, "createable")


def updatable_objects(context: Context, cfg: Cfg) -> Choices:
    """List the objects whose records can be changed."""
    return _objects(context, cfg, "updateable")


def upsertable_objects(context: Context, cfg: Cfg) -> Choices:
    """List the objects whose records can be both created and changed."""
    return _objects(context, cfg, "createable", "updateable")


def deletable_objects(context: Context, cfg: Cfg) -> Choices:
    """List the objects whose records can be deleted."""
    return _objects(context, cfg, "deletable")


def queryable_objects(context: Context, cfg: Cfg) -> Choices:
    """List the objects whose records can be queried."""
    return _objects(context, cfg, "queryable")


def pollable_objects(context: Context, cfg: Cfg) -> Choices:
    """List the objects whose changes can be followed."""
    return _objects(context, cfg, "queryable", "replicateable")


def filter_fields(context: Context, cfg: Cfg) -> Choices:
    """List the fields of the chosen object by which records can be found."""
    return _fields(context, cfg, lambda field: field.is_filterable)


def key_fields(context: Context, cfg: Cfg) -> Choices:
    """List the fields by which an upsert of the chosen object can find records: its external IDs, for example."""
    return _fields(context, cfg, lambda field: field.is_key)


def readable_fields(context: Context, cfg: Cfg) -> Choices:
    """List the fields of the chosen object that a query can select."""
    return _fields(context, cfg, lambda field: field.type != "base64")


def _objects(context: Context, cfg: Cfg, *abilities: str) -> Choices:
    known = content(Salesforce(context, cfg).get("sobjects"))["sobjects"]
    able = [each for each in known if all(each.get(ability) for ability in abilities)]
    return _sorted({each["name"]: each["label"] for each in able if not each.get("deprecatedAndHidden")})


def _fields(context: Context, cfg: Cfg, is_meant: Callable[[Field], bool]) -> Choices:
    described = describe(Salesforce(context, cfg), api_name(cfg, "object"))
    return _sorted({field.name: field.label for field in described.fields if is_meant(field)})


def _sorted(labels: Choices) -> Choices:
    """Return names with their labels, sorted by label; each label has the name, because labels repeat."""
    ordered = sorted(labels.items(), key=lambda each: (each[1].lower(), each[0]))
    return {name: label if label == name else f"{label} ({name})" for name, label in ordered}
