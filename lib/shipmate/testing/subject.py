"""The component under test: its functions are called in this process, as a container calls them."""

import io
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shipmate import component as components
from shipmate.component.credentials import token_field
from shipmate.emulator import Server
from shipmate.invocation.inprocess import InProcessRunner
from shipmate.invocation.services import LazyOAuth2, Services, platform_of, register_secrets
from shipmate.local import fixtures, options
from shipmate.logs import log
from shipmate.logs.redaction import Redactor
from shipmate.oauth2.storage.token_store import TokenStore
from shipmate.testing.emissions import Emissions, RecordingSink
from shipmate.testing.routes import Routes


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the component, and its events."""

    name: str
    emissions: Emissions


class SavedKeys(TokenStore):
    """The keys of the account at the platform; there are none before the first `save`."""

    def __init__(self) -> None:
        """Start without keys."""
        self.fields: dict[str, Any] = {}
        self.owner: object = None
        """What distinguishes the account of the current call: keys that another one has saved are not its own."""
        self._saved: dict[str, tuple[Any, object]] = {}
        self._lock = threading.Lock()

    def check(self, account: str | None) -> None:
        """Do nothing: keys can always be saved."""

    def read(self, account: str | None) -> Mapping[str, Any] | None:
        """Return the stored credential fields of the account, None if there are none."""
        with self._lock:
            return {name: value for name, value in self.fields.items() if self._is_own(name, value)} or None

    def save(self, keys: Mapping[str, Any], account: str | None = None) -> None:
        """Merge new keys into the stored ones."""
        with self._lock:
            self.fields.update(keys)
            self._saved.update({name: (value, self.owner) for name, value in keys.items()})

    def lock(self, account: str | None) -> AbstractContextManager[None]:
        """Return a lock that excludes nobody: no other process refreshes these keys."""
        return nullcontext()

    def _is_own(self, name: str, value: Any) -> bool:
        saved, owner = self._saved.get(name, (None, None))
        return saved is not value or owner == self.owner  # others are from the test


class ComponentUnderTest:
    """One component in one test; all calls share the current keys, as the messages of a container do."""

    def __init__(self, root: Path, routes: Routes | None = None) -> None:
        """Read ``component.json``; no code of the component runs yet.

        Raises:
            DescriptorError: It is missing, is not JSON, or lacks what the runtime needs.
        """
        self.root = root
        self.descriptor = components.load(root)
        self.routes = routes or Routes()
        self.calls: list[Call] = []
        """The calls so far."""
        self._stored = SavedKeys()
        self._log = io.StringIO()
        self._servers: list[Server] = []
        self.redactor = Redactor()
        fields = self.descriptor.credentials.get("fields") or {}
        self._plain_fields = [name for name in fields if name != token_field(self.descriptor)]
        self._services = self._new_services()

    @property
    def stored_keys(self) -> dict[str, Any]:
        """The credential fields that the platform has stored; a test may set keys, as another container would."""
        return self._stored.fields

    @property
    def updated_keys(self) -> list[dict[str, Any]]:
        """The new keys of all calls so far."""
        return [keys for call in self.calls for keys in call.emissions.updated_keys]

    @property
    def log(self) -> str:
        """The log of all calls so far, one JSON object per line, as a container writes it."""
        return self._log.getvalue()

    def run(
        self,
        function: str,
        msg: Mapping[str, Any] | None = None,
        cfg: Mapping[str, Any] | None = None,
        snapshot: Any = None,
        *,
        fixture: str | None = None,
        account: Mapping[str, Any] | None = None,
        flow_variables: Mapping[str, str] | None = None,
    ) -> Emissions:
        """Run an action or a trigger on one message, and return the emitted events, errors included.

        Args:
            function: Its id in ``component.json``.
            msg: The message, ``{"body": ...}``; an empty one unless given.
            cfg: The configuration with the credentials.
            snapshot: The snapshot, ``{}`` unless given.
            fixture: Name of a fixture in ``test/fixture.json``, for the arguments that are not given.
            account: The credential fields, which lie under the configuration, as those of ``--account`` do.
            flow_variables: The variables of the flow.

        Raises:
            FunctionNotFound: ``component.json`` has no such function.
            BadInput: The fixture cannot be read.
        """
        chosen = self.descriptor.function(function)
        given = {"msg": _message(msg), "cfg": cfg, "snapshot": snapshot}
        sources = {name: options.Source(value, name) for name, value in given.items() if value is not None}
        if fixture is not None:
            of_fixture = fixtures.read_fixture(
                self.root, fixture, os.environ, without=frozenset(sources), account=account
            )
            sources = of_fixture | sources
        inputs = options.gather(sources, account=options.Source(account, "account") if account is not None else None)
        with self._recording(function, inputs.cfg) as (emissions, sink):
            self._runner(flow_variables).process(chosen, inputs.msg, inputs.cfg, inputs.snapshot, sink=sink)
        return emissions

    def call(self, function: str, name: str, cfg: Mapping[str, Any] | None = None) -> Any:
        """Return the result of ``get_meta_model`` or a select model.

        Args:
            function: Id of the function that has it.
            name: Its name.
            cfg: The configuration with the credentials.

        Raises:
            FunctionNotFound: There is no such function.
            BaseException: The exception of the function.
        """
        chosen = self.descriptor.function(function)
        with self._recording(f"{name} of {function}", cfg or {}) as (_, sink):
            return self._runner().call(chosen, name, cfg or {}, sink=sink)

    def verify(self, cfg: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the verdict of ``verify_credentials``: ``{"verified": ..., "reason": ...}``.

        Raises:
            AuthorError: ``verify_credentials.py`` does not import, or has no such function.
        """
        with self._recording("verify_credentials", cfg or {}) as (_, sink):
            return self._runner().verify(cfg or {}, sink=sink)

    def serve(self, url: str, server: Server) -> Server:
        """Lead the requests for a host to an emulated server until the end of the test, and return the server.

        Args:
            url: The beginning of their URLs: ``https://api.example.com``, optionally with a path.
            server: The server; it is started if it does not run.
        """
        self._servers.append(server)
        return self.routes.serve(url, server)

    def forget(self) -> None:
        """Forget the tokens, secrets and stored keys of the calls so far, as a new process of another account does."""
        self._services.loops.close()
        self._stored.fields = {}
        self._services = self._new_services()

    def close(self) -> None:
        """Stop the servers, and close the event loops of functions before the garbage collector finds them open."""
        for server in self._servers:
            server.stop()
        self._services.loops.close()

    def report(self) -> str:
        """Return the events of all calls, without secrets, for the report of a failed test."""
        parts = [f"{call.name}\n{_indented(call.emissions.summary())}" for call in self.calls]
        if self.routes.refused:
            hosts = ", ".join(sorted(set(self.routes.refused)))
            parts.append(
                f"not served: {hosts}. Tests have no network: serve a host with component.serve(url, server), "
                "or mark the test with @pytest.mark.network"
            )
        return "\n".join(parts)

    def _new_services(self) -> Services:
        platform = platform_of(os.environ)
        sessions = LazyOAuth2(
            self.descriptor, environ=os.environ, redactor=self.redactor, token_store=self._stored, platform=platform
        )
        return Services(redactor=self.redactor, oauth2=sessions, platform=platform)

    def _runner(self, flow_variables: Mapping[str, str] | None = None) -> InProcessRunner:
        return InProcessRunner(self.descriptor, replace(self._services, flow_variables=flow_variables or {}))

    @contextmanager
    def _recording(self, name: str, cfg: Mapping[str, Any]) -> Iterator[tuple[Emissions, RecordingSink]]:
        register_secrets(self.redactor, self.descriptor, cfg, os.environ)
        self._stored.owner = {name: cfg.get(name) for name in self._plain_fields}
        emissions = Emissions(redactor=self.redactor, root=self.root.resolve())
        self.calls.append(Call(name, emissions))
        level = log.parse_level(os.environ.get("LOG_LEVEL"))
        with log.configure(level, self.redactor, stream=self._log, as_json=True):
            yield emissions, RecordingSink(emissions, self._stored.save)


def find_root(start: Path, stop: Callable[[Path], bool] = lambda folder: False) -> Path | None:
    """Return the nearest folder with a ``component.json``, ``start`` or one above it; None if there is none.

    Args:
        start: The first folder.
        stop: Returns True for the last folder to look in.
    """
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
