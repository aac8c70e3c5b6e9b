"""The OAuth2 provider of this component."""

from collections.abc import Mapping
from typing import Any, Final

from shipmate import OAuth2

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


# A refresh token of Entra expires 90 days after it was issued. A refresh before every access replaces it, so it lives
# as long as the account is used.
MICROSOFT: Final = OAuth2(
    refresh="every_access", send=("scope",), parse=with_offline_access, hosts=["graph.microsoft.com"]
)
