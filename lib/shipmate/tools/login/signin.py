"""Runs the steps of a sign-in: listen, open the browser, wait, exchange the code, save the tokens."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from shipmate.errors import ClientMisconfigured, SignInFailed, TokenEndpointUnavailable
from shipmate.logs.redaction import Redactor
from shipmate.oauth2.answer_body import members_at
from shipmate.oauth2.detail import said, with_shown_detail
from shipmate.oauth2.expiry import dated
from shipmate.oauth2.keys import secrets_of
from shipmate.oauth2.token_request import code_request
from shipmate.oauth2.token_response import Busy, Granted, Misconfigured, Refused, TokenResponse
from shipmate.tools.login import browser, callback
from shipmate.tools.login.account import AccountFile
from shipmate.tools.login.authorization_request import AuthorizationRequest
from shipmate.tools.login.callback import CallbackRequest, Code, Denied, Expected, origin_text, printable
from shipmate.tools.login.config import SignInConfig
from shipmate.tools.login.loopback import Loopback
from shipmate.tools.login.redirect import Redirect

Say = Callable[[str], object]
_CLIENT_ERRORS: Final = frozenset({"invalid_client", "unauthorized_client"})
_TRIES: Final = 3
_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class SignInOptions:
    """The way of the browser to the provider and back."""

    redirect: Redirect
    opens_browser: bool = True
    is_remote: bool = False
    """True if the person's browser runs on another machine and cannot reach the loopback address of this one."""
    timeout_seconds: float = 300.0
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The environment, which names the browser."""
    read_line: Callable[[], str] = lambda: ""
    """Reads a line of the person; empty at the end of the input."""


def sign_in(
    config: SignInConfig, account: AccountFile, options: SignInOptions, *, redactor: Redactor, say: Say
) -> list[str]:
    """Wait for the person to sign in, save the whole token response, and return the names of its members.

    Args:
        config: The settings of the descriptor.
        account: Stores the tokens.
        options: The way of the browser to the provider and back.
        redactor: Learns the secrets.
        say: Shows a line to the person.

    Raises:
        BadInput: The port is not free.
        SignInFailed: The person or the provider has refused, or the time is over.
        ClientMisconfigured: The provider refuses the client.
        TokenEndpointUnavailable: The token endpoint gave no usable answer.
        KeysNotSaved: The file cannot be written.
    """
    account.check()
    if warning := account.exposure():
        say(f"Warning: {warning}")
    request = AuthorizationRequest.new()
    redactor.add(request.verifier, request.state, config.client.client_secret)
    if not options.redirect.is_local:
        expected = _expected(config, options.redirect, request)
        _show(request.url(config, options.redirect.uri), options.redirect, options, say)
        code = _code(_pasted(expected, options, say), options.redirect.uri, options.timeout_seconds, config)
        return _finish(config, account, code, options.redirect.uri, request, redactor)
    with Loopback(options.redirect) as loopback:
        redirect_uri = loopback.redirect.uri
        expected = _expected(config, loopback.redirect, request)
        loopback.listen(partial(callback.read_callback, expected=expected), lambda text: say(f"Warning: {text}"))
        _show(request.url(config, redirect_uri), loopback.redirect, options, say)
        code = _code(loopback.wait(options.timeout_seconds), redirect_uri, options.timeout_seconds, config)
        return _finish(config, account, code, redirect_uri, request, redactor)


def _expected(config: SignInConfig, redirect: Redirect, request: AuthorizationRequest) -> Expected:
    origins = frozenset({origin_text(config.auth_uri), origin_text(config.client.token_url)})
    return Expected(redirect, request.state, config.issuer, origins)


def _finish(
    config: SignInConfig,
    account: AccountFile,
    code: Code,
    redirect_uri: str,
    request: AuthorizationRequest,
    redactor: Redactor,
) -> list[str]:
    """Exchange the code, save the answer, and return the names of its members."""
    redactor.add(code.value)
    verifier = request.verifier if config.uses_pkce else None
    answer = exchange(config, code.value, redirect_uri, verifier, redactor=redactor)
    keys = {**code.members, **answer}
    redactor.add(*secrets_of(keys))
    account.save({config.field: keys})
    return sorted(printable(name) for name in keys)


def _pasted(expected: Expected, options: SignInOptions, say: Say) -> Code | Denied:
    """Return the meaning of the address that the person pastes.

    Raises:
        SignInFailed: Nothing was pasted.
    """
    while True:
        say("Paste the address that the browser ends at:")
        line = options.read_line()
        if not line:
            raise SignInFailed("expected the address that the browser ended at on standard input, found nothing")
        try:
            parts = urlsplit(line.strip())
        except ValueError:
            parts = urlsplit("")
        target = f"{parts.path or '/'}?{parts.query}"
        result = callback.read_callback(CallbackRequest("GET", target, parts.netloc), expected)
        if result.outcome is not None:
            return result.outcome
        say(f"Warning: {result.warning or f'expected an address that begins with {expected.redirect.uri}'}")


def exchange(
    config: SignInConfig,
    code: str,
    redirect_uri: str,
    verifier: str | None,
    *,
    redactor: Redactor,
    sleep: Callable[[float], object] = time.sleep,
) -> Mapping[str, Any]:
    """Return the token response for a code; retry a busy endpoint, which has not used the code.

    Raises:
        SignInFailed: The provider refuses the code.
        ClientMisconfigured: The provider refuses the client.
        TokenEndpointUnavailable: The token endpoint gave no usable answer.
    """
    from shipmate.oauth2 import token_endpoint  # requests: 97 ms

    answer: TokenResponse
    for attempt in range(_TRIES):
        asked_at = time.time()
        request = code_request(config.client, code, redirect_uri=redirect_uri, verifier=verifier, wall_clock=asked_at)
        answer = token_endpoint.post(request, tls={}, parse=partial(members_at, config.token_pointer))
        if not isinstance(answer, Busy):
            break
        if attempt + 1 < _TRIES:
            sleep(min(answer.retry_after_seconds or _PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS))
    if isinstance(answer, Granted):
        return dated(answer.answer, wall_clock=asked_at)
    answer = with_shown_detail(answer, redactor.redact)
    place = f"the token endpoint at {origin_text(config.client.token_url)}"
    if isinstance(answer, Refused):
        raise SignInFailed(f"{place} refuses the code: {said(answer)}")
    if isinstance(answer, Misconfigured):
        if answer.code not in _CLIENT_ERRORS:
            raise ClientMisconfigured(f"{place} refuses the request: {said(answer)}")
        raise ClientMisconfigured(
            f"{place} refuses the client: {said(answer)}; "
            f"check {config.client.id_source}, {config.client.secret_source} and client_auth in credentials.oauth2"
        )
    raise TokenEndpointUnavailable(f"{place} gave no usable answer: {said(answer)}")


def _show(url: str, redirect: Redirect, options: SignInOptions, say: Say) -> None:
    if options.opens_browser:
        say("The browser opens this address. If it does not, open it yourself:")
    else:
        say("Open this address in a browser:")
    say(f"\n{url}\n")
    if options.is_remote and not options.opens_browser and redirect.is_local:
        say(f"For a browser on another machine, forward the port: ssh -L {redirect.port}:127.0.0.1:{redirect.port} ...")
    if options.opens_browser:
        browser.open_page(url, options.environ, lambda: say("Cannot open a browser: open the address above yourself."))
    if redirect.is_local:
        say(f"Waiting at {redirect.uri}")


def _code(outcome: Code | Denied | None, redirect_uri: str, timeout_seconds: float, config: SignInConfig) -> Code:
    provider = origin_text(config.auth_uri)
    if isinstance(outcome, Code):
        return outcome
    if outcome is None:
        raise SignInFailed(
            f"no answer from {provider} within {timeout_seconds:g} s: "
            f"waited at {redirect_uri}, which the provider must know"
        )
    raise SignInFailed(f"sign-in failed at {provider}: {outcome.reason}")
