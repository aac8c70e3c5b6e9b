"""Removes secrets from text and from JSON: known secrets in all their encodings, and what looks like a secret."""

import math
from collections.abc import Mapping
from itertools import islice
from threading import Lock
from typing import Any, Final
from urllib.parse import unquote

from shipmate.logs.known_secrets import KnownSecrets, masked
from shipmate.logs.secret_names import NAMING, are_pairs, is_harmless_name, is_secret_name, secret_item, secrets_in
from shipmate.logs.secret_patterns import MASK, without_secrets

__all__ = ["MASK", "Redactor", "is_secret_name", "secrets_in"]

_MOST_PERMANENT: Final = 256
"""The number of secrets that are never forgotten: the first ones belong to the installation, later ones are tokens."""
_MOST_TOKENS: Final = 200
"""The number of later secrets that are remembered: a secret takes 8 KB, and a refresh brings two."""

_LONGEST_SECRET: Final = 32 * 1024
"""The characters before a cut that may be a part of a secret."""

_TRACE_HEADERS: Final = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
"""Variables with credentials for a collector of traces: ``api-key=...,authorization=Basic%20...``."""

# The shell's working folders, whose names look like those of passwords.
_FOLDERS: Final = frozenset({"PWD", "OLDPWD"})


class Redactor:
    """Replaces secrets by ``***``. A process has one, which threads share; code that learns a secret adds it.

    The time is linear in the length of the text, and does not depend on the number of secrets.
    """

    def __init__(self) -> None:
        """Start with the patterns, without known secrets."""
        self._lock = Lock()
        self._secrets: dict[str, None] = {}
        """The secrets, the oldest first."""
        self._known = KnownSecrets()

    def add(self, *values: str | None) -> None:
        """Remember secrets in all their encodings; ignore very short ones."""
        for value in values:
            if value and value not in self._secrets:
                self._add(str(value))

    def add_mapping(self, value: Any) -> None:
        """Remember the secrets in a value at any depth: ``{"oauth": {"access_token": "..."}}``, passwords in URLs."""
        self.add(*secrets_in(value))

    def add_environment(self, environ: Mapping[str, str]) -> None:
        """Remember the secrets in the environment."""
        self.add_mapping({name: value for name, value in environ.items() if name not in _FOLDERS})
        self.add(environ.get("ELASTICIO_AMQP_URI"))
        for name in _TRACE_HEADERS:
            pairs = environ.get(name, "").split(",")
            self.add(*(unquote(pair.partition("=")[2].strip()) for pair in pairs))

    def redact(self, text: str, longest: int | None = None) -> str:
        """Return the text without secrets; of a text with more than ``longest`` characters, only the start."""
        if longest is not None and len(text) > longest:
            # A secret at the cut is cut itself, and not recognised: what is near the cut is dropped afterwards.
            start = self.redact(text[: longest + _LONGEST_SECRET])[:-_LONGEST_SECRET]
            return f"{start}... ({len(text)} characters in all)"
        places = self._known.places(text)
        return without_secrets(masked(text, places, MASK) if places else text)

    def redact_json(self, value: Any, name: str = "", longest: int | None = None) -> Any:
        """Return a copy of a value without secrets.

        Args:
            value: The value, of mappings, sequences and scalars; an object of another type is replaced by its text if
                that contains a secret. A value that is nested too deeply is replaced as a whole.
            name: The name of the value, which may mark it as a secret.
            longest: The most characters of each text in it; None for any number.
        """
        try:
            return self._redacted(value, name, longest)
        except RecursionError:
            return MASK

    def _redacted(self, value: Any, name: str, longest: int | None) -> Any:
        if isinstance(value, str):
            return MASK if value and name and is_secret_name(name) else self.redact(value, longest)
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, Mapping):
            return self._redacted_object(value, name, longest)
        if isinstance(value, list | tuple):
            if value and are_pairs(value):
                return [
                    [self._redacted(item[0], "", longest), self._redacted(item[1], item[0], longest)] for item in value
                ]
            return [self._redacted(member, name, longest) for member in value]
        text = str(value)
        redacted = self.redact(text, longest)
        return value if redacted == text else redacted

    def _redacted_object(self, value: Mapping[Any, Any], name: str, longest: int | None) -> dict[Any, Any]:
        """Return an object without secrets; its members inherit the name of a secret, but for harmless ones."""
        inherited = name if name and is_secret_name(name) else ""
        marked = secret_item(value)
        copy = {}
        for key, member in value.items():
            member_name = str(key)
            if marked is not None:  # {"key": "password", "value": "..."}
                member_name = "secret" if key == marked else "" if key in NAMING else member_name
            elif inherited and not is_harmless_name(member_name):
                member_name = inherited
            copy[self.redact(key, longest) if isinstance(key, str) else key] = self._redacted(
                member, member_name, longest
            )
        return copy

    def _add(self, value: str) -> None:
        with self._lock:
            if value in self._secrets:
                return
            self._secrets[value] = None
            self._known.add(value)
            if len(self._secrets) > _MOST_PERMANENT + _MOST_TOKENS:
                # The oldest token; the patterns still find most places of it.
                oldest = next(islice(self._secrets, _MOST_PERMANENT, None))
                del self._secrets[oldest]
                self._known.remove(oldest)
