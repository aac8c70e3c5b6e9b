"""Select models: the objects and the fields that a step can choose from."""

from collections.abc import Callable

from salesforce.client import Salesforce
from salesforce.describe import Field, describe, is_readable
from salesforce.soql import Cfg, api_name
from shipmate import Context
from shipmate.kit import by_label

SelectModel = Callable[[Context, Cfg], dict[str, str]]


def objects(*abilities: str) -> SelectModel:
    """Return the select model of the objects with all these abilities, as Salesforce calls them."""

    def able_objects(context: Context, cfg: Cfg) -> dict[str, str]:
        able = [each for each in Salesforce(context, cfg).get("sobjects")["sobjects"] if all(map(each.get, abilities))]
        return by_label({each["name"]: each["label"] for each in able if not each.get("deprecatedAndHidden")})

    return able_objects


def _fields(is_meant: Callable[[Field], bool]) -> SelectModel:
    """Return the select model of some fields of the chosen object."""

    def fields(context: Context, cfg: Cfg) -> dict[str, str]:
        described = describe(Salesforce(context, cfg), api_name(cfg, "object"))
        return by_label({field["name"]: field["label"] for field in described.fields if is_meant(field)})

    return fields


filter_fields = _fields(lambda field: bool(field["filterable"]))
key_fields = _fields(lambda field: bool((field["externalId"] or field["idLookup"]) and field["name"] != "Id"))
readable_fields = _fields(is_readable)
