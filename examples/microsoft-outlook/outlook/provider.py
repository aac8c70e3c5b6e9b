"""The OAuth2 provider of this component."""

from collections.abc import Mapping
from typing import Any, Final

from shipmate import OAuth2

_RENEWED: Final = "offline_access"


def with_offline_access(answer: dict[str, Any]) -> Mapping[str, Any]:
    """Return a token answer whose scope, which goes along with the next refresh, asks for a refresh token again.

    The answers of Entra leave ``offline_access`` out of the scope, and a refresh token comes only to who asks for it.

    >>> with_offline_access({"scope": "Mail.Send"})
    {'scope': 'Mail.Send offline_access'}
    """
    scope = answer.get("scope")
    if not isinstance(scope, str) or not scope or _RENEWED in scope.split():
        return answer
    return {**answer, "scope": f"{scope} {_RENEWED}"}


# A refresh token of Entra lives for 90 days from when it was issued. Renewed with every access, it lives as long as the
# account is used, also where an access token would have lasted for a while still.
MICROSOFT: Final = OAuth2(refresh="every_access", send=("scope",), parse=with_offline_access)
