"""The component under test: its functions are called in this process as a container would call them."""

import io
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shipmate import component as components
from shipmate.emulator import Server
from shipmate.invocation.inprocess import InProcessRunner
from shipmate.invocation.services import LazyOAuth2, Services, platform_of, register_secrets
from shipmate.local import fixtures, options
from shipmate.logs import log
from shipmate.logs.redaction import Redactor
from shipmate.testing.emissions import Emissions, RecordingSink
from shipmate.testing.routes import Route, Routes


@dataclass(frozen=True, slots=True)
class Done:
    """A call that is over."""

    what: str
    emissions: Emissions


class SavedKeys:
    """What the platform has stored for the account: nothing to read before something was saved."""

    def __init__(self) -> None:
        """Begin empty."""
        self.fields: dict[str, Any] = {}
        self._lock = threading.Lock()

    def check(self, account: str | None) -> None:
        """Do nothing: they can be saved."""

    def read(self, account: str | None) -> Mapping[str, Any] | None:
        """Return the credential fields as they are stored now."""
        with self._lock:
            return dict(self.fields) or None

    def save(self, keys: Mapping[str, Any], account: str | None = None) -> None:
        """Put new keys over the stored ones."""
        with self._lock:
            self.fields.update(keys)

    def lock(self, account: str | None) -> AbstractContextManager[None]:
        """Exclude nobody: there is no other process."""
        return nullcontext()


class ComponentUnderTest:
    """One component in one test; all calls of it share the live keys, as the messages of one container do."""

    def __init__(self, root: Path, routes: Routes | None = None) -> None:
        """Read ``component.json``; no code of the component runs yet.

        Raises:
            DescriptorError: It is missing, is not JSON, or lacks what the runtime needs.
        """
        self.root = root
        self.descriptor = components.load(root)
        self.routes = routes or Routes()
        self.done: list[Done] = []
        """The calls so far."""
        self._stored = SavedKeys()
        self._log = io.StringIO()
        self._servers: list[Server] = []
        self.redactor = Redactor()
        platform = platform_of(os.environ)
        self._sessions = LazyOAuth2(
            self.descriptor, environ=os.environ, redactor=self.redactor, token_store=self._stored, platform=platform
        )
        self._services = Services(redactor=self.redactor, oauth2=self._sessions, platform=platform)

    @property
    def stored_keys(self) -> dict[str, Any]:
        """The credential fields that the platform has stored; put keys in, and another container has saved them."""
        return self._stored.fields

    @property
    def updated_keys(self) -> list[dict[str, Any]]:
        """The new keys of all calls so far."""
        return [keys for done in self.done for keys in done.emissions.updated_keys]

    @property
    def log(self) -> str:
        """What the calls so far have logged, a JSON object per line, as a container writes it."""
        return self._log.getvalue()

    def run(
        self,
        function: str,
        msg: Mapping[str, Any] | None = None,
        cfg: Mapping[str, Any] | None = None,
        snapshot: Any = None,
        *,
        fixture: str | None = None,
        flow_variables: Mapping[str, str] | None = None,
    ) -> Emissions:
        """Run an action or a trigger on one message and return what it has emitted; errors are among that.

        Args:
            function: Its id in ``component.json``.
            msg: The message, ``{"body": ...}``; an empty one unless given.
            cfg: The configuration with the credentials.
            snapshot: The snapshot, ``{}`` unless given.
            fixture: What is not given comes from this fixture in ``test/fixture.json``.
            flow_variables: The variables of the flow.

        Raises:
            FunctionNotFound: ``component.json`` has no such function.
            BadInput: The fixture cannot be read.
        """
        chosen = self.descriptor.function(function)
        given = {"msg": _message(msg), "cfg": cfg, "snapshot": snapshot}
        sources = {name: options.Source(value, name) for name, value in given.items() if value is not None}
        if fixture is not None:
            fixed = fixtures.read_fixture(self.root, fixture, os.environ, without=frozenset(sources))
            sources = fixed | sources
        read = options.gather(sources)
        with self._recording(function, read.cfg) as (emissions, sink):
            self._direct(flow_variables).process(chosen, read.msg, read.cfg, read.snapshot, sink=sink)
        return emissions

    def call(self, function: str, name: str, cfg: Mapping[str, Any] | None = None) -> Any:
        """Return what ``get_meta_model`` or a select model of a function answers.

        Raises:
            FunctionNotFound: There is no such function.
            BaseException: What it raises.
        """
        chosen = self.descriptor.function(function)
        with self._recording(f"{name} of {function}", cfg or {}) as (_, sink):
            return self._direct().call(chosen, name, cfg or {}, sink=sink)

    def verify(self, cfg: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the verdict of ``verify_credentials``: ``{"verified": ..., "reason": ...}``.

        Raises:
            AuthorError: ``verify_credentials.py`` does not import, or has no such function.
        """
        with self._recording("verify_credentials", cfg or {}) as (_, sink):
            return self._direct().verify(cfg or {}, sink=sink)

    def serve(self, url: str, server: Server) -> Server:
        """Have an emulated server answer for a host, until the end of the test; return the server.

        Args:
            url: ``https://api.example.com``, or one with a path that the requests begin with.
            server: The server; it is started if it does not run.
        """
        server.start()
        self._servers.append(server)
        self.routes.own.add(urlsplit(server.url).netloc)
        self.routes.add(Route(url, server.url))
        return server

    def close(self) -> None:
        """Stop the servers, and close the event loops of functions: their collection may come while another runs."""
        for server in self._servers:
            server.stop()
        self._services.loops.close()

    def report(self) -> str:
        """Return what the calls did, for the report of a failed test, without secrets."""
        parts = [f"{done.what}\n{_indented(done.emissions.summary())}" for done in self.done]
        if self.routes.refused:
            hosts = ", ".join(sorted(set(self.routes.refused)))
            parts.append(
                f"not served: {hosts}. Tests have no network: serve a host with component.serve(url, server), "
                "or mark the test with @pytest.mark.network"
            )
        return "\n".join(parts)

    def _direct(self, flow_variables: Mapping[str, str] | None = None) -> InProcessRunner:
        return InProcessRunner(self.descriptor, replace(self._services, flow_variables=flow_variables or {}))

    @contextmanager
    def _recording(self, what: str, cfg: Mapping[str, Any]) -> Iterator[tuple[Emissions, RecordingSink]]:
        register_secrets(self.redactor, self.descriptor, cfg, os.environ)
        emissions = Emissions(redactor=self.redactor, root=self.root.resolve())
        self.done.append(Done(what, emissions))
        level = log.parse_level(os.environ.get("LOG_LEVEL"))
        with log.configure(level, self.redactor, stream=self._log, as_json=True):
            yield emissions, RecordingSink(emissions, self._stored.save)


def find_root(start: Path, stop: Callable[[Path], bool] = lambda folder: False) -> Path | None:
    """Return the nearest folder at or above ``start`` that has a ``component.json``, None if there is none."""
    for folder in (start, *start.parents):
        if (folder / components.DESCRIPTOR).is_file():
            return folder
        if stop(folder):
            break
    return None


def _message(msg: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if msg is None:
        return None
    if not isinstance(msg, Mapping) or ("body" not in msg and msg):
        raise TypeError(f'expected a message as {{"body": ...}}, found {type(msg).__name__} without body')
    return msg


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
