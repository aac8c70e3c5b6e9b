"""Signs in at an OAuth2 provider in a browser, and revokes tokens.

Without I/O: ``config`` reads the descriptor, ``redirect`` is the address that the browser returns to,
``authorization_request`` makes the address that it opens, ``callback`` decides what its requests mean, and ``page`` has
the pages that it shows. With I/O: ``browser`` opens an address, ``loopback`` serves the redirect address, ``account``
and ``secret`` store the tokens, and ``signin`` and ``revocation`` run the steps.

Source: RFC 6749 §4.1; RFC 7636; RFC 8252 §7.3; RFC 9207; RFC 7009.
"""

import sys
from collections.abc import Callable, Mapping

from shipmate.component import Component
from shipmate.invocation.services import register_secrets
from shipmate.logs.redaction import Redactor
from shipmate.tools.login import browser, revocation, signin
from shipmate.tools.login.account import AccountFile
from shipmate.tools.login.config import sign_in_config
from shipmate.tools.login.redirect import Redirect
from shipmate.tools.login.secret import SecretFile

__all__ = ["AccountFile", "Login", "SecretFile"]


class Login:
    """The sign-in and the revocation of one account of a component."""

    def __init__(
        self,
        component: Component,
        account: AccountFile,
        *,
        environ: Mapping[str, str],
        redactor: Redactor,
        say: Callable[[str], object],
        read_line: Callable[[], str] = lambda: "",
    ) -> None:
        """Prepare the sign-in; no browser is opened, and nothing is sent yet.

        Args:
            component: The component.
            account: Stores the tokens.
            environ: The environment.
            redactor: Learns the secrets.
            say: Shows a line to the person.
            read_line: Reads a line of the person, empty at the end of the input.
        """
        self._component = component
        self._environ = environ
        self._redactor = redactor
        self._say = say
        self._account = account
        self._read_line = read_line
        register_secrets(redactor, component, self._account.fields, environ)

    def sign_in(
        self, *, redirect_uri: str | None, port: int | None, opens_browser: bool, timeout_seconds: float
    ) -> list[str]:
        """Wait for the person to sign in, save the tokens, and return the lines to print.

        Args:
            redirect_uri: The exact redirect address.
            port: The port of the redirect address; a free one if both are None.
            opens_browser: Whether a browser may be opened.
            timeout_seconds: The time to wait for the person.

        Raises:
            ShipmateError: The sign-in failed; its class says who must act.
        """
        options = signin.SignInOptions(
            Redirect.from_options(redirect_uri, port),
            opens_browser=opens_browser and browser.is_available(self._environ, sys.platform),
            is_remote=browser.is_remote(self._environ),
            timeout_seconds=timeout_seconds,
            environ=self._environ,
            read_line=self._read_line,
        )
        config = sign_in_config(
            self._component, self._account.fields, self._environ, auth_client=self._account.auth_client
        )
        names = signin.sign_in(config, self._account, options, redactor=self._redactor, say=self._say)
        if "refresh_token" not in names:
            self._say("Warning: there is no refresh token: sign in again when the access token expires, or add a scope")
        return [
            f"Saved {', '.join(names)} under {self._account.place_of(config.field)} in {self._account.path}",
            self._account.advice(self._component.root),
        ]

    def revoke(self, revoke_uri: str | None) -> list[str]:
        """Revoke the account's tokens, remove them from the file, and return the lines to print.

        Args:
            revoke_uri: The revocation endpoint; None takes that of the descriptor.

        Raises:
            ShipmateError: The revocation failed; its class says who must act.
        """
        config = sign_in_config(self._component, self._account.fields, self._environ, revoke_uri=revoke_uri)
        kinds = revocation.revoke_account(config, self._account, redactor=self._redactor)
        return [f"Revoked {' and '.join(kinds)}, and removed {config.field} from {self._account.path}"]

    def wait_for_writes(self, timeout_seconds: float) -> None:
        """Wait until a running write to the file has ended."""
        self._account.file.wait_for_writes(timeout_seconds)
