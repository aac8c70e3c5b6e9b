"""The state of one OAuth2 credential, and how it changes. Pure; no I/O."""

from dataclasses import dataclass, field, replace

from shipmate.oauth2.expiry import Expiry, life_of
from shipmate.oauth2.keys import Keys, merge, token_in
from shipmate.platform.secret import Secret


@dataclass(frozen=True, slots=True)
class Credential:
    """The tokens of one account as this process knows them; new tokens have the next generation."""

    keys: Keys = field(default_factory=dict, repr=False)
    generation: int = 0
    expiry: Expiry | None = None
    refusal: str | None = None
    """Why the provider refused the refresh token, which is then never sent again; None if it has not."""
    is_unsaved: bool = False
    """True if these keys are only in memory, because they could not be saved."""
    is_adopted: bool = False
    """True if another process has refreshed these keys at an unknown time; they may have expired."""
    is_uncertain: bool = False
    """True if the token response to a refresh of these keys was lost; the refresh token may be spent."""

    is_age_unknown: bool = False
    """Whether the token lives for a known time from an unknown moment on, so that it may have expired."""
    secret: Secret | None = field(default=None, repr=False)
    """The secret of the platform that the keys are from; None for keys of the component's own account."""

    @property
    def is_complete(self) -> bool:
        """Whether requests can be sent with it: it has an access token, or is a secret that needs none."""
        return self.access_token is not None or (self.secret is not None and self.secret.kind != "oauth2")

    @property
    def access_token(self) -> str | None:
        """The access token, None if it is missing."""
        return token_in(self.keys, "access_token")

    @property
    def refresh_token(self) -> str | None:
        """The refresh token, None if it is missing."""
        return token_in(self.keys, "refresh_token")

    def signed_in(self, keys: Keys, expiry: Expiry | None, secret: Secret | None = None) -> "Credential":
        """Return the credential with keys of another process or of a new sign-in."""
        is_age_unknown = expiry is None and life_of(keys) is not None and bool(token_in(keys, "refresh_token"))
        return Credential(dict(keys), self.generation, expiry, is_age_unknown=is_age_unknown, secret=secret)

    def adopted(self) -> "Credential":
        """Return the credential, marked as refreshed by another process."""
        return replace(self, is_adopted=True)

    def refreshed(self, answer: Keys, expiry: Expiry | None) -> "Credential":
        """Return the credential after a refresh, not yet saved.

        If the provider returned the same access token, the expiry counts as unknown: it would be due at once, forever.
        """
        if token_in(answer, "access_token") == self.access_token:
            expiry = None
        return Credential(merge(self.keys, answer), self.generation, expiry, is_unsaved=True)

    def saved(self) -> "Credential":
        """Return the credential after its keys were saved."""
        return replace(self, is_unsaved=False)

    def refused(self, reason: str) -> "Credential":
        """Return the credential after the provider refused its refresh token."""
        return replace(self, refusal=reason)

    def without_refresh_token(self) -> "Credential":
        """Return the credential without its refresh token, for a grant that gets a token without one."""
        return replace(self, keys={name: value for name, value in self.keys.items() if name != "refresh_token"})

    def following(self, previous: "Credential") -> "Credential":
        """Return the credential with the generation after ``previous``, or with the same one if the keys are identical.

        Equal keys are not identical: a provider may answer a refresh with the same token, and that was a refresh, too.
        """
        return replace(self, generation=previous.generation + (self.keys is not previous.keys))

    def uncertain(self) -> "Credential":
        """Return the credential after a refresh whose answer was lost."""
        return replace(self, is_uncertain=True)
