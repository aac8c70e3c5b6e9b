"""The API in the credentials; its host is the only one that gets the token."""

import math
import re
from typing import Any, Final

from shipmate import Context, Policy
from shipmate.kit import Api
from shipmate.kit.objects.connection import Connection
from shipmate.kit.values import flag, number, text

# Scheme and host, or a member of the token with both, like {instance_url}; then an optional path.
_BASE_URL: Final = re.compile(r"(https?://[^/?#@\\\s{}]+|\{\w+\})(/[^?#\s]*)?", re.IGNORECASE)


def connect(context: Context, cfg: dict[str, Any], policy: Policy | None = None) -> Connection:
    """Return a connection to the API, which sends requests again as the fields of the step say.

    Raises:
        ValueError: The credentials have no base URL, or a field has a wrong value.
    """
    base_url = text(cfg, "base_url")
    if not _BASE_URL.fullmatch(base_url):
        raise ValueError("base_url in the credentials: expected a URL such as https://api.example.com/v1")
    api = Api(base_url, headers={"Accept": "*/*"})
    return api.connect(context, cfg, policy=policy or policy_of(cfg))


def policy_of(cfg: dict[str, Any]) -> Policy:
    """Return when a request is sent again.

    Raises:
        ValueError: A field has a wrong value; a session by itself would limit the number of retries.
    """
    return Policy(
        repeat="all" if flag(cfg, "retry_unsafe") else "safe",
        longest_pause_seconds=number(cfg, "max_wait", default=60, least=0, most=600),
        budget_seconds=math.inf,
    ).with_fields(cfg)
