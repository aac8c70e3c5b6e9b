"""Stores the tokens of a sign-in in the file of a secret, in the format of the emulated platform."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from shipmate.errors import BadInput
from shipmate.jsonvalue import kind_of
from shipmate.local import options
from shipmate.tools.login.account import AccountFile, fields_of
from shipmate.tools.login.config import AuthClient

_CREDENTIALS: Final = "credentials"
_CLIENT: Final = "oauth2"


class SecretFile(AccountFile):
    """The secret in a file: ``{"type": "oauth2", "oauth2": {...}, "credentials": {"access_token": "...", ...}}``.

    Its member ``oauth2`` is the client, with the same members as
    ``credentials.oauth2`` of a component. Without it the component's client is used.
    """

    def __init__(self, path: Path, stored: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
        """Represent a secret that was read.

        Args:
            path: The file, which need not exist.
            stored: Its content.
            fields: The further fields of the credential.
        """
        super().__init__(path, fields, {})
        self._stored = stored

    @classmethod
    def read(
        cls, path: str, *, cfg: str | None = None, settings: Sequence[str] = (), stdin: BinaryIO | None = None
    ) -> "SecretFile":
        """Return the secret of ``--secret``, with the fields of ``--cfg`` and ``--set``, which are saved in it.

        Raises:
            BadInput: A value cannot be read, or the secret is not one of OAuth2.
        """
        stored = fields_of(Path(path), "--secret")
        if (kind := stored.get("type", "oauth2")) != "oauth2":
            raise BadInput(f"{path}: /type: expected 'oauth2', since other types need no sign-in, found {kind!r:.50}")
        for name in (_CREDENTIALS, _CLIENT):
            if not isinstance(stored.get(name, {}), Mapping):
                raise BadInput(f"{path}: /{name}: expected an object, found {kind_of(stored[name])}")
        given = options.gather({"cfg": options.read_option("--cfg", cfg, stdin)}).cfg if cfg is not None else {}
        own = stored.get(_CREDENTIALS, {}).get("fields")
        fields = {**(own if isinstance(own, Mapping) else {}), **given, **options.read_settings(settings)}
        return cls(Path(path), stored, fields)

    @property
    def auth_client(self) -> AuthClient | None:
        """The client in the file, None if the component has it."""
        client = self._stored.get(_CLIENT)
        return AuthClient(client, f"{self.path}: /{_CLIENT}") if client else None

    def save(self, keys: Mapping[str, Any]) -> None:
        """Save the tokens and the fields; they replace the earlier ones.

        Raises:
            KeysNotSaved: The file cannot be written.
        """
        # Leave out the date that shipmate adds to an account file: the platform does not know it.
        tokens = {name: value for each in keys.values() for name, value in each.items() if name != "expires_at"}
        self.file.create()
        self.file.save({"type": "oauth2", "state": "ready", _CREDENTIALS: {**tokens, "fields": dict(self.fields)}})

    def place_of(self, field: str) -> str:
        """Return the member with the tokens."""
        return _CREDENTIALS

    def advice(self, root: Path) -> str:
        """Return a text that says how to use the secret."""
        return f"Use it: secrets: {{NAME: {self.path}}} in a flow file, or Platform(secrets=...) of the emulator"
