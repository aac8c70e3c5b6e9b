"""Challenges of webhooks: an API asks for an answer before it sends events."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shipmate.errors import CredentialsInvalid, SignatureRefused
from shipmate.invocation.message import HttpReply
from shipmate.kit.values import text
from shipmate.kit.webhook_request import query

_LONGEST_CHALLENGE: Final = 1000
# An HMAC of any text would sign any event.
_PLAIN_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """A challenge whose answer is the text in it.

    Args:
        query: The parameter with the text: ``hub.challenge``, ``validationToken``.
        body: The path of the text in a signed body: ``challenge``.
        token_query: The parameter with a token that proves who asks: ``hub.verify_token``.
        token: The field of the credential or the trigger with that token.
        reply: The member of the answer that holds the text; the answer is the text itself unless given.
    """

    query: str = ""
    body: str = ""
    token_query: str = ""
    token: str = ""
    reply: str = ""

    def __post_init__(self) -> None:
        """Refuse a challenge that is found nowhere, and half a token.

        Raises:
            ValueError: The options do not belong together.
        """
        if bool(self.query) == bool(self.body):
            raise ValueError("Echo: expected query or body, found both or none")
        if bool(self.token_query) != bool(self.token):
            raise ValueError("Echo: expected token_query and token, found one of them")


@dataclass(frozen=True, slots=True, kw_only=True)
class HashedEcho:
    """A challenge whose answer is the text in it and its HMAC; the request itself must be signed.

    Args:
        body: The path of the text in the body.
        plain: The member of the answer with the text.
        hashed: The member of the answer with the HMAC.
    """

    body: str = "payload.plainToken"
    plain: str = "plainToken"
    hashed: str = "encryptedToken"


def check_token(challenge: Echo, msg: Mapping[str, Any], cfg: Mapping[str, Any]) -> None:
    """Check the token of a challenge that has one.

    Raises:
        CredentialsInvalid: The field of the token is empty.
        SignatureRefused: The request has another token.
    """
    if not challenge.token:
        return
    expected = text(cfg, challenge.token)
    if not expected:
        raise CredentialsInvalid(f"{challenge.token}: expected the token of the webhook, found nothing")
    given = query(msg, challenge.token_query)
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass")):
        raise SignatureRefused(f"expected the token of the webhook in {challenge.token_query}, found another one")


def echoed(challenge: Echo, asked: str) -> HttpReply:
    """Return the answer with the text of a challenge.

    Raises:
        SignatureRefused: The text is too long, or not printable.
    """
    if len(asked) > _LONGEST_CHALLENGE or not asked.isprintable():
        raise SignatureRefused(f"expected a challenge of at most {_LONGEST_CHALLENGE} characters, found another one")
    if challenge.reply:
        return _json_reply({challenge.reply: asked})
    # Never HTML: the text is a stranger's.
    headers = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
    return {"statusCode": 200, "body": asked, "headers": headers}


def hashed(challenge: HashedEcho, asked: str, key: bytes, algorithm: str) -> HttpReply:
    """Return the answer with the text of a challenge and its HMAC.

    Raises:
        SignatureRefused: The text could be an event.
    """
    if not _PLAIN_TOKEN.fullmatch(asked):
        raise SignatureRefused(f"expected letters and digits in {challenge.body}, found another text")
    digest = hmac.digest(key, asked.encode(), algorithm).hex()
    return _json_reply({challenge.plain: asked, challenge.hashed: digest})


def _json_reply(body: dict[str, str]) -> HttpReply:
    return {"statusCode": 200, "body": body, "headers": {"Content-Type": "application/json"}}
