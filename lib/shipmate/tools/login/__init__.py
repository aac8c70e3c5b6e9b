"""Signing in at a provider in the person's browser, and revoking what came of it.

``terms`` says what the descriptor asks for, ``redirect`` where the browser comes back to, ``attempt`` makes the address
that it opens, and ``callback`` decides what it brings: all of them without I/O. ``loopback`` listens with the pages of
``page``, ``browser`` opens, ``account`` keeps the keys, and ``signin`` and ``revocation`` go through the steps.

Source: RFC 6749 §4.1; RFC 7636; RFC 8252 §7.3; RFC 9207; RFC 7009.
"""

import sys
from collections.abc import Callable, Mapping
from typing import BinaryIO

from shipmate.component import Component
from shipmate.invocation.services import register_secrets
from shipmate.logs.log import Redactor
from shipmate.tools.login import browser, revocation, signin
from shipmate.tools.login.account import AccountFile
from shipmate.tools.login.config import terms_of
from shipmate.tools.login.redirect import Redirect

__all__ = ["Login"]


class Login:
    """A component whose account signs in, or is revoked."""

    def __init__(
        self,
        component: Component,
        cfg: str | None,
        *,
        environ: Mapping[str, str],
        redactor: Redactor,
        stdin: BinaryIO | None,
        say: Callable[[str], object],
    ) -> None:
        """Read the account; nothing is opened or sent yet.

        Args:
            component: The component.
            cfg: What ``--cfg`` says: a file that may be missing, fields as JSON, or ``-``.
            environ: The environment.
            redactor: Learns the secrets.
            stdin: Standard input; None when it is closed.
            say: Tells the person something.

        Raises:
            BadInput: The account cannot be read, or the platform keeps its keys.
        """
        self._component = component
        self._environ = environ
        self._redactor = redactor
        self._say = say
        self._account = AccountFile.from_option(component.root, cfg, stdin)
        register_secrets(redactor, component, self._account.fields, environ)

    def sign_in(
        self, *, redirect_uri: str | None, port: int | None, opens_browser: bool, timeout_seconds: float
    ) -> list[str]:
        """Have the person sign in, save the keys, and return what is to be said about it.

        Args:
            redirect_uri: The exact address to come back to.
            port: The port to come back to; any that is free when both are None.
            opens_browser: Whether a browser may be opened.
            timeout_seconds: How long the person has.

        Raises:
            ShipmateError: It did not come to that; the message says who must act.
        """
        way = signin.SignInOptions(
            Redirect.from_options(redirect_uri, port),
            opens_browser=opens_browser and browser.is_there(self._environ, sys.platform),
            is_remote=browser.is_remote(self._environ),
            timeout_seconds=timeout_seconds,
        )
        terms = terms_of(self._component, self._account.fields, self._environ)
        names = signin.sign_in(terms, self._account, way, redactor=self._redactor, say=self._say)
        if "refresh_token" not in names:
            self._say("Warning: there is no refresh token, so this sign-in ends with its access token; see the scopes")
        return [
            f"Saved {', '.join(names)} under {terms.field} in {self._account.path}",
            f"Try it: {self._account.next_command(self._component.root)}",
        ]

    def revoke(self, revoke_uri: str | None) -> list[str]:
        """Revoke the account's tokens, remove them from the file, and return what is to be said about it.

        Args:
            revoke_uri: The revocation endpoint, unless it is the descriptor's.

        Raises:
            ShipmateError: It did not come to that; the message says who must act.
        """
        terms = terms_of(self._component, self._account.fields, self._environ, revoke_uri=revoke_uri)
        kinds = revocation.revoke(terms, self._account, redactor=self._redactor)
        return [f"Revoked {' and '.join(kinds)}, and removed {terms.field} from {self._account.path}"]

    def wait_for_writes(self, timeout_seconds: float) -> None:
        """Wait until the file is not being written any more."""
        self._account.file.wait_for_writes(timeout_seconds)
