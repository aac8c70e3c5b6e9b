"""Does the steps of the flows in `shipmate.oauth2.refresh_flow`, for keys that the component refreshes itself."""

import logging
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Final

from shipmate import observation
from shipmate.errors import EmitError, MissingSetting, ShipmateError
from shipmate.oauth2 import refresh_flow
from shipmate.oauth2.accounts import Account
from shipmate.oauth2.credential import Credential
from shipmate.oauth2.detail import with_shown_detail
from shipmate.oauth2.expiry import Expiry, answered_expiry, dated
from shipmate.oauth2.failures import KnownFailures
from shipmate.oauth2.keys import fingerprint
from shipmate.oauth2.options import Client, ClientOptions, Variables
from shipmate.oauth2.refresh_locks import RefreshLocks
from shipmate.oauth2.services import CallPort, OAuth2Services
from shipmate.oauth2.token_request import token_request
from shipmate.oauth2.token_response import (
    Busy,
    Granted,
    Misconfigured,
    Refused,
    TokenResponse,
    Unusable,
    is_about_client,
)

_log = logging.getLogger("shipmate.oauth2")

_LONGEST_PAUSE_SECONDS: Final = 300.0
_REFUSED_CLIENT_SECONDS: Final = 60.0
# docs/decisions/0008-refresh-without-a-lock.md has the figures behind it.
_LONGEST_UNLOCKED_PAUSE_SECONDS: Final = 2.0


class Refresher:
    """Refreshes the tokens of one account at the provider, and saves them through ``updateKeys``."""

    def __init__(
        self,
        options: ClientOptions,
        cfg: Mapping[str, Any],
        account: Account,
        call: CallPort,
        services: OAuth2Services,
    ) -> None:
        """Name the account; nothing is read or sent yet."""
        self.account = account
        self.tls: Mapping[str, Any] = {}
        self._options = options
        self._cfg = cfg
        self._call = call
        self._services = services
        self._account_id = str(cfg["_account"]) if cfg.get("_account") else None
        # Stored keys would prove what the credentials were before they were changed.
        self._proves_client = call.is_verification and not options.needs_refresh_token

    @cached_property
    def _rules(self) -> refresh_flow.RefreshRules:
        """The rules of the account; most sessions send requests and refresh nothing."""
        options = self._options
        return refresh_flow.RefreshRules(
            account=f"account {self._account_id}" if self._account_id else "the account",
            provider=_host(options, self.variables()),
            needs_refresh_token=options.needs_refresh_token,
            can_start_over=options.grant == "password",
            settings=f"{options.source('client_id')}, {options.source('client_secret')}",
            awaits_winner=self._services.awaits_winner,
            adoption_suffices=options.refresh != "every_access",
        )

    def refresh(self, credential: Credential) -> None:
        """Get and save a new access token, or adopt the keys of a process that was faster."""
        services = self._services
        services.token_store.check(self._account_id)
        begun_seconds = time.perf_counter()
        with (
            observation.current.refresh() as observed,
            RefreshLocks(services.token_store, self._options.lock, self._account_id) as locks,
        ):
            do = partial(self._do, observed, locks)
            while not (is_acquired := locks.acquire()):
                # Another process has the lock. All that wait look at its keys together, and not one after the other.
                adopted = refresh_flow.drive(refresh_flow.adopt(self.account.seen_tokens), do)
                if adopted is not None:
                    credential = adopted
                    if self._rules.adoption_suffices and adopted.access_token:
                        break
            observation.current.lock_waited(time.perf_counter() - begun_seconds)
            if is_acquired:
                self._refresh(credential, do, is_locked=locks.are_held)

    def _refresh(self, credential: Credential, do: Callable[[refresh_flow.FlowStep], Any], *, is_locked: bool) -> None:
        # At random, so that containers that meet a 401 together do not ask the provider together.
        pause = None if is_locked else random.uniform(0, _LONGEST_UNLOCKED_PAUSE_SECONDS)  # noqa: S311
        rules = replace(self._rules, unlocked_pause_seconds=pause)
        refresh_flow.drive(refresh_flow.refresh(credential, self.account.seen_tokens, rules), do)

    def save(self, credential: Credential) -> None:
        """Save keys whose last save failed."""
        refresh_flow.drive(
            refresh_flow.save(credential, self._rules), partial(self._do, observation.UNOBSERVED_REFRESH, None)
        )

    def recover(self, credential: Credential) -> None:
        """Look for a new sign-in after a refusal."""
        do = partial(self._do, observation.UNOBSERVED_REFRESH, None)
        refresh_flow.drive(refresh_flow.recover(credential, self.account.seen_tokens, self._rules), do)

    def _do(self, observed: observation.Refresh, locks: RefreshLocks | None, step: refresh_flow.FlowStep) -> Any:
        if isinstance(step, refresh_flow.Keep):
            if step.is_adoption:
                observation.current.keys_adopted()
                observed.adopted()
            return self._services.keep(self.account, step.credential)
        if isinstance(step, refresh_flow.Wait):
            if locks is not None and not step.needs_lock:
                locks.release()
            return self._wait(step)
        if isinstance(step, refresh_flow.Warn):
            return _log.warning(step.text, *step.values)
        if isinstance(step, refresh_flow.ReadStored):
            return self._read_stored()
        if isinstance(step, refresh_flow.Save):
            return self._save(step.credential)
        if isinstance(step, refresh_flow.AskProvider):
            answer, expiry = self._ask(step.credential)
            observed.answered(type(answer).__name__.lower())
            return answer, expiry
        raise TypeError(f"expected a step of an account that the component refreshes, found {type(step).__name__}")

    def _read_stored(self) -> refresh_flow.StoredTokens | None:
        if self._proves_client:
            return None
        try:
            fields = self._services.token_store.read(self._account_id)
        except ShipmateError as error:
            # A refresh works without them.
            _log.warning("the stored keys cannot be read", extra={"reason": str(error)})
            return None
        if fields is None:
            return None
        keys = fields.get(self._options.field)
        keys = keys if isinstance(keys, Mapping) else {}
        return refresh_flow.StoredTokens(dict(keys), self._services.expiry_of(keys))

    def _ask(self, credential: Credential) -> tuple[TokenResponse, Expiry | None]:
        from shipmate.oauth2 import token_endpoint  # requests: 97 ms

        client = self._options.fill(self.variables())
        self._services.redactor.add(client.client_secret, client.password)
        clock = self._services.clock
        asked_at, wall_clock = clock.monotonic(), clock.epoch()
        failures = _FailureKeys(self._options, client, self.account)
        if (known := failures.find(self._services.credential_store.failures, asked_at)) is not None:
            _log.debug("the token endpoint is not asked: its last answer still holds")
            return known, None
        request = token_request(self._options, client, credential.keys, wall_clock=wall_clock)
        self._services.redactor.add(*(request.form.get(name, "") for name in ("assertion", "client_assertion")))
        answer = token_endpoint.post(
            request, tls=self.tls, parse=self._parse(), dead=self._options.dead, wall_clock=clock.epoch
        )
        facts = {"provider": self._rules.provider, "answer": type(answer).__name__}
        if isinstance(answer, Granted):
            _log.debug("the token endpoint has answered", extra=facts)
            expiry = answered_expiry(answer.answer, asked_at=asked_at, wall_clock=wall_clock)
            return Granted(dated(answer.answer, wall_clock=wall_clock)), expiry
        answer = with_shown_detail(answer, self._services.redactor.redact)
        reason = answer.code if isinstance(answer, Refused | Misconfigured) else answer.reason
        _log.info("the token endpoint has given no token", extra={**facts, "reason": reason, "detail": answer.detail})
        failures.add(self._services.credential_store.failures, answer, clock.monotonic())
        return answer, None

    def _wait(self, step: refresh_flow.Wait) -> object:
        if step.reason:
            _log.info("%s", step.reason, extra={"seconds": step.seconds})
        return self._services.clock.sleep(step.seconds)

    def _parse(self) -> Callable[[dict[str, Any]], Mapping[str, Any]] | None:
        """Return the author's function that reads an answer; the redactor learns what the function may drop."""
        parse, learn = self._options.parse, self._services.redactor.add_mapping
        if parse is None:
            return None

        def parsed(answer: dict[str, Any]) -> Mapping[str, Any]:
            learn(answer)
            return parse(answer)

        return parsed

    def variables(self) -> Variables:
        """Return the values for ``{{NAME}}`` in the options."""
        return Variables(self._services.environ, self._cfg, self._services.credential_fields)

    def _save(self, credential: Credential) -> Exception | None:
        save = partial(self._call.emit_keys, {self._options.field: dict(credential.keys)}, self._account_id)
        try:
            save()
        except EmitError as error:
            self.account.save_again = save
            cause = error.__cause__
            return cause if isinstance(cause, Exception) else error
        self.account.save_again = None
        return None


def _host(options: ClientOptions, variables: Variables) -> str:
    """Return the provider's host for messages, with ``{{NAME}}`` in it if that variable is not set."""
    url = options.token_url or "the provider"
    with suppress(MissingSetting):
        url = variables.fill(url, "token_url")
    return url.split("://", 1)[-1].split("/", 1)[0].rsplit("@", 1)[-1] or url


class _FailureKeys:
    """Tells which failures of a token request hold for which later ones."""

    def __init__(self, options: ClientOptions, client: Client, account: Account) -> None:
        """Name the request; its secrets are only hashed."""
        settings = (*(getattr(client, name) for name in Client.__slots__), options.grant, options.send)
        self._provider = ("pause", client.token_url, client.client_id)
        self._client = ("client", fingerprint(repr(settings)))
        # An error about the scope, for instance, may be about the keys of this account only.
        self._account = (*self._client, account)

    def find(self, failures: KnownFailures, now: float) -> TokenResponse | None:
        """Return the failure that this request would meet, None if it may succeed."""
        if (paused := failures.find(self._provider, now)) is not None:
            answer, seconds = paused
            reason = answer.reason if isinstance(answer, Busy) else "busy"
            return Unusable(f"{reason}; it has asked for a pause, which ends in {seconds:.0f} s")
        known = failures.find(self._client, now) or failures.find(self._account, now)
        return None if known is None else known[0]

    def add(self, failures: KnownFailures, answer: TokenResponse, now: float) -> None:
        """Remember a failure that holds for a time."""
        if isinstance(answer, Busy) and refresh_flow.is_long_pause(answer):
            seconds = min(answer.retry_after_seconds or 0.0, _LONGEST_PAUSE_SECONDS)
            failures.add(self._provider, answer, until=now + seconds)
        elif isinstance(answer, Misconfigured):
            key = self._client if is_about_client(answer) else self._account
            failures.add(key, answer, until=now + _REFUSED_CLIENT_SECONDS)
