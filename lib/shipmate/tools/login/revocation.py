"""Revoking the keys of an account, and taking them out of its file.

Source: RFC 7009.
"""

import time
from collections.abc import Mapping
from typing import Final

from shipmate.errors import BadInput, ClientMisconfigured, DescriptorError, TokenEndpointUnavailable
from shipmate.logs.log import Redactor
from shipmate.oauth2.credential import secrets_of
from shipmate.oauth2.token_request import revocation_request
from shipmate.oauth2.token_response import Misconfigured, Refused, Revoked
from shipmate.tools.login.account import AccountFile
from shipmate.tools.login.callback import origin
from shipmate.tools.login.config import SignInConfig

# The refresh token first: with it goes the grant, and an access token that is left over cannot be renewed.
_KINDS: Final = ("refresh_token", "access_token")


def revoke(terms: SignInConfig, account: AccountFile, *, redactor: Redactor) -> list[str]:
    """Revoke the account's tokens, remove its keys from the file, and return the kinds of what was revoked.

    Raises:
        DescriptorError: The provider names no address for it; nothing was done.
        BadInput: There are no tokens.
        ClientMisconfigured: The provider refuses the client or the request; the keys are still in the file.
        TokenEndpointUnavailable: The provider gave no usable answer; the keys are still in the file.
        KeysNotSaved: The file could not be written.
    """
    if not terms.revoke_uri:
        raise DescriptorError(
            "the provider names no revocation address: expected revoke_uri at /credentials/oauth2 of component.json, "
            "or --revoke-uri, found neither; nothing was revoked"
        )
    if not account.path.exists():
        raise BadInput(f"expected keys to revoke, found no file {account.path}")
    # Locked, so that nobody refreshes meanwhile and gets keys that nobody revokes.
    with account.file.lock():
        keys = account.file.read().get(terms.field)
        tokens = {kind: keys[kind] for kind in _KINDS if keys.get(kind)} if isinstance(keys, Mapping) else {}
        if not tokens:
            raise BadInput(f"expected keys to revoke, found none under {terms.field!r} in {account.path}")
        redactor.add(*secrets_of(tokens), terms.client.client_secret)
        revoked = [
            kind for kind, token in tokens.items() if _revoke(terms, terms.revoke_uri, str(token), kind, account)
        ]
        account.file.remove(terms.field)
    return revoked


def _revoke(terms: SignInConfig, url: str, token: str, kind: str, account: AccountFile) -> bool:
    from shipmate.oauth2 import token_endpoint  # requests: 97 ms

    request = revocation_request(terms.client, url, token, kind=kind, wall_clock=time.time())
    answer = token_endpoint.revoke(request, tls={})
    if isinstance(answer, Revoked):
        return True
    place = f"the revocation endpoint at {origin(url)}"
    if isinstance(answer, Misconfigured | Refused):
        if answer.code == "unsupported_token_type" and kind == "access_token":
            return False  # it ends by itself, soon. Source: RFC 7009 §2.2.1
        raise ClientMisconfigured(f"{place} refuses the {kind}: {answer.code}; the keys are still in {account.path}")
    raise TokenEndpointUnavailable(
        f"{place} gave no usable answer: {answer.reason}; the keys are still in {account.path}"
    )
