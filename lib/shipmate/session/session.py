"""Sessions for every kind of credential, which send a request again as their policy says."""

import random
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

import requests

from shipmate.errors import ApiError, ReauthorizationRequired
from shipmate.http.adapter import LimitedResponse
from shipmate.http.proof import Proof
from shipmate.http.replay import Body
from shipmate.http.session import DEFAULT_TIMEOUTS_SECONDS, ApiSession
from shipmate.http.token_auth import TokenAuth
from shipmate.logs.redaction import is_secret_name
from shipmate.oauth2.credential import Credential
from shipmate.oauth2.keys import fingerprint
from shipmate.oauth2.managed_secrets import ManagedRefresher
from shipmate.oauth2.refresher import Refresher
from shipmate.oauth2.services import CallPort
from shipmate.oauth2.session import OAuth2Session
from shipmate.session.attempts import NO_ANSWER, failure_of, note_unclear
from shipmate.session.errors import ErrorPolicy, api_error
from shipmate.session.plan import SessionPlan, SessionServices
from shipmate.session.policy import Policy
from shipmate.session.values import limited
from shipmate.session.ways import Way, proof_of

_CONNECT_SECONDS: Final = 10.0
_MOST_TIMEOUT_SECONDS: Final = 1200
_UNAUTHORIZED: Final = 401


class Session(ApiSession):
    """A session like `requests.Session` for an account of any kind; ``context.session(cfg)`` opens it.

    It proves the account in each request, to the API's own hosts only, and sends a request again as `policy` says.
    ``{name}`` in a URL is replaced by that field of the credential, or that member of the token. Threads may share it.
    """

    _repeats = True
    _plan: SessionPlan
    _services: SessionServices
    _fields: Mapping[str, Any]
    _pace_key: object
    _policy: Policy
    _policy_fields: Mapping[str, Any] | None
    _is_strict: bool
    """Whether a number that is not allowed is an error: a person who fills in the form can correct it."""

    def _begin(
        self, plan: SessionPlan, services: SessionServices, fields: Mapping[str, Any], pace_key: object, call: CallPort
    ) -> None:
        """Store what the session needs beside what its kind of credential needs."""
        self._plan = plan
        self._services = services
        self._fields = fields
        self._pace_key = pace_key
        self._policy = plan.policy
        self._policy_fields = None
        self._is_strict = call.is_verification

    @property
    def kept(self) -> dict[str, Any]:
        """What callers keep as long as the process runs, for all sessions of it."""
        return self._services.kept

    @property
    def fields(self) -> Mapping[str, Any]:
        """The fields of the step and of the credential; those of a secret are read from the platform once.

        Raises:
            ReauthorizationRequired: The platform reports an error of the secret.
            PlatformRefused, PlatformUnavailable: The secret cannot be read.
        """
        return self._fields

    @property
    def policy(self) -> Policy:
        """When a request is sent again: the option ``policy``, with the fields ``retries`` and others over it.

        A number that is not allowed is limited, and the log says so: published components accept it.

        Raises:
            InvalidField: While credentials are verified, a number is not allowed; at any time, a status or a reaction.
        """
        fields = self.fields
        if fields is not self._policy_fields:
            note = None if self._is_strict else self._services.note_field
            self._policy = ErrorPolicy.from_fields(fields).applied_to(self._plan.policy.with_fields(fields, note))
            seconds = self._field_timeout(fields, note)
            if seconds and self.timeout is DEFAULT_TIMEOUTS_SECONDS:
                self.timeout = (min(seconds, _CONNECT_SECONDS), seconds)
            self._policy_fields = fields
        return self._policy

    def require_success(self, response: requests.Response) -> requests.Response:
        """Return a response whose status is below 400: ``session.require_success(session.get(url)).json()``.

        Raises:
            ApiError: The status is 400 or above; the text has the request without its query, the status, and what the
                API says, without secrets.
        """
        if response.status_code >= 400:
            raise self.error_of(response)
        return response

    def error_of(self, response: requests.Response) -> ApiError:
        """Return the error for a response with an error status: that of the option ``read_error``, if there is one."""
        redact = self._services.oauth2.redactor.redact
        if self._plan.read_error is None:
            return api_error(response, redact)
        error = self._plan.read_error(response)
        error.args = (redact(str(error)),)
        return error

    def read_whole(self, response: requests.Response) -> None:
        """Read the body of an answer with ``stream=True``, within the limits of other answers.

        Raises:
            ResponseTooLarge: The body exceeds the limit.
            requests.RequestException: The connection is lost.
        """
        if isinstance(response, LimitedResponse) and response.limits.max_bytes is None:
            response.limits.max_bytes = self._defaults.max_bytes
        response.content  # noqa: B018 - reads it

    def pause(self, seconds: float) -> bool:
        """Wait, and return whether the process is stopping, which ends the wait."""
        return self._services.stopping.wait(seconds)

    def _field_timeout(self, fields: Mapping[str, Any], note: Callable[[str], object] | None) -> float:
        """Return the seconds that a person has typed in for the wait for an answer, 0 without any."""
        most = _MOST_TIMEOUT_SECONDS
        milliseconds = limited(fields, "requestTimeoutPeriod", default=0, least=500, most=most * 1000, note=note)
        # A step's own field of this name is about something else, for example the end of a bulk job.
        seconds = 0.0
        if "timeout" in self._services.oauth2.credential_fields or "timeout" not in self._fields:
            seconds = limited(fields, "timeout", default=0, least=1, most=most, note=note)
        return milliseconds / 1000 or seconds

    def _answer(self, method: str, url: str, body: Body, kwargs: Mapping[str, Any]) -> requests.Response:
        policy = self.policy
        given = {name: value for name, value in kwargs.items() if name != "repeatable"}
        begun, is_unclear = time.monotonic(), False
        for attempt in count(1):
            response, error = None, None
            self._keep_pace(policy)
            try:
                response = super()._answer(method, url, body, given)
                if is_unclear:
                    note_unclear(response)
                if response.status_code < 400:
                    return response
                failure = failure_of(method, response, kwargs)
            except NO_ANSWER as caught:
                error = self._shown(caught)
                failure = failure_of(method, caught, kwargs)
            pause = None
            if body.is_replayable:
                pause = policy.pause_seconds(
                    failure,
                    attempt,
                    elapsed_seconds=time.monotonic() - begun,
                    chance=random.random(),  # noqa: S311 - spreads load
                    now=time.time(),
                )
            if pause is None or self.pause(pause):
                if error is not None:
                    raise error
                break
            is_unclear = is_unclear or policy.is_unclear(failure)
            if response is not None:
                response.close()
        assert response is not None  # noqa: S101 - without an answer there is an error
        return response

    def _shown(self, error: requests.RequestException) -> requests.RequestException:
        """Return an error whose text has no key of the query."""
        if all(way.parameter is None for way in self._plan.ways):
            return error
        return type(error)(self._services.oauth2.redactor.redact(str(error)))

    def _keep_pace(self, policy: Policy) -> None:
        """Wait until the rate allows the next request."""
        if policy.calls_per_second is not None:
            pace = self._services.paces.of(self._pace_key)
            if (seconds := pace.wait_seconds(policy.calls_per_second, time.monotonic())) > 0:
                self.pause(seconds)

    def _public_fields(self) -> dict[str, Any]:
        """Return the credential fields that may be in a URL: none with a secret."""
        classes = self._services.view_classes
        return {
            name: value
            for name in classes
            if (value := self._fields.get(name)) is not None
            and classes[name] != "PasswordFieldView"
            and not is_secret_name(name)
        }


class TokenSession(Session, OAuth2Session):
    """A session for an account with OAuth2, or for a secret of the platform of any type."""

    def __init__(
        self,
        plan: SessionPlan,
        services: SessionServices,
        cfg: Mapping[str, Any],
        refresher: Refresher | ManagedRefresher,
        call: CallPort,
    ) -> None:
        """Prepare a session; nothing is sent yet."""
        shared = services.oauth2
        store = shared.credential_store
        OAuth2Session.__init__(self, plan.options, cfg, refresher, call, shared.clock, store, shared.limits)
        self._begin(plan, services, cfg, self._account, call)
        self._merged: tuple[object, Mapping[str, Any]] = (None, cfg)

    @property
    def fields(self) -> Mapping[str, Any]:
        """The fields of the step and of the credential; those of a secret are read from the platform once.

        Raises:
            ReauthorizationRequired: The platform reports an error of the secret.
            PlatformRefused, PlatformUnavailable: The secret cannot be read.
        """
        if not self._is_managed:
            return self._fields
        credential = self._account.credential
        secret = credential.secret or self._refresh(credential.generation).secret
        known, merged = self._merged
        if secret is not known:
            merged = {**self._fields, **(secret.fields if secret is not None else {})}
            self._merged = (secret, merged)
        return merged

    def _proof(self, credential: Credential) -> Proof:
        secret = credential.secret
        if secret is None or secret.kind == "oauth2":
            return super()._proof(credential)
        proof = proof_of(secret, self._plan.ways)
        self._services.oauth2.redactor.add(proof.value, proof.value.rpartition(" ")[2])
        return proof

    def _members(self, credential: Credential, url: str) -> Mapping[str, Any]:
        if "{" not in url and self._plan.options.hosts is None:
            return credential.keys
        return {**self._public_fields(), **credential.keys}

    def _after_expiry(self, credential: Credential, *, has_refreshed: bool) -> tuple[Credential | None, bool]:
        """Return what the session of OAuth2 returns; a secret is refreshed once for a message and a token."""
        if not self._is_managed:
            return super()._after_expiry(credential, has_refreshed=has_refreshed)
        had_refreshed = has_refreshed or self._account.was_refreshed_for(self._call, credential.generation)
        newer, has_refreshed = super()._after_expiry(credential, has_refreshed=had_refreshed)
        if newer is not None and has_refreshed and not had_refreshed:
            self._account.note_refresh(self._call, newer.generation)
        return newer, has_refreshed

    def _refused(self, response: requests.Response) -> requests.Response:
        if not self._is_managed or response.status_code != _UNAUTHORIZED:
            return response
        response.close()
        secret = self._account.credential.secret
        raise ReauthorizationRequired(
            f"the API refuses {secret.name if secret is not None else 'the secret'} also after a refresh by the "
            "platform: sign in again there, or allow the account what the request needs"
        )

    def _last_answer(self, response: requests.Response, auth: TokenAuth, credential: Credential) -> requests.Response:
        has_expired = auth.was_sent(response) and self._has_expired(response, credential)
        return self._refused(response) if has_expired else response


class _Unchanging(ApiSession):
    """A session with a proof that never changes."""

    _proof: Proof
    _members: Mapping[str, Any]

    def _answer(self, method: str, url: str, body: Body, kwargs: Mapping[str, Any]) -> requests.Response:
        return self._send(self._proof, self._members, method, url, body, kwargs)[0]


class KeySession(Session, _Unchanging):
    """A session for user and password, a key or a token in the credential fields, or for none of them."""

    def __init__(
        self, plan: SessionPlan, services: SessionServices, cfg: Mapping[str, Any], way: Way, call: CallPort
    ) -> None:
        """Prepare a session; nothing is sent yet.

        Raises:
            CredentialsInvalid: A credential field is missing or empty, or its value cannot be sent.
        """
        shared = services.oauth2
        ApiSession.__init__(self, plan.options, shared.credential_store, shared.limits)
        self._proof = way.proof(cfg.get)
        self._begin(plan, services, cfg, (way.kind, fingerprint(self._proof.value)), call)
        self._members = self._public_fields()
        secrets = [str(cfg.get(name)) for name in way.names[-1:]]
        shared.redactor.add(*secrets, self._proof.value, self._proof.value.rpartition(" ")[2])
