"""Finds text that looks like a secret: values of headers, members, parameters and elements, tokens, passwords in URLs.

Every pattern needs linear time for any text, which ``make lint`` proves.
"""

import re
from binascii import Error, a2b_base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

MASK: Final = "***"

# The patterns are in lower case, for a text in lower case: that is much faster than to ignore the case.
_QUOTED: Final = r"""[ub]?(?P<quote>\\*+["'])(?P<quoted>.*?)(?:(?<!\\)(?P=quote)|\Z)"""
_STRONG: Final = (
    "(?:token|secret|password|passwd|passphrase|passcode|api[_-]?key|access[_-]?key|private[_-]?key|session[_-]?key"
    "|signing[_-]?key|encryption[_-]?key|shared[_-]?key|account[_-]?key|subscription[_-]?key|consumer[_-]?key"
    "|master[_-]?key|storage[_-]?key|assertion|credentials?|code_verifier|pwd|jwt|signature|session_?id)"
)
_STRONG_WORDS: Final = (
    "token", "secret", "pass", "key", "assertion", "credential", "verifier", "pwd", "jwt", "signature", "session",
)  # fmt: skip
# The value of an object with a name and a value: {"name": "Authorization", "type": "text", "value": "..."}
_OTHER_MEMBERS: Final = (
    r"""(?:,\s*+\\*+["']\w{1,32}\\*+["']\s*+:\s*+(?:\\*+["'][^"'\\]{0,64}\\*+["']|[\w.-]{1,32})\s*+){0,3}"""
)
_VALUE: Final = _OTHER_MEMBERS + r"""(?:,\s*+\\*+["'](?:value|content|text)\\*+["']\s*+:\s*+)"""
_HEADER_SEPARATOR: Final = rf"(?:\\*+[\"']\s*+(?:{_VALUE}|[:,]\s*+)|\s*+[:=]\s*+)"
_END_OF_HEADER: Final = re.compile(r"[\r\n\"']|\\[rn]|\Z")


_MOST_QUOTED_PARTS: Final = 50
"""Of a header with more parts in quotes, no end is looked for: it is hidden with all that follows."""
MOST_PLACES: Final = 5000
"""The number of secrets that are looked for in one text: the last one hides the rest, since each one takes time."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """A pattern whose group ``label`` ends where the secret begins."""

    pattern: re.Pattern[str]
    first: str = ""
    """A part of each text that matches."""
    others: tuple[str, ...] = ("",)
    """Of these, too, each text that matches has one."""
    end: Callable[[str, int], int] | None = None
    """Finds the end of a secret that is not in quotes; without it, the match ends there."""

    def applies(self, lowered: str) -> bool:
        """Return whether a text may match."""
        if self.first not in lowered:
            return False
        for word in self.others:  # faster than any() with a generator
            if word in lowered:
                return True
        return False

    def masked(self, text: str, lowered: str) -> str:
        """Return a text without the secrets that this rule finds, but with their names and quotes."""
        parts, position = [], 0
        for start, end, quote in islice(self._places(lowered), MOST_PLACES):
            parts += [text[position:start], quote, MASK, quote]
            position = end
        if not parts:
            return text
        if len(parts) < 4 * MOST_PLACES:
            parts.append(text[position:])
        return "".join(parts)

    def _places(self, lowered: str) -> Iterator[tuple[int, int, str]]:
        """Yield start, end and quotes of each secret."""
        has_quotes = "quote" in self.pattern.groupindex
        for match in self.pattern.finditer(lowered) if self.end is None else self._headers(lowered):
            start, quote = match.end("label"), (match["quote"] or "") if has_quotes else ""
            if not quote or match["quoted"]:
                end = match.end() if quote or self.end is None else self.end(lowered, start)
                if end > start:
                    yield start, end, quote

    def _headers(self, lowered: str) -> Iterator[re.Match[str]]:
        position = 0
        while match := self.pattern.search(lowered, position):
            yield match
            position = match.end() if match["quote"] or self.end is None else self.end(lowered, match.end())


def _end_of_header(text: str, start: int) -> int:
    """Return the end of the line, or of the quotes around a header: ``Digest username="ada", response="..."``."""
    position = start
    for _ in range(_MOST_QUOTED_PARTS):
        match = _END_OF_HEADER.search(text, position)
        if match is None:
            break
        place = match.start()
        if match[0] != '"' or not text[max(start, place - 8) : place].rstrip("\\").endswith("="):
            return place
        closing = text.find('"', place + 1)
        if closing < 0:
            break
        position = closing + 1
    return len(text)


_RULES: Final = (
    _Rule(
        re.compile(r"(?s)(?P<label>-----begin [a-z ]*private key-----).*?(?:-----end [a-z ]*private key-----|\Z)"),
        first="private key-",
    ),
    _Rule(
        re.compile(rf"(?s)(?P<label>(?:authorization|cookie2?){_HEADER_SEPARATOR})(?:{_QUOTED})?"),
        others=("authorization", "cookie"),
        end=_end_of_header,
    ),
    _Rule(
        re.compile(
            r"(?s)(?P<label>(?:(?<![\w-])|\\[rn])x-(?=[\w-]*?(?:token|key|secret|auth|signature))[\w-]++"
            rf"{_HEADER_SEPARATOR})(?:{_QUOTED})?"
        ),
        first="x-",
        end=_end_of_header,
    ),
    _Rule(re.compile(r"(?P<label>\bdigest\s++)(?=\w++\s*+=)(?P<quote>)"), first="digest", end=_end_of_header),
    _Rule(re.compile(r"(?P<label>\bbearer\s+)(?!tokens?\b|auth)[^\s\"',;<>\\]{3,}"), first="bearer"),
    _Rule(re.compile(r"(?P<label>)(?<![\w-])eyj[\w-]{5,}+\.[\w-]++(?:\.[\w-]*+)*+"), first="eyj"),
    _Rule(re.compile(r"(?P<label>://)[^\s/\"'?#]*[^\s/\"'?#@](?=@)"), first="://"),
    _Rule(
        re.compile(
            r"(?P<label>(?:(?<=[?&;\"'])|(?<=u0026)|\A)(?:code|key|sig|auth|pass|sid|hmac|session)=)[^\s&;,\"'})\]\\]++"
        ),
        first="=",
        others=("code", "key", "sig", "auth", "pass", "sid", "hmac", "session"),
    ),
    _Rule(
        re.compile(
            r"(?P<label>(?:api[_-]?key|(?<=[a-z0-9])(?:-key|[_-](?:token|secret|password|passwd)))\s*+:\s*+)"
            r"(?!none|null|expected|missing|[\[{\"'\\])(?=\S{0,15}[0-9]|\S{16})[^\s&;,\"'})\]]++"
        ),
        first=":",
        others=_STRONG_WORDS,
    ),
    _Rule(
        re.compile(
            rf"(?s)(?P<label>{_STRONG}(?:\\*+[\"']\s*+(?:(?::|=>)\s*+(?=[ub]?\\*+[\"'])|{_VALUE})"
            rf"|\\*+[\"']?\s*+=(?:>\s*+(?=[ub]?\\*+[\"'])|(?![=>])\s*+(?!(?:none|null|true|false)\b))|%3d))(?:{_QUOTED}|[^\s&;,\"'}})\]]++)"
        ),
        others=_STRONG_WORDS,
    ),
    _Rule(
        re.compile(rf"(?s)(?P<label><[\w:.-]*?{_STRONG}(?:\s[^<>]*+)?>)(?:<!\[cdata\[.*?(?:\]\]>|\Z)|[^<]++)"),
        first="<",
        others=_STRONG_WORDS,
    ),
    _Rule(
        re.compile(rf"(?P<label>&lt;[\w:.-]*?{_STRONG}(?:\s[^<>&]*+)?&gt;)[^<&]++"),
        first="&lt;",
        others=_STRONG_WORDS,
    ),
    _Rule(
        re.compile(
            r"(?s)(?P<label>[\"']value[\"']\s*:\s*)(?P<quote>[\"'])(?P<quoted>(?:[^\"'\\]|\\.)*+)[\"']"
            r"(?=\s*,\s*[\"'](?:name|key|header)[\"']\s*:\s*[\"'](?:(?:proxy-)?authorization|(?:set-)?cookie|"
            rf"[\w.-]*?{_STRONG})[\"'])"
        ),
        first="value",
    ),
)
_CODE: Final = re.compile(r"([\"']code\\*[\"']\s*:\s*\\*[\"'])(?=[^\"']*[0-9A-Z])[\w.~/+=-]{20,}")
_BASIC: Final = re.compile(r"\b(basic\s+)([\w+/-]{6,}+)={0,2}", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """Return a text with ``***`` in place of what looks like a secret."""
    lowered = _lowered(text)
    for rule in _RULES:
        if rule.applies(lowered) and (masked := rule.masked(text, lowered)) is not text:
            text, lowered = masked, _lowered(masked)
    if "code" in lowered:
        text = _CODE.sub(rf"\1{MASK}", text)
    return _BASIC.sub(_masked_basic, text) if "basic" in lowered else text


def _lowered(text: str) -> str:
    """Return a text in lower case, of the same length: one letter would become two characters."""
    return text.replace("\u0130", "i").lower() if "\u0130" in text else text.lower()


def _masked_basic(match: re.Match[str]) -> str:
    """Mask text that decodes to ``user:password``, but not the words "basic authentication"."""
    try:
        decoded = a2b_base64(f"{match[2].replace('-', '+').replace('_', '/')}==")  # one too many is ignored
    except Error:
        return match[0]
    return f"{match[1]}{MASK}" if b":" in decoded else match[0]
