"""Tells whether the credentials work, by reading what only a valid sign-in may read."""

from typing import Any

from rest.urls import resolve


def verify_credentials(context: Any, credentials: dict[str, Any]) -> dict[str, Any]:
    """Read the test path; the status says the rest."""
    response = context.oauth2(credentials).get(resolve(credentials, credentials.get("test_path") or ""))
    if response.ok:
        return {"verified": True}
    path = credentials.get("test_path") or "the base URL"
    return {"verified": False, "reason": f"the API answered {response.status_code} to GET {path}"}
