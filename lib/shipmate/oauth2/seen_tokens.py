"""Remembers the tokens of an account in this process, to distinguish old keys from a new sign-in. Pure; no I/O."""

from collections import OrderedDict
from typing import Final

from shipmate.oauth2.keys import Keys, fingerprint, tokens_in

_FIRST_TOKENS: Final = 64
_RECENT_TOKENS: Final = 1000


class SeenTokens:
    """The hashes of the tokens of an account in this process: the first 64, and the last 1000 to be used.

    A container's ``cfg`` never changes, so its first token must not look like a new sign-in after any number of
    refreshes. A token counts as used whenever a ``cfg`` or the stored keys have it.
    """

    def __init__(self) -> None:
        """Start without tokens."""
        self._first: set[bytes] = set()
        self._recent: OrderedDict[bytes, None] = OrderedDict()

    def add(self, keys: Keys) -> None:
        """Remember the tokens of these keys."""
        for token in tokens_in(keys):
            mark = fingerprint(token)
            if self._has(mark):
                continue
            if len(self._first) < _FIRST_TOKENS:
                self._first.add(mark)
                continue
            self._recent[mark] = None
            if len(self._recent) > _RECENT_TOKENS:
                self._recent.popitem(last=False)

    def knows(self, keys: Keys) -> bool:
        """Tell whether all tokens of these keys were seen; true for keys without tokens."""
        return all(self._has(fingerprint(token)) for token in tokens_in(keys))

    def shares(self, keys: Keys) -> bool:
        """Tell whether any token of these keys was seen."""
        return any(self._has(fingerprint(token)) for token in tokens_in(keys))

    def _has(self, mark: bytes) -> bool:
        if mark in self._first:
            return True
        try:
            # One step, because threads share the account: the token is never absent in between.
            self._recent.move_to_end(mark)
        except KeyError:
            return False
        return True
