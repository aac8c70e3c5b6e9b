"""The services of a run mode for its calls, built from the descriptor and the environment."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shipmate.component import Component
from shipmate.component.credentials import auth_client_types, token_field, view_classes
from shipmate.invocation.loops import Loops
from shipmate.logs.log import Redactor
from shipmate.oauth2.keys import secrets_of

if TYPE_CHECKING:
    from shipmate.oauth2.services import OAuth2Services
    from shipmate.oauth2.storage.token_store import TokenStore
    from shipmate.platform.client import PlatformClient
    from shipmate.session.plan import SessionServices


class LazyOAuth2:
    """The services that the OAuth2 sessions of the process share, built for the first session: many steps open none."""

    def __init__(
        self,
        component: Component,
        *,
        environ: Mapping[str, str],
        redactor: Redactor,
        token_store: "TokenStore",
        platform: "Callable[[], PlatformClient]",
        awaits_winner: bool = True,
    ) -> None:
        """Store the parts of the services.

        Args:
            component: The component; its descriptor has the default options.
            environ: The environment.
            redactor: Hides the secrets.
            token_store: Keeps the keys of accounts.
            platform: Returns the client of the platform's API.
            awaits_winner: Whether processes that the token store's lock does not keep out may refresh the same
                accounts, so that a refused refresh token may have been spent by one of them.
        """
        self._awaits_winner = awaits_winner
        self._component = component
        self._environ = environ
        self._redactor = redactor
        self._token_store = token_store
        self._platform = platform
        self._lock = threading.Lock()
        self._services: OAuth2Services | None = None
        self._sessions: SessionServices | None = None
        self._stopping = threading.Event()
        self._is_draining = False

    def get(self) -> "OAuth2Services":
        """Return the services, the same ones each time."""
        with self._lock:
            if self._services is None:
                self._services = self._build()
                if self._is_draining:
                    self._services.credential_store.drain(0)
            return self._services

    def sessions(self) -> "SessionServices":
        """Return the services for sessions of every kind, the same ones each time."""
        if self._sessions is None:
            from shipmate.session.plan import SessionServices

            services = self.get()
            with self._lock:
                if self._sessions is None:
                    self._sessions = SessionServices(
                        services,
                        view_classes(self._component),
                        auth_client_types(self._component),
                        stopping=self._stopping,
                    )
        return self._sessions

    def hurry(self) -> None:
        """End the pauses between attempts of requests: the process is stopping."""
        self._stopping.set()

    def drain(self, timeout_seconds: float) -> None:
        """Refuse new refreshes and wait for those under way."""
        self.hurry()
        with self._lock:
            self._is_draining = True
            services = self._services
        if services is not None:
            services.credential_store.drain(timeout_seconds)

    def _build(self) -> "OAuth2Services":
        from shipmate.oauth2.accounts import CredentialStore
        from shipmate.oauth2.services import OAuth2Services  # 5 ms
        from shipmate.settings import ResponseLimits

        return OAuth2Services(
            credential_store=CredentialStore(is_unlocked=self._token_store.is_unlocked),
            token_store=self._token_store,
            defaults=self._component.oauth2 or {},
            credential_fields=frozenset(self._component.credentials.get("fields") or {}),
            default_field=token_field(self._component),
            environ=self._environ,
            redactor=self._redactor,
            secrets=self._platform,
            limits=ResponseLimits.from_environ(self._environ),
            awaits_winner=self._awaits_winner,
        )


def register_secrets(
    redactor: Redactor, component: Component, cfg: Mapping[str, Any], environ: Mapping[str, str]
) -> None:
    """Make the redactor hide every known secret of the configuration and of the environment."""
    redactor.add_environment(environ)
    redactor.add_mapping(cfg)
    redactor.add(*_secret_fields(component, cfg))


def _secret_fields(component: Component, cfg: Mapping[str, Any]) -> Iterator[str]:
    classes = view_classes(component)
    for name, value in cfg.items():
        if classes.get(name) == "PasswordFieldView":
            yield from secrets_of({"password": value})


def platform_of(environ: Mapping[str, str]) -> Callable[[], "PlatformClient"]:
    """Return a function that returns the client of the platform's API; the first call creates the client."""
    lock = threading.Lock()
    clients: list[PlatformClient] = []

    def client() -> "PlatformClient":
        with lock:
            if not clients:
                from shipmate.platform.client import PlatformClient  # 100 ms with requests
                from shipmate.settings import ApiSettings

                clients.append(PlatformClient(ApiSettings.incomplete(environ)))
            return clients[0]

    return client


@dataclass(frozen=True, slots=True)
class Services:
    """The services that a run mode provides to every call of the process."""

    redactor: Redactor = field(repr=False)
    oauth2: LazyOAuth2 = field(repr=False)
    platform: "Callable[[], PlatformClient]" = field(repr=False)
    """Returns the client of the platform's API; a call of it names the variables that it lacks."""
    flow_variables: Mapping[str, str] = field(default_factory=dict)
    loops: Loops = field(default_factory=Loops, repr=False)

    def __post_init__(self) -> None:
        """Hide the secrets among the flow's variables."""
        self.redactor.add_mapping(self.flow_variables)
