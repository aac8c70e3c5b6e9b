"""The steps of a sign-in: listen, open the browser, wait, exchange the code, save."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from shipmate.errors import ClientMisconfigured, SignInFailed, TokenEndpointUnavailable
from shipmate.logs.log import Redactor
from shipmate.oauth2.credential import secrets_of
from shipmate.oauth2.token_request import code_request
from shipmate.oauth2.token_response import Busy, Granted, Misconfigured, Refused, TokenResponse
from shipmate.tools.login import browser, callback
from shipmate.tools.login.account import AccountFile
from shipmate.tools.login.authorization_request import AuthorizationRequest
from shipmate.tools.login.callback import Code, Denied, Expected, origin, plain
from shipmate.tools.login.config import SignInConfig
from shipmate.tools.login.loopback import Loopback
from shipmate.tools.login.redirect import Redirect

Say = Callable[[str], object]
_OF_THE_CLIENT: Final = frozenset({"invalid_client", "unauthorized_client"})
_TRIES: Final = 3
_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class SignInOptions:
    """How the person gets to the provider and back."""

    redirect: Redirect
    opens_browser: bool = True
    is_remote: bool = False
    """Whether the person sits at another machine, whose browser cannot reach this one's loopback."""
    timeout_seconds: float = 300.0


def sign_in(
    terms: SignInConfig, account: AccountFile, way: SignInOptions, *, redactor: Redactor, say: Say
) -> list[str]:
    """Have the person sign in, save the whole token answer, and return the names of its members.

    Args:
        terms: How to sign in.
        account: Where the keys are kept.
        way: How the person gets to the provider and back.
        redactor: Learns the secrets.
        say: Tells the person something, in one line.

    Raises:
        BadInput: The port is not free.
        SignInFailed: The person or the provider has denied it, or nobody came in time.
        ClientMisconfigured: The provider refuses the client.
        TokenEndpointUnavailable: The token endpoint gave no usable answer.
        KeysNotSaved: The file could not be written.
    """
    account.check()
    if warning := account.exposure():
        say(f"Warning: {warning}")
    attempt = AuthorizationRequest.new()
    redactor.add(attempt.verifier, attempt.state, terms.client.client_secret)
    with Loopback(way.redirect) as loopback:
        redirect_uri = loopback.redirect.uri
        origins = frozenset({origin(terms.auth_uri), origin(terms.client.token_url)})
        expected = Expected(loopback.redirect, attempt.state, terms.issuer, origins)
        loopback.listen(partial(callback.read, expected=expected), lambda note: say(f"Warning: {note}"))
        _show(attempt.url(terms, redirect_uri), loopback.redirect, way, say)
        code = _code(loopback.wait(way.timeout_seconds), redirect_uri, way.timeout_seconds, origin(terms.auth_uri))
        redactor.add(code.value)
        answer = exchange(terms, code.value, redirect_uri, attempt.verifier)
        redactor.add(*secrets_of(answer))
        account.save({terms.field: dict(answer)})
    return sorted(plain(name) for name in answer)


def exchange(
    terms: SignInConfig, code: str, redirect_uri: str, verifier: str, *, sleep: Callable[[float], object] = time.sleep
) -> Mapping[str, Any]:
    """Return the token answer for a code; an endpoint that is busy is asked again, since the code is not spent then.

    Raises:
        SignInFailed: The provider refuses the code.
        ClientMisconfigured: The provider refuses the client.
        TokenEndpointUnavailable: The token endpoint gave no usable answer.
    """
    from shipmate.oauth2 import token_endpoint  # requests: 97 ms

    answer: TokenResponse
    for attempt in range(_TRIES):
        request = code_request(terms.client, code, redirect_uri=redirect_uri, verifier=verifier, wall_clock=time.time())
        answer = token_endpoint.post(request, tls={})
        if not isinstance(answer, Busy):
            break
        if attempt + 1 < _TRIES:
            sleep(min(answer.retry_after_seconds or _PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS))
    if isinstance(answer, Granted):
        return answer.answer
    place = f"the token endpoint at {origin(terms.client.token_url)}"
    if isinstance(answer, Refused):
        raise SignInFailed(f"{place} refuses the code: {answer.code}")
    if isinstance(answer, Misconfigured):
        if answer.code not in _OF_THE_CLIENT:
            raise ClientMisconfigured(f"{place} refuses the request: {answer.code}")
        raise ClientMisconfigured(
            f"{place} refuses the client: {answer.code}; "
            "see client_id, client_secret and client_auth in credentials.oauth2"
        )
    raise TokenEndpointUnavailable(f"{place} gave no usable answer: {answer.reason}")


def _show(url: str, redirect: Redirect, way: SignInOptions, say: Say) -> None:
    if way.opens_browser:
        say("The browser opens this address; where it does not, open it yourself:")
    else:
        say("Open this address in a browser:")
    say(f"\n{url}\n")
    if way.is_remote and not way.opens_browser:
        say(f"The browser of another machine comes back through: ssh -L {redirect.port}:127.0.0.1:{redirect.port} ...")
    if way.opens_browser:
        browser.open_page(url, lambda: say("No browser could be opened: the address above waits."))
    say(f"Waiting at {redirect.uri}")


def _code(outcome: Code | Denied | None, redirect_uri: str, timeout_seconds: float, provider: str) -> Code:
    if isinstance(outcome, Code):
        return outcome
    if outcome is None:
        raise SignInFailed(
            f"nobody came back from {provider} within {timeout_seconds:g} s: "
            f"waited at {redirect_uri}, which the provider must know"
        )
    raise SignInFailed(f"no sign-in at {provider}: {outcome.reason}")
