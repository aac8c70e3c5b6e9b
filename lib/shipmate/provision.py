"""What every way to run a component provides to its functions, made from the descriptor and the environment."""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from shipmate.component import Component
from shipmate.executor import Services
from shipmate.log import Redactor
from shipmate.oauth2 import CredentialStore, OAuth2Services
from shipmate.tokens import StoredKeys, secrets_of

if TYPE_CHECKING:
    from shipmate.platform import PlatformClient


def services_for(
    component: Component,
    *,
    environ: Mapping[str, str],
    redactor: Redactor,
    store: CredentialStore,
    stored: StoredKeys,
    platform: "Callable[[], PlatformClient]",
    flow_variables: Mapping[str, str],
) -> Services:
    """Return what calls of the component's functions need.

    Args:
        component: The component.
        environ: The environment.
        redactor: Learns the secrets.
        store: The live credentials of the process.
        stored: Where the keys of accounts are kept.
        platform: Returns the client of the platform's API.
        flow_variables: What ``context.flow_variables`` has.
    """
    return Services(
        redactor=redactor,
        oauth2=OAuth2Services(
            store=store,
            stored=stored,
            defaults=component.oauth2 or {},
            credential_fields=frozenset(component.credentials.get("fields") or {}),
            default_field=_token_field(component),
            environ=environ,
            redactor=redactor,
            secrets=platform,
        ),
        platform=platform,
        flow_variables=flow_variables,
    )


def register_secrets(
    redactor: Redactor, component: Component, cfg: Mapping[str, Any], environ: Mapping[str, str]
) -> None:
    """Tell the redactor every secret that the configuration and the environment are known to hold."""
    redactor.add_environment(environ)
    redactor.add_mapping(cfg)
    redactor.add(*_secret_fields(component, cfg))


def _secret_fields(component: Component, cfg: Mapping[str, Any]) -> Iterator[str]:
    classes = _view_classes(component)
    for name, value in cfg.items():
        if classes.get(name) == "PasswordFieldView" and isinstance(value, str):
            yield value
        elif (name == "oauth" or classes.get(name) == "OAuthFieldView") and isinstance(value, Mapping):
            yield from secrets_of(value)


def _token_field(component: Component) -> str:
    """Return the credential field that holds the keys: the first of its kind, ``oauth`` by custom."""
    return next((name for name, kind in _view_classes(component).items() if kind == "OAuthFieldView"), "oauth")


def _view_classes(component: Component) -> dict[str, Any]:
    fields = component.credentials.get("fields") or {}
    return {name: field.get("viewClass") for name, field in fields.items() if isinstance(field, Mapping)}


def platform_of(environ: Mapping[str, str]) -> Callable[[], "PlatformClient"]:
    """Return what makes the client of the platform's API when it is first needed."""
    lock = threading.Lock()
    made: list[PlatformClient] = []

    def client() -> "PlatformClient":
        with lock:
            if not made:
                from shipmate.platform import PlatformClient  # 100 ms with requests
                from shipmate.settings import ApiSettings

                made.append(PlatformClient(ApiSettings.from_environ(environ)))
            return made[0]

    return client
