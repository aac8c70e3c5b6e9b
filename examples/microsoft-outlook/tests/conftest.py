"""A mailbox at an emulated Graph, and the component that is signed in to it."""

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from shipmate.emulator import OAuth2Provider
from shipmate.emulator.journal import Request
from shipmate.session.session import Session
from shipmate.testing import ComponentUnderTest, Emissions

# The tests run from here as well as from elsewhere. At the end of the path, so that nothing is hidden.
sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from emulated_graph import EmulatedGraph, Mailbox, UploadHost  # it is importable from here on

SCOPE = "User.Read Mail.ReadWrite Mail.Send Calendars.ReadWrite Contacts.ReadWrite offline_access"


@dataclass
class Desk:
    """The component, signed in."""

    component: ComponentUnderTest
    provider: OAuth2Provider
    graph: EmulatedGraph
    uploads: UploadHost
    keys: dict[str, Any]
    pauses: list[float]
    """How long the component has waited, in seconds: nobody waits here."""

    @property
    def mailbox(self) -> Mailbox:
        """What is in the mailbox."""
        return self.graph.mailbox

    def run(self, function: str, body: Any = None, *, snapshot: Any = None, files: Any = None, **cfg: Any) -> Emissions:
        """Run a function with these fields."""
        msg = {"body": {} if body is None else body, "attachments": files or {}}
        return self.component.run(function, msg, {"oauth": self.keys, **cfg}, snapshot)

    def choices(self, function: str, model: str) -> Any:
        """Return what a select model offers."""
        return self.component.call(function, model, {"oauth": self.keys})

    def fails(self, function: str, body: Any = None, **given: Any) -> str:
        """Run a function that must fail once, and emit nothing else, and return the error's text."""
        emissions = self.run(function, body, **given)
        assert [name for name, _ in emissions.events if name != "updateKeys"] == ["error"], emissions.summary()
        return str(emissions.errors[0]["message"])

    def calls(self, method: str) -> list[Request]:
        """Return the requests of a method that have arrived at Graph."""
        return [each for each in self.graph.requests if each.method == method]


@pytest.fixture
def desk(
    component: ComponentUnderTest, oauth2_provider: OAuth2Provider, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """Return the component with an account that has signed in; what holds for all requests is checked at the end."""
    mailbox = Mailbox()
    uploads = UploadHost(mailbox)
    graph = EmulatedGraph(oauth2_provider, uploads, mailbox)
    component.serve("https://graph.microsoft.com", graph)
    component.serve("https://outlook.office.com", uploads)
    pauses: list[float] = []
    monkeypatch.setattr(Session, "pause", lambda session, seconds: pauses.append(seconds))
    # By the module itself: each test has its own modules of the component, of which names may still find older ones.
    uploads_module = importlib.import_module("outlook.uploads")
    monkeypatch.setattr(uploads_module, "_PIECES", replace(uploads_module._PIECES, sleep=pauses.append))
    yield Desk(component, oauth2_provider, graph, uploads, oauth2_provider.issue(SCOPE), pauses)
    assert all('IdType="ImmutableId"' in (each.header("Prefer") or "") for each in graph.requests)
    assert all("offline_access" in each.form.get("scope", "") for each in oauth2_provider.token_requests)
    secrets = [*uploads.tokens(), *(each.bearer or "-none-" for each in graph.requests)]
    told = component.log + "".join(call.emissions.summary() for call in component.calls)
    errors = "".join(str(error) for call in component.calls for error in call.emissions.errors)
    assert not [secret for secret in secrets if secret in told or secret in errors]
