"""A secret of the platform: a credential that the platform keeps, as its API returns it. Pure; no I/O.

Source: contract §12.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shipmate.logs.redaction import is_secret_name

KINDS: Final = ("oauth2", "basic", "api_key", "noauth")
_LONGEST_ERROR: Final = 300
_OTHER_NAMES: Final = {"oauth2_instagram": "oauth2"}
# The members that tell the kind of a secret whose type is missing.
_MARKS: Final = {"access_token": "oauth2", "refresh_token": "oauth2", "username": "basic", "headerName": "api_key"}


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret at one moment; equal ones prove the account in the same way."""

    name: str
    """Its name in messages: ``"secret 6177"``."""
    kind: str
    """One of `KINDS`, or a type of the platform that is not known here."""
    credentials: Mapping[str, Any] = field(repr=False)
    """The members that prove the account: ``{"username": "ada", "password": "..."}``."""
    fields: Mapping[str, Any] = field(repr=False)
    """The other fields of the credential's form, as texts: ``{"retries": "5"}``."""
    error: str | None = None
    """Why the platform cannot use the secret, None if it can."""

    @classmethod
    def from_attributes(
        cls, secret_id: str, attributes: Mapping[str, Any], *, redact: Callable[[str], str] = str
    ) -> "Secret":
        """Read the attributes of a secret; ``redact`` removes secrets from the platform's own words.

        >>> Secret.from_attributes("7", {"type": "basic", "credentials": {"username": "ada", "fields": {}}})
        Secret(name='secret 7', kind='basic', error=None)
        """
        given = _object(attributes.get("credentials"))
        # Members of a token response that the platform does not know stand apart.
        members = {**_object(given.get("undefined_params")), **given}
        for name in ("fields", "undefined_params"):
            members.pop(name, None)
        kind = attributes.get("type") or next((each for name, each in _MARKS.items() if name in members), "noauth")
        error = None
        if attributes.get("state") == "error":
            # Redacted before it is cut: the rest of a cut token would not be recognised.
            error = " ".join(redact(str(attributes.get("error") or "without a reason")).split())[:_LONGEST_ERROR]
        return cls(
            name=f"secret {secret_id}",
            kind=_OTHER_NAMES.get(str(kind), str(kind)),
            credentials=members,
            fields=_object(given.get("fields")),
            error=error,
        )

    @property
    def keys(self) -> dict[str, Any]:
        """The members for the URLs of requests, and the tokens if it has some."""
        public = {name: value for name, value in self.fields.items() if not is_secret_name(name)}
        if self.kind == "oauth2":
            return {**public, **self.credentials}
        return {**public, **{name: value for name, value in self.credentials.items() if name == "username"}}


def _object(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
