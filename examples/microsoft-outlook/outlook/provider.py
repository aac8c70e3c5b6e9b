"""Microsoft Graph and its OAuth2 provider, as this component uses them."""

import math
from collections.abc import Mapping
from typing import Any, Final

from outlook.errors import refusal
from outlook.urls import BASE_URL
from shipmate import Policy
from shipmate.kit import Api

_OFFLINE_ACCESS: Final = "offline_access"


def with_offline_access(answer: dict[str, Any]) -> Mapping[str, Any]:
    """Return a token response with ``offline_access`` in its scope, which the next refresh sends.

    Entra leaves ``offline_access`` out of the scope in its responses, and issues a refresh token only if a request asks
    for it.

    >>> with_offline_access({"scope": "Mail.Send"})
    {'scope': 'Mail.Send offline_access'}
    """
    scope = answer.get("scope")
    if not isinstance(scope, str) or not scope or _OFFLINE_ACCESS in scope.split():
        return answer
    return {**answer, "scope": f"{scope} {_OFFLINE_ACCESS}"}


# A message that waits blocks a worker, so that longer pauses become rebounds.
# Source: https://learn.microsoft.com/graph/throttling
POLICY: Final = Policy(
    attempts=3, delay_seconds=1.0, jitter=0.0, statuses="429, 500, 502-504, 509", longest_pause_seconds=math.inf,
    budget_seconds=10.0,
)  # fmt: skip

# A refresh token of Entra expires 90 days after it was issued. A refresh before every access replaces it, so it lives
# as long as the account is used.
MICROSOFT: Final = Api(
    BASE_URL,
    refresh="every_access",
    send=("scope",),
    parse=with_offline_access,
    read_error=refusal,
    headers={"Accept": "*/*"},
)
