"""Refreshes managed secrets: credentials that the platform stores and refreshes."""

from collections.abc import Mapping
from typing import Any

from shipmate.errors import CredentialsInvalid, PlatformRefused, PlatformUnavailable
from shipmate.oauth2 import refresh_flow
from shipmate.oauth2.accounts import Account
from shipmate.oauth2.credential import Credential
from shipmate.oauth2.expiry import Expiry
from shipmate.oauth2.keys import is_sendable
from shipmate.oauth2.services import OAuth2Services
from shipmate.oauth2.token_response import Granted, Refused, TokenResponse, Unusable


class ManagedRefresher:
    """Keeps the token of a secret that the platform refreshes; never emits ``updateKeys``.

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
        refresh_flow.drive(refresh_flow.refresh_managed(credential, self.account.seen_tokens, self._rules), self._do)

    def save(self, credential: Credential) -> None:
        """Do nothing: the platform has saved what it refreshed."""

    def recover(self, credential: Credential) -> None:
        """Look for a new sign-in after a refusal."""
        refresh_flow.drive(refresh_flow.recover(credential, self.account.seen_tokens, self._rules), self._do)

    def _do(self, step: refresh_flow.FlowStep) -> Any:
        if isinstance(step, refresh_flow.Keep):
            return self._services.keep(self.account, step.credential)
        if isinstance(step, refresh_flow.ReadStored):
            keys = self._keys(self._services.secrets().secret(self._secret_id))
            return refresh_flow.StoredTokens(keys, self._services.expiry_of(keys))
        return self._refresh()

    def _refresh(self) -> tuple[TokenResponse, Expiry | None]:
        try:
            keys = self._keys(self._services.secrets().refresh_secret(self._secret_id))
        except PlatformRefused as error:
            return Refused(str(error)), None
        except PlatformUnavailable as error:
            return Unusable(str(error)), None
        if not is_sendable(keys.get("access_token")):
            return Unusable("a secret without an access_token that a header can carry"), None
        return Granted(keys), self._services.expiry_of(keys)

    def _keys(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        self._services.redactor.add_mapping(attributes)
        credentials = attributes.get("credentials")
        if attributes.get("type", "oauth2") != "oauth2" or not isinstance(credentials, Mapping):
            raise CredentialsInvalid(
                f"secret {self._secret_id}: expected a secret of type oauth2, found {attributes.get('type')!r}"
            )
        undefined = credentials.get("undefined_params")
        # Members that the platform does not know stand apart; URL templates use them like the others.
        return {**(undefined if isinstance(undefined, Mapping) else {}), **credentials}
