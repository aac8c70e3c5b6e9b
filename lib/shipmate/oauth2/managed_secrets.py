"""Refreshes managed secrets: credentials that the platform stores and refreshes."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from shipmate import observation
from shipmate.errors import CredentialsInvalid, PlatformRefused, PlatformUnavailable
from shipmate.oauth2 import refresh_flow
from shipmate.oauth2.accounts import Account
from shipmate.oauth2.credential import Credential
from shipmate.oauth2.keys import is_sendable
from shipmate.oauth2.services import OAuth2Services
from shipmate.oauth2.token_response import Refused, Unusable
from shipmate.platform.secret import KINDS, Secret


class ManagedRefresher:
    """Keeps the credentials of a secret as new as the platform has them; never emits ``updateKeys``.

    Secrets of all types are read again after a 401; the platform can refresh those of type oauth2.

    Source: contract §12.
    """

    def __init__(self, secret_id: str, account: Account, services: OAuth2Services) -> None:
        """Name the secret; nothing is sent yet."""
        self.account = account
        self.tls: Mapping[str, Any] = {}
        self._secret_id = secret_id
        self._services = services
        self._rules = refresh_flow.RefreshRules(
            account=f"secret {secret_id}", provider="the platform", needs_refresh_token=False
        )

    def refresh(self, credential: Credential) -> None:
        """Read the secret; ask the platform for a refresh if it is unchanged."""
        with observation.current.refresh() as observed:
            do = partial(self._do, observed)
            refresh_flow.drive(refresh_flow.refresh_managed(credential, self.account.seen_tokens, self._rules), do)

    def save(self, credential: Credential) -> None:
        """Do nothing: the platform has saved what it refreshed."""

    def recover(self, credential: Credential) -> None:
        """Look for a new sign-in after a refusal."""
        do = partial(self._do, observation.UNOBSERVED_REFRESH)
        refresh_flow.drive(refresh_flow.recover_managed(credential, self._rules), do)

    def _do(self, observed: observation.Refresh, step: refresh_flow.FlowStep) -> Any:
        if isinstance(step, refresh_flow.Keep):
            if step.is_adoption:
                observation.current.keys_adopted()
                observed.adopted()
            return self._services.keep(self.account, step.credential)
        if isinstance(step, refresh_flow.ReadStored):
            return self._stored(self._services.secrets().secret(self._secret_id))
        answer = self._refresh()
        granted = isinstance(answer, refresh_flow.StoredTokens)
        observed.answered("granted" if granted else type(answer).__name__.lower())
        return answer

    def _refresh(self) -> refresh_flow.StoredTokens | Refused | Unusable:
        try:
            stored = self._stored(self._services.secrets().refresh_secret(self._secret_id))
        except PlatformRefused as error:
            return Refused(str(error))
        except PlatformUnavailable as error:
            return Unusable(str(error))
        if not is_sendable(stored.keys.get("access_token")):
            return Unusable("a secret without an access_token that a header can carry")
        return stored

    def _stored(self, attributes: Mapping[str, Any]) -> refresh_flow.StoredTokens:
        redactor = self._services.redactor
        redactor.add_mapping(attributes)
        secret = Secret.from_attributes(self._secret_id, attributes, redact=redactor.redact)
        if secret.kind not in KINDS:
            raise CredentialsInvalid(f"{secret.name}: expected one of {', '.join(KINDS)}, found {secret.kind!r}")
        return refresh_flow.StoredTokens(secret.keys, self._services.expiry_of(secret.keys), secret)
