"""Names the shipmate that runs now, as a requirement of pip.

Source: PEP 508; PEP 610.
"""

import json
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from shipmate import __version__
from shipmate.jsonvalue import object_member


def direct_url() -> Mapping[str, Any] | None:
    """Return where the installed shipmate comes from, as pip noted it; None for a version from an index."""
    try:
        text = distribution("shipmate").read_text("direct_url.json")
        value = json.loads(text) if text else None
    except (PackageNotFoundError, ValueError, OSError):
        return None
    return value if isinstance(value, dict) else None


def requirement(
    origin: Mapping[str, Any] | None, *, extra: str = "", exists: Callable[[Path], bool] = Path.exists
) -> str:
    """Return the requirement that installs the same shipmate again.

    Args:
        origin: The content of ``direct_url.json``; None for a version from an index.
        extra: The name of an extra.
        exists: Whether a file or a folder is there.

    >>> requirement({"url": "file:///src/shipmate", "dir_info": {}}, extra="testing", exists=lambda _: True)
    'shipmate[testing] @ file:///src/shipmate'
    """
    name = f"shipmate[{extra}]" if extra else "shipmate"
    url = _url(origin, exists) if origin is not None else None
    return f"{name} @ {url}" if url else f"{name}~={__version__}"


def _url(origin: Mapping[str, Any], exists: Callable[[Path], bool]) -> str | None:
    """Return the address of a wheel, a folder or a commit; None if it is not usable any more."""
    url = origin.get("url")
    if not isinstance(url, str) or not url.isprintable() or " " in url:
        return None
    parts = urlsplit(url)
    if parts.scheme == "file" and not exists(Path(unquote(parts.path))):
        return None
    vcs = object_member(origin, "vcs_info")
    if vcs:
        url = f"{vcs.get('vcs')}+{url}@{vcs.get('commit_id')}"
    digest = object_member(object_member(origin, "archive_info"), "hashes").get("sha256")
    fragments = [f"sha256={digest}"] if digest else []
    if origin.get("subdirectory"):
        fragments.append(f"subdirectory={origin['subdirectory']}")
    return f"{url}#{'&'.join(fragments)}" if fragments else url
