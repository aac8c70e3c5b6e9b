"""Checks a descriptor alone, for components in any language.

Published descriptors break some documented rules and work: only what cannot work is an error.

Source: contract §11.
"""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shipmate.component.descriptor import SECTIONS, read_json
from shipmate.component.metadata import schema_problems, sentence, slips
from shipmate.component.metadata.differences import LONGEST_SHOWN
from shipmate.errors import DescriptorError
from shipmate.jsonvalue import Members, kind_of, object_member, parse_json, pointer_to, repeated_keys, texts_within
from shipmate.session.ways import ways_in
from shipmate.tools.validation.report import Findings, Report
from shipmate.tools.validation.spelling import misspelt
from shipmate.urls import is_loopback
from shipmate.wording import did_you_mean

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

DIRECTIONS: Final = ("in", "out")
_PLAIN_HTTP: Final = re.compile(r"http://([^/?#:\[]*|\[[^\]/?#]*\])(?=[/?#:]|$)", re.IGNORECASE)
_TEMPLATE: Final = re.compile(r"\{\{([^{}]*+)\}\}")
_SELECTS: Final = ("SelectView", "MultiSelectView")
# These views draw the whole field; published fields of them have no label.
_WIDGETS: Final = (
    "CSVReadView",
    "CSVWriteView",
    "HTTPAuthView",
    "InMetadataExtensionView",
    "JSONataView",
    "OutMetadataView",
    "RESTAPIView",
    "WebHookPayloadView",
    "WebhookAuthView",
)
_VIEWS: Final = (
    *_WIDGETS,
    "CheckBoxView",
    "CodeFieldView",
    "MultiSelectView",
    "OAuthFieldView",
    "PasswordFieldView",
    "SelectPropertyView",
    "SelectTreeView",
    "SelectView",
    "TextAreaView",
    "TextAreaWithNoteView",
    "TextFieldView",
    "TextFieldWithNoteView",
    "TextView",
)


def validate_descriptor(file: Path) -> Report:
    """Return the problems of a ``component.json`` alone: no module is imported, and no other file is read."""
    findings = Findings(str(file))
    if check_descriptor(findings, file) is not None:
        findings.not_checked += [
            "modules and their functions: only the descriptor was checked",
            "metadata files: only the descriptor was checked",
        ]
    return findings.report()


def check_descriptor(findings: Findings, path: Path) -> dict[str, Any] | None:
    """Add the problems of a descriptor, and return its content; None if it is not an object."""
    try:
        raw = read_json(path, make_object=Members)
    except DescriptorError as error:
        findings.error("", str(error).removeprefix(f"{path}: "))
        findings.not_checked.append(f"the modules and files that {findings.file} names: it cannot be read")
        return None
    if not isinstance(raw, dict):
        findings.error("", f"expected an object, found {kind_of(raw)}")
        findings.not_checked.append(f"the modules and files that {findings.file} names: it is not an object")
        return None
    try:
        _check_content(findings, raw)
    except RecursionError:
        findings.error("", "expected an object, found one that is nested too deeply")
        return None
    return raw


def _check_content(findings: Findings, raw: dict[str, Any]) -> None:
    findings.errors((pointer, "expected a unique key, found a repeated one") for pointer in repeated_keys(raw))
    schema = parse_json((files("shipmate.tools.validation") / "component.schema.json").read_text(encoding="utf-8"))
    findings.errors(_differences(raw, schema))
    findings.warnings(misspelt(raw, schema))
    if "description" not in raw:
        findings.warning("", "expected the property 'description', found none")
    _check_functions(findings, raw)
    _check_templates(findings, raw)
    _check_addresses(findings, raw)
    fields = object_member(object_member(raw, "credentials"), "fields")
    _check_fields(findings, "/credentials/fields", fields, of_credentials=True)
    _check_authentication(findings, raw, fields)
    findings.checked.append(f"the structure of {findings.file}")


def functions_of(raw: Mapping[str, Any]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Yield pointer, kind, id and descriptor entry of each function whose entry is an object."""
    for section, kind in SECTIONS.items():
        for name, described in object_member(raw, section).items():
            if isinstance(described, dict):
                yield pointer_to(section, name), kind, name, described


def _differences(raw: dict[str, Any], schema: dict[str, Any]) -> list[tuple[str, str]]:
    from jsonschema import Draft7Validator  # 66 ms

    errors = Draft7Validator(schema).iter_errors(raw)
    return sorted((pointer_to(*error.absolute_path), _sentence(error)) for error in errors)


def _sentence(error: "ValidationError") -> str:
    """Return what was expected and found, with the value only if it is a short text in place of a fixed choice."""
    schema: Any = error.schema
    choices: Any = error.validator_value
    value: Any = error.instance
    if "$comment" in schema:
        return f"expected {schema['$comment']}, found {kind_of(value)}"
    text = sentence(error)
    if error.validator != "enum" or not isinstance(value, str) or len(value) > LONGEST_SHOWN:
        return text
    return f"{text.removesuffix('something else')}{value!r}{did_you_mean(value, choices)}"


def _check_functions(findings: Findings, raw: dict[str, Any]) -> None:
    triggers, actions = object_member(raw, "triggers"), object_member(raw, "actions")
    if not triggers and not actions:
        findings.error("", "expected at least one trigger or action, found none")
    for name in actions:
        if name in triggers:
            findings.error(pointer_to("actions", name), "expected a unique id, found the id of a trigger")
    for pointer, _, _, described in functions_of(raw):
        _check_fields(findings, f"{pointer}/fields", object_member(described, "fields"))
        metadata = object_member(described, "metadata")
        if "metadata" not in described and not described.get("dynamicMetadata"):
            findings.warning(pointer, "expected metadata or dynamicMetadata, found neither")
        for direction in DIRECTIONS:
            if isinstance(metadata.get(direction), dict):
                under = f"{pointer}/metadata/{direction}"
                findings.errors(schema_problems(metadata[direction]), under=under)
                findings.warnings(slips(metadata[direction]), under=under)


def _check_fields(findings: Findings, pointer: str, fields: Mapping[str, Any], *, of_credentials: bool = False) -> None:
    for name, described in fields.items():
        if not isinstance(described, dict):
            continue
        place = pointer + pointer_to(name)
        view = described.get("viewClass")
        if isinstance(view, str) and view.strip() and view not in _VIEWS:
            message = f"expected a known view, found {view!r}{did_you_mean(view, _VIEWS)}"
            findings.warning(f"{place}/viewClass", message)
        if view in _VIEWS and view not in _WIDGETS and "label" not in described:
            findings.error(place, "expected the property 'label', found none")
        if view in _SELECTS and "model" not in described:
            findings.error(place, f"expected the property 'model' for a {view}, found none")
        if isinstance(described.get("model"), list):
            findings.warning(f"{place}/model", "expected an object of keys and labels, found an array")
        if of_credentials and isinstance(described.get("model"), str):
            findings.error(f"{place}/model", "expected an object in a field of credentials, found text")
        _check_require(findings, f"{place}/require", described.get("require"), fields)


def _check_require(findings: Findings, pointer: str, require: Any, fields: Mapping[str, Any]) -> None:
    for needed in [require] if isinstance(require, str) else require if isinstance(require, list) else ():
        if isinstance(needed, str) and needed not in fields:
            message = f"expected the id of a field, found {needed!r}{did_you_mean(needed, fields)}"
            findings.error(pointer, message)


def _check_authentication(findings: Findings, raw: dict[str, Any], fields: Mapping[str, Any]) -> None:
    """Add what does not fit together in the authentication: fields, secrets of the platform, OAuth2."""
    views = {name: each.get("viewClass") for name, each in fields.items() if isinstance(each, dict)}
    types = raw.get("authClientTypes")
    if isinstance(types, list):
        if not types:
            findings.warning("/authClientTypes", "expected a type of secrets, found none")
        elif not {"HTTPAuthView", "OAuthFieldView"} & {view for view in views.values() if isinstance(view, str)}:
            message = "expected a field with HTTPAuthView, by which a person chooses the secret, found none"
            findings.warning("/credentials/fields", message)
        if object_member(object_member(raw, "credentials"), "oauth2"):
            message = "expected either authClientTypes or this, found both: the platform keeps the client of secrets"
            findings.warning("/credentials/oauth2", message)
        if "oauth2_instagram" in types and "HTTPAuthView" in views.values():
            findings.warning("/authClientTypes", "expected no oauth2_instagram with HTTPAuthView, found both")
    for way in ways_in(views, has_oauth2=False):
        for name in way.names[-1:]:
            if views[name] in ("TextFieldView", "TextAreaView"):
                message = f"expected PasswordFieldView for a secret, found {views[name]}, which shows it"
                findings.warning(f"/credentials/fields{pointer_to(name)}/viewClass", message)


def _check_templates(findings: Findings, raw: dict[str, Any]) -> None:
    """Add the ``{{NAME}}`` in the OAuth settings that have no value."""
    credentials = object_member(raw, "credentials")
    older = raw.get("env")
    known = {*object_member(raw, "envVars"), *object_member(credentials, "fields")}
    known.update(name for name in (older if isinstance(older, list | dict) else ()) if isinstance(name, str))
    for section in ("oauth1", "oauth2"):
        for pointer, text in texts_within(credentials.get(section), pointer_to("credentials", section)):
            for name in map(str.strip, _TEMPLATE.findall(text)):
                if name in known:
                    continue
                message = f"expected a variable of envVars or the id of a credential field, found {{{{{name}}}}}"
                # Without envVars, an OAuth client of the platform may have the values.
                if "envVars" in raw:
                    findings.error(pointer, message)
                else:
                    findings.warning(pointer, message)


def _check_addresses(findings: Findings, raw: dict[str, Any]) -> None:
    """Add the addresses of the OAuth provider that get secrets over plain http: RFC 6749 §3.1, §3.2."""
    oauth2 = object_member(object_member(raw, "credentials"), "oauth2")
    for name, text in oauth2.items():
        address = _PLAIN_HTTP.match(text) if isinstance(text, str) and name.endswith("_uri") else None
        if address is not None and not is_loopback(address[1].strip("[]")):
            message = "expected an https address, found an http one, which shows secrets to others"
            findings.warning(pointer_to("credentials", "oauth2", name), message)
