"""What every way to run a component provides to its functions, made from the descriptor and the environment."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shipmate.component import Component
from shipmate.component.credentials import token_field, view_classes
from shipmate.invocation.loops import Loops
from shipmate.logs.log import Redactor
from shipmate.oauth2.credential import TokenStore, secrets_of

if TYPE_CHECKING:
    from shipmate.oauth2.services import OAuth2Services
    from shipmate.platform.client import PlatformClient


class LazyOAuth2:
    """What the OAuth2 sessions of the process share; made when the first one is opened, as many steps never do."""

    def __init__(
        self,
        component: Component,
        *,
        environ: Mapping[str, str],
        redactor: Redactor,
        stored: TokenStore,
        platform: "Callable[[], PlatformClient]",
    ) -> None:
        """Note what they need.

        Args:
            component: The component, whose descriptor has the defaults.
            environ: The environment.
            redactor: Learns the secrets.
            stored: Where the keys of accounts are kept.
            platform: Returns the client of the platform's API.
        """
        self._component = component
        self._environ = environ
        self._redactor = redactor
        self._stored = stored
        self._platform = platform
        self._lock = threading.Lock()
        self._made: OAuth2Services | None = None
        self._is_draining = False

    def __call__(self) -> "OAuth2Services":
        """Return it."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
                if self._is_draining:
                    self._made.store.drain(0)
            return self._made

    def drain(self, timeout_seconds: float) -> None:
        """Let no refresh start any more, and wait for those under way."""
        with self._lock:
            self._is_draining = True
            made = self._made
        if made is not None:
            made.store.drain(timeout_seconds)

    def _make(self) -> "OAuth2Services":
        from shipmate.oauth2.accounts import CredentialStore
        from shipmate.oauth2.services import OAuth2Services  # 5 ms

        return OAuth2Services(
            store=CredentialStore(),
            stored=self._stored,
            defaults=self._component.oauth2 or {},
            credential_fields=frozenset(self._component.credentials.get("fields") or {}),
            default_field=token_field(self._component),
            environ=self._environ,
            redactor=self._redactor,
            secrets=self._platform,
        )


def register_secrets(
    redactor: Redactor, component: Component, cfg: Mapping[str, Any], environ: Mapping[str, str]
) -> None:
    """Tell the redactor every secret that the configuration and the environment are known to hold."""
    redactor.add_environment(environ)
    redactor.add_mapping(cfg)
    redactor.add(*_secret_fields(component, cfg))


def _secret_fields(component: Component, cfg: Mapping[str, Any]) -> Iterator[str]:
    classes = view_classes(component)
    for name, value in cfg.items():
        if classes.get(name) == "PasswordFieldView" and isinstance(value, str):
            yield value
        elif (name == "oauth" or classes.get(name) == "OAuthFieldView") and isinstance(value, Mapping):
            yield from secrets_of(value)


def platform_of(environ: Mapping[str, str]) -> Callable[[], "PlatformClient"]:
    """Return what makes the client of the platform's API when it is first needed."""
    lock = threading.Lock()
    made: list[PlatformClient] = []

    def client() -> "PlatformClient":
        with lock:
            if not made:
                from shipmate.platform.client import PlatformClient  # 100 ms with requests
                from shipmate.settings import ApiSettings

                made.append(PlatformClient(ApiSettings.from_environ(environ)))
            return made[0]

    return client


@dataclass(frozen=True, slots=True)
class Services:
    """What a run mode provides to every call of the process."""

    redactor: Redactor = field(repr=False)
    oauth2: "Callable[[], OAuth2Services]" = field(repr=False)
    """Returns what sessions need; made when the first one is opened."""
    platform: "Callable[[], PlatformClient]" = field(repr=False)
    """Returns the client of the platform's API; raises `MissingSetting` where there is none."""
    flow_variables: Mapping[str, str] = field(default_factory=dict)
    loops: Loops = field(default_factory=Loops, repr=False)
