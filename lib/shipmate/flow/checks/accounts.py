"""Checks accounts and secrets: each that a step uses has a file with the fields of its component."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from shipmate.component.credentials import auth_client_types
from shipmate.flow.checks.functions import credential_fields
from shipmate.flow.components import Implementation
from shipmate.flow.file import FlowFile
from shipmate.flow.graph import Flow, Node
from shipmate.flow.local_members import local_object, read_object
from shipmate.flow.values import shown
from shipmate.jsonvalue import pointer_to
from shipmate.local.account import is_absent, login_command
from shipmate.tools.validation.report import Findings
from shipmate.wording import did_you_mean


def check_accounts(
    findings: Findings, file: FlowFile, flow: Flow, implementations: Mapping[str, Implementation]
) -> None:
    """Add the problems of accounts and secrets.

    Args:
        findings: Receives the problems.
        file: The file.
        flow: The flow in it.
        implementations: What runs each step, by the step's id.
    """
    places = local_object(Findings(str(file.path)), file, "accounts")
    users = {node.account: node for node in reversed(flow.nodes) if node.account is not None}
    keys: dict[str, Mapping[str, Any] | None] = {}
    for name, path in flow.accounts.items():
        if is_absent(path):
            advice = _creation(path, implementations.get(users[name].id) if name in users else None)
            findings.error(places.place(name), f"expected the key file {path}, found none; {advice}")
        else:
            keys[name] = read_object(findings, places.place(name), path)
    for node in flow.nodes:
        implementation = implementations.get(node.id)
        if node.account is not None and node.account not in flow.accounts:
            _missing(findings, f"{node.pointer}/credentials_id", "accounts", node.account, flow.accounts)
        if node.secret is not None and node.secret not in flow.secrets:
            _missing(findings, f"{node.pointer}/secret_id", "secrets", node.secret, flow.secrets)
        declared = credential_fields(implementation)
        own = keys.get(node.account) if node.account is not None else None
        if own is not None and node.account is not None:
            _check_keys(findings, places.pointer + pointer_to(node.account), own, declared, node)
        elif declared and node.account is None and node.secret is None:
            findings.warning(node.pointer, _unnamed(node, implementation))


def _creation(path: Path, implementation: Implementation | None) -> str:
    """Return what to do about a key file that does not exist, by the component of the step that uses it."""
    descriptor = implementation.descriptor if implementation is not None else None
    if descriptor is not None and descriptor.oauth2 is not None:
        return f"{login_command(descriptor.root, path)} creates it"
    fields = ", ".join(credential_fields(implementation))
    return f"write a JSON object with {fields or 'the credentials'} into it"


def _unnamed(node: Node, implementation: Implementation | None) -> str:
    """Return the problem of a step with credentials that names neither an account nor a secret."""
    descriptor = implementation.descriptor if implementation is not None else None
    if descriptor is not None and auth_client_types(descriptor):
        problem = f"expected secret_id, since {shown(node.component)} has authClientTypes, found none"
        return f"{problem}; name a secret, and its file in 'secrets'"
    problem = f"expected credentials_id, since {shown(node.component)} has credentials, found none"
    return f"{problem}; name an account, and its key file in 'accounts'"


def _missing(findings: Findings, pointer: str, section: str, name: str, known: Collection[str]) -> None:
    if section == "accounts":
        advice = f"write accounts: {{{name}: FILE}}; shipmate login --account FILE creates the file"
    else:
        advice = f"write secrets: {{{name}: FILE}}; shipmate login --secret FILE creates one for OAuth2"
    problem = f"expected {shown(name)} in {section!r} of the file, found none"
    findings.error(pointer, problem + (did_you_mean(name, known) or f"; {advice}"))


def _check_keys(
    findings: Findings, pointer: str, keys: Mapping[str, Any], declared: Mapping[str, Any], node: Node
) -> None:
    """Add the credential fields that a key file lacks, and the fields of the step that it replaces."""
    if declared and not keys.keys() & declared.keys():
        problem = f"expected a key file with credential fields of {shown(node.component)}, found none of them"
        findings.error(pointer, f"{problem}; they are {', '.join(declared)}")
    elif lacking := [name for name in _required(declared) if keys.get(name) in (None, "")]:
        problem = f"expected the credential field {shown(lacking[0])} of {shown(node.component)}, found none"
        findings.warning(pointer, problem)
    for name in node.fields:
        if name in keys:
            problem = f"expected a field that the account {shown(str(node.account))} lacks, found {shown(name)}"
            findings.warning(f"{node.pointer}/fields{pointer_to(name)}", f"{problem}; the account's value wins")


def _required(declared: Mapping[str, Any]) -> list[str]:
    return [name for name, each in declared.items() if isinstance(each, Mapping) and each.get("required") is True]
