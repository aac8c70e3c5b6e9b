"""Revokes the tokens of an account, and removes them from its file.

Source: RFC 7009.
"""

import time
from collections.abc import Mapping
from typing import Final

from shipmate.errors import BadInput, ClientMisconfigured, DescriptorError, TokenEndpointUnavailable
from shipmate.logs.redaction import Redactor
from shipmate.oauth2.detail import said, with_shown_detail
from shipmate.oauth2.keys import secrets_of
from shipmate.oauth2.token_request import revocation_request
from shipmate.oauth2.token_response import Misconfigured, Refused, Revoked
from shipmate.tools.login.account import AccountFile
from shipmate.tools.login.callback import origin_text
from shipmate.tools.login.config import SignInConfig

# The refresh token first: that ends the grant, and the remaining access token cannot be refreshed.
_KINDS: Final = ("refresh_token", "access_token")


def revoke_account(config: SignInConfig, account: AccountFile, *, redactor: Redactor) -> list[str]:
    """Revoke the account's tokens, remove its keys from the file, and return the kinds of the revoked tokens.

    Raises:
        DescriptorError: The revocation endpoint is not known; nothing was revoked.
        BadInput: The file has no tokens.
        ClientMisconfigured: The provider refuses the client or the request; the keys are still in the file.
        TokenEndpointUnavailable: The provider gave no usable answer; the keys are still in the file.
        KeysNotSaved: The file cannot be written.
    """
    if not config.revoke_uri:
        raise DescriptorError(
            "expected a revocation endpoint: revoke_uri at /credentials/oauth2 of component.json, or --revoke-uri; "
            "found neither, and nothing was revoked"
        )
    if not account.path.exists():
        raise BadInput(f"expected keys to revoke, found no file {account.path}")
    # Locked, so that no other process refreshes meanwhile and gets tokens that stay valid.
    with account.file.lock():
        keys = account.file.read().get(config.field)
        tokens = {kind: keys[kind] for kind in _KINDS if keys.get(kind)} if isinstance(keys, Mapping) else {}
        if not tokens:
            raise BadInput(f"expected keys to revoke, found none under {config.field!r} in {account.path}")
        redactor.add(*secrets_of(tokens), config.client.client_secret)
        revoked = [kind for kind, token in tokens.items() if _revoke(config, str(token), kind, account, redactor)]
        account.file.remove(config.field)
    return revoked


def _revoke(config: SignInConfig, token: str, kind: str, account: AccountFile, redactor: Redactor) -> bool:
    from shipmate.oauth2 import token_endpoint  # requests: 97 ms

    url = config.revoke_uri or ""
    request = revocation_request(config.client, url, token, kind=kind, wall_clock=time.time())
    answer = token_endpoint.revoke(request, tls={})
    if isinstance(answer, Revoked):
        return True
    answer = with_shown_detail(answer, redactor.redact)
    place = f"the revocation endpoint at {origin_text(url)}"
    if isinstance(answer, Misconfigured | Refused):
        if answer.code == "unsupported_token_type" and kind == "access_token":
            return False  # access tokens expire soon. Source: RFC 7009 §2.2.1
        raise ClientMisconfigured(f"{place} refuses the {kind}: {said(answer)}; the keys are still in {account.path}")
    raise TokenEndpointUnavailable(
        f"{place} gave no usable answer: {said(answer)}; the keys are still in {account.path}"
    )
