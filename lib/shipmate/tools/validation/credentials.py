"""Checks that the credential fields of a component and its requests fit together.

An unread secret field verifies no account; a request that needs a missing field fails for every account.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from shipmate.jsonvalue import object_member, pointer_to, texts_within
from shipmate.session.ways import USERS, ways_in
from shipmate.tools.validation.report import Findings

_POINTER: Final = "/credentials/fields"
_NOT_SOURCES: Final = frozenset({"tests", "test", "node_modules", "build", "dist"})
_MOST_FILES: Final = 2000
_MARKS: Final = ('""', "''", "{}")


def check_secret_fields(findings: Findings, root: Path, raw: Mapping[str, Any]) -> None:
    """Report secret fields that no session sends by itself and no module of the component names."""
    credentials = object_member(raw, "credentials")
    views = view_classes(raw)
    unknown = [name for name, view in views.items() if view == "PasswordFieldView"]
    sent = {name for way in ways_in(views, has_oauth2=False) for name in way.names}
    unknown = [name for name in unknown if name not in sent]
    if not unknown:
        return
    texts = [text for section in ("oauth1", "oauth2") for _, text in texts_within(credentials.get(section), "")]
    files = list(_sources(root))
    if not files:
        return
    texts += (file.read_text(encoding="utf-8", errors="replace") for file in files)
    for name in _unnamed(unknown, texts):
        if name.lower() == "password":
            advice = f"add a field for the user: {', '.join(sorted(USERS))}"
        else:
            advice = f'call it "token" or "apiKey", or give context.session(header="X-Key: {{{name}}}")'
        findings.warning(
            _POINTER + pointer_to(name),
            f"expected a field that a request carries, found one that no session sends and no module names: {advice}",
        )


def check_needed_fields(findings: Findings, raw: Mapping[str, Any], apis: Iterable[Any]) -> None:
    """Report credential fields that declared APIs need and the descriptor lacks.

    Args:
        findings: Receives the problems.
        raw: The descriptor.
        apis: The APIs behind the functions of the component.
    """
    has_oauth2 = bool(object_member(object_member(raw, "credentials"), "oauth2"))
    seen: set[str] = set()
    for api in {id(each): each for each in apis}.values():
        needs = getattr(api, "missing_fields", None)
        for text in needs(view_classes(raw), has_oauth2=has_oauth2) if callable(needs) else ():
            # With authClientTypes the key is in a secret of the platform, not in a field of the component.
            if text not in seen and not raw.get("authClientTypes"):
                findings.error(_POINTER, text)
            seen.add(text)


def view_classes(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the view class of each credential field."""
    fields = object_member(object_member(raw, "credentials"), "fields")
    return {name: each.get("viewClass") for name, each in fields.items() if isinstance(each, Mapping)}


def _unnamed(names: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Return the names that are in no text, in quotes or braces."""
    left = list(names)
    for text in texts:
        left = [name for name in left if not any(f"{mark[0]}{name}{mark[1]}" in text for mark in _MARKS)]
        if not left:
            break
    return left


def _sources(root: Path) -> Iterator[Path]:
    """Yield the modules of a component, without its tests and hidden folders."""
    count = 0
    for path in sorted(root.rglob("*.py")) if root.is_dir() else ():
        parts = path.relative_to(root).parts
        if any(part in _NOT_SOURCES or part.startswith(".") for part in parts):
            continue
        count += 1
        if count > _MOST_FILES:
            return
        if path.is_file():
            yield path
