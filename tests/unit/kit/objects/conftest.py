"""A component that declares the contacts of a CRM, and the CRM."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from shipmate import component as components
from shipmate.component import Modules
from shipmate.testing import ComponentUnderTest
from shipmate.testing.isolation import only_component
from shipmate.testing.routes import Routes
from shipmate.tools.validation import entries
from tests.unit.kit.objects.crm_api import KEY, URL, Crm

_DECLARATION = """
from shipmate.kit import (
    Api, Field, Linked, Names, Resource, Resources, Write, cursor, link, offset, operators, page, sorting, whole,
)

api = Api("{base_url}/v1", header="X-Key: {apiKey}", verify="/me")
FIELDS = [
    Field("id", read_only=True), Field("email", required="create"), Field("name"), Field("age", "integer"),
    Field("tags", items="string"), Field("password", write_only=True), Field("updated", "date-time", read_only=True),
]
FILTERS = operators(eq="{field}={value}", gt="{field}[gt]={value}")
PAGES = cursor("data", next="next", parameter="after", total="total", default=50)


def declare(**changes):
    given = {"title": "Contact", "fields": FIELDS, "unique": ("email",), "filters": FILTERS, "pages": PAGES}
    return Resource(api, "/contacts", **{**given, **changes})


"""

_DESCRIPTOR: dict[str, Any] = {
    "title": "CRM",
    "description": "CRM",
    "credentials": {
        "fields": {
            "base_url": {"label": "URL", "viewClass": "TextFieldView"},
            "apiKey": {"label": "Key", "viewClass": "PasswordFieldView"},
        }
    },
    "actions": {"raw": {"title": "Raw", "main": "./crm.py:api.raw_request"}},
}

Declare = Callable[..., ComponentUnderTest]
_REFERENCE = Path(__file__).parents[4] / "docs" / "reference" / "kit.md"


def example_with(text: str) -> str:
    """Return the only Python example of the reference that contains a text."""
    (found,) = (
        code for code in re.findall(r"^```python\n(.*?)^```", _REFERENCE.read_text(), re.DOTALL | re.MULTILINE)
        if text in code
    )  # fmt: skip
    return str(found)


@pytest.fixture
def crm() -> Crm:
    """A CRM without contacts."""
    return Crm()


@pytest.fixture
def declare(tmp_path: Path, crm: Crm) -> Iterator[Declare]:
    """Return a function that makes a component of a declaration, ``contacts = declare(...)``, and serves the CRM.

    ``actions`` has further entries of ``component.json``.
    """
    with ExitStack() as stack:

        def made(
            declaration: str = "contacts = declare()",
            *,
            add: str = "contacts",
            actions: Mapping[str, Any] | None = None,
        ) -> ComponentUnderTest:
            (tmp_path / "crm.py").write_text(f"{_DECLARATION}{declaration}\n")
            file = tmp_path / "component.json"
            file.write_text(json.dumps({**_DESCRIPTOR, "actions": {**_DESCRIPTOR["actions"], **(actions or {})}}))
            stack.enter_context(only_component(tmp_path))
            loaded = components.load(tmp_path)
            whole, _ = entries.described(loaded, Modules(loaded), [f"./crm.py:{add}"])
            file.write_text(entries.to_text(whole))
            subject = ComponentUnderTest(tmp_path, Routes())
            stack.enter_context(subject.routes.installed(closes_network=True))
            stack.callback(subject.close)
            subject.serve(URL, crm)
            return subject

        yield made


@pytest.fixture
def cfg() -> dict[str, Any]:
    """An account that may use the CRM; its URL ends with a slash, as people type it."""
    return {"base_url": f"{URL}/", "apiKey": KEY}
