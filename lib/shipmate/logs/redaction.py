"""Removes secrets from text: known secrets in all their encodings, and text that looks like a secret."""

import math
import re
import threading
from binascii import b2a_base64
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

MASK: Final = "***"

_SHORTEST: Final = 6
"""Shorter values are ignored: they occur by chance."""
_SHORTEST_LINE: Final = 16
"""The lines of a longer secret count as secrets themselves from this length on."""
_MOST_PERMANENT: Final = 256
"""The number of secrets that are never forgotten: the first ones belong to the installation, later ones are tokens."""
_MOST_TOKENS: Final = 1000
"""The number of later secrets that are remembered."""

# The shell's working folders, whose names look like those of passwords.
_FOLDERS: Final = frozenset({"PWD", "OLDPWD"})
_NEEDS_NO_ESCAPE: Final = re.compile(r"[\w.~-]+", re.ASCII)
_URL_SAFE_BASE64: Final = str.maketrans("+/", "-_")


class Redactor:
    """Replaces secrets by ``***``. A process has one, which threads share; code that learns a secret adds it.

    Known secrets are found by their first six characters, so that the time does not depend on their number.
    """

    def __init__(self) -> None:
        """Start with the patterns, without known secrets."""
        self._lock = threading.Lock()
        self._secrets: dict[str, frozenset[str]] = {}
        """The forms of each secret, the oldest first."""
        self._forms: set[str] = set()
        self._lengths: dict[str, tuple[int, ...]] = {}
        """The lengths of the forms that start with the same six characters, the longest first."""
        self._counts: Counter[tuple[str, int]] = Counter()

    def add(self, *values: str | None) -> None:
        """Remember secrets in their forms in URLs, JSON, Python and base64; ignore very short ones."""
        for value in values:
            if value and len(value) >= _SHORTEST and value not in self._secrets:
                self._add(value, frozenset(_forms(value)))

    def add_mapping(self, value: Any) -> None:
        """Remember members whose names mark them as secrets, at any depth: ``{"oauth": {"access_token": "..."}}``."""
        self.add(*_secrets_in(value, is_secret=False))

    def add_environment(self, environ: Mapping[str, str]) -> None:
        """Remember the secrets in the environment."""
        self.add_mapping({name: value for name, value in environ.items() if name not in _FOLDERS})
        self.add(environ.get("ELASTICIO_AMQP_URI"))

    def redact(self, text: str) -> str:
        """Return the text without secrets."""
        if self._has_known(text):
            text = self._replace_known(text)
        return _replace_patterns(text)

    def redact_json(self, value: Any, name: str = "") -> Any:
        """Return a copy of a value without secrets.

        Args:
            value: The value, of mappings, sequences and scalars; an object of another type is replaced by its text if
                that contains a secret.
            name: The name of the value, which may mark it as a secret.
        """
        if isinstance(value, str):
            return MASK if value and name and is_secret_name(name) else self.redact(value)
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, Mapping):
            return {self._redact_name(key): self.redact_json(member, str(key)) for key, member in value.items()}
        if isinstance(value, list | tuple):
            return [self.redact_json(member, name) for member in value]
        text = str(value)
        redacted = self.redact(text)
        return value if redacted == text else redacted

    def _redact_name(self, name: Any) -> Any:
        return self.redact(name) if isinstance(name, str) else name

    def _add(self, value: str, forms: frozenset[str]) -> None:
        with self._lock:
            self._secrets[value] = forms
            for form in forms - self._forms:
                self._forms.add(form)
                self._count(form, 1)
            if len(self._secrets) > _MOST_PERMANENT + _MOST_TOKENS:
                self._forget_oldest_token()

    def _forget_oldest_token(self) -> None:
        """Forget the oldest secret that is not permanent; the patterns still find most places of an old token."""
        oldest = next(islice(self._secrets, _MOST_PERMANENT, None))
        for form in self._secrets.pop(oldest) & self._forms:
            self._forms.remove(form)
            self._count(form, -1)

    def _count(self, form: str, change: int) -> None:
        """Update the lengths; each change makes a new tuple, because other threads read without the lock."""
        head, length = form[:_SHORTEST], len(form)
        self._counts[head, length] += change
        lengths = set(self._lengths.get(head, ())) | {length}
        if not self._counts[head, length]:
            del self._counts[head, length]
            lengths.remove(length)
        if lengths:
            self._lengths[head] = tuple(sorted(lengths, reverse=True))
        else:
            del self._lengths[head]

    def _has_known(self, text: str) -> bool:
        heads = (text[start : start + _SHORTEST] for start in range(len(text) - _SHORTEST + 1))
        return not self._lengths.keys().isdisjoint(heads)

    def _replace_known(self, text: str) -> str:
        parts, start, position = [], 0, 0
        while position < len(text):
            for length in self._lengths.get(text[position : position + _SHORTEST], ()):
                if text[position : position + length] in self._forms:
                    parts += [text[start:position], MASK]
                    position += length
                    start = position
                    break
            else:
                position += 1
        return "".join([*parts, text[start:]])


def _forms(value: str) -> Iterator[str]:
    """Yield the encodings of a secret."""
    yield value
    data = value.encode("utf-8", "surrogatepass")
    for prefix_length in range(3):
        encoded = _base64_core(data, prefix_length)
        yield encoded
        yield encoded.translate(_URL_SAFE_BASE64)
    if _NEEDS_NO_ESCAPE.fullmatch(value):
        return
    for quoted in (quote(data, safe=""), quote(data)):
        yield quoted
        yield quoted.replace("%20", "+")
        yield re.sub(r"%..", lambda escape: escape[0].lower(), quoted)
    yield from _escaped(value)
    for line in value.splitlines():
        if _SHORTEST_LINE <= len(line) < len(value):
            yield line


def _escaped(value: str) -> Iterator[str]:
    """Yield the forms in JSON, in JSON inside JSON, and in Python's ``repr`` of text, of bytes, and of mappings."""
    import json

    yield value.replace("/", "\\/")
    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]
        yield once.replace("/", "\\/")
    yield repr(value)[1:-1]
    yield ascii(value)[1:-1]
    yield repr(value.encode("utf-8", "surrogatepass"))[2:-1]
    yield repr(value + "'\"")[1:-4]  # quotes escaped as next to the other kind of quote


def _base64_core(data: bytes, prefix_length: int) -> str:
    """Return the part of the base64 text that does not depend on the bytes before and after the data."""
    encoded = b2a_base64(b"x" * prefix_length + data, newline=False).decode("ascii")
    unsure_at_start = (0, 2, 3)[prefix_length]
    unsure_at_end = (0, 3, 2)[(prefix_length + len(data)) % 3]
    return encoded[unsure_at_start : len(encoded) - unsure_at_end]


_STRONG: Final = (
    "token", "secret", "password", "passwd", "passphrase", "passcode", "pwd", "apikey", "credential", "credentials",
    "assertion", "cookie", "cookies", "authorization", "jwt", "private", "bearer",
)  # fmt: skip
_WEAK: Final = frozenset({"key", "auth", "pass", "signature", "verifier"})
_HARMLESS: Final = frozenset(
    "type uri url endpoint id expires expiry in at name hint method count length policy limit format alg algorithm "
    "field kind header lifetime ttl required enabled user username login email host domain scope scopes region realm "
    "audience issuer".split()
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Return whether a member or variable of this name holds a secret.

    >>> [is_secret_name(name) for name in ("refresh_token", "apiKey", "token_type", "secretId", "keyword")]
    [True, True, False, False, False]
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _HARMLESS:
        return False
    return words[-1] in _WEAK or any(word.endswith(_STRONG) for word in words)


def _secrets_in(value: Any, *, is_secret: bool) -> Iterator[str]:
    if isinstance(value, str):
        if is_secret:
            yield value
    elif isinstance(value, Mapping):
        for name, member in value.items():
            harmless = bool(words := _WORD.findall(str(name))) and words[-1].lower() in _HARMLESS
            yield from _secrets_in(member, is_secret=is_secret_name(str(name)) or (is_secret and not harmless))
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _secrets_in(member, is_secret=is_secret)


_QUOTED: Final = r"""[ub]?(?P<quote>\\*["'])(?P<quoted>.*?)(?:(?<!\\)(?P=quote)|\Z)"""
_NAMED: Final = (
    r"(?<![\w.-])[\w.-]*?(?:token|secret|passw(?:or)?d|passphrase|api[_-]?key|access[_-]?key|private[_-]?key|assertion"
    r"|credentials?|code_verifier|pwd|jwt|signature)"
)
_PATTERNS: Final[tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]] = tuple(
    (needs, re.compile(pattern, re.IGNORECASE | re.DOTALL))
    for needs, pattern in (
        (("private key-",), r"(?P<label>-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
        (
            ("authorization", "cookie", "x-"),
            r"(?P<label>(?:(?<![\w-])|(?<=\\n)|(?<=\\r))(?:(?:proxy-)?authorization|(?:set-)?cookie2?"
            r"|x-[\w-]*(?:token|key|secret|auth|signature)[\w-]*)"
            r"(?:\\*[\"']\s*[:,]\s*|\s*[:=]\s*))(?:" + _QUOTED + r"|(?:(?!\\[rn])[^\r\n\"'])+)",
        ),
        (("bearer",), r"(?P<label>\bbearer\s+)(?!tokens?\b|auth)[^\s\"',;<>\\]{3,}"),
        (("eyj",), r"(?P<label>)\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)*"),
        (("://",), r"(?P<label>\b[a-z][a-z0-9+.-]*://)[^/\s@\"'?#]+(?=@)"),
        (("code",), r"(?P<label>(?:(?<=[?&\"'])|\A)code=)[^\s&;,\"'})\]]+"),
        (("code",), r"(?P<label>[\"']code\\*[\"']\s*:\s*\\*[\"'])(?=(?-i:[^\"']*[0-9A-Z]))[\w.~/+=-]{20,}"),
        (
            ("token", "secret", "pass", "key", "assertion", "credential", "verifier", "pwd", "jwt", "signature"),
            r"(?P<label>" + _NAMED + r"(?:\\*[\"']\s*(?::|=>)\s*(?=[ub]?\\*[\"'])|\\*[\"']?\s*=(?![=>])\s*"
            r"(?!(?:none|null|true|false)\b)))(?:" + _QUOTED + r"|[^\s&;,\"'})\]]+)",
        ),
    )
)
_BASIC: Final = re.compile(r"\b(basic\s+)([\w+/-]{6,}={0,2})", re.IGNORECASE)


def _replace_patterns(text: str) -> str:
    """Replace text that looks like a secret; a pattern is tried only if the text contains one of its words."""
    lowered = text.lower()
    for needs, pattern in _PATTERNS:
        if any(need in lowered for need in needs):
            text = pattern.sub(_masked, text)
    return _BASIC.sub(_masked_basic, text) if "basic" in lowered else text


def _masked(match: re.Match[str]) -> str:
    """Mask a secret without its name and its quotes, so that JSON stays valid."""
    groups = match.groupdict()
    quote = groups.get("quote") or ""
    if quote and not groups["quoted"]:
        return match[0]
    return f"{match['label']}{quote}{MASK}{quote}"


def _masked_basic(match: re.Match[str]) -> str:
    """Mask text that decodes to ``user:password``, but not the words "basic authentication"."""
    from binascii import Error, a2b_base64

    standard = match[2].rstrip("=").replace("-", "+").replace("_", "/")
    try:
        decoded = a2b_base64(standard + "=" * (-len(standard) % 4))
    except Error:
        return match[0]
    return f"{match[1]}{MASK}" if b":" in decoded else match[0]
