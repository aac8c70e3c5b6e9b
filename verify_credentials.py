"""Tells whether the credentials work, by reading what only a valid sign-in may read."""

from typing import Any

from rest.answers import require_success
from rest.sending import Retries, send
from rest.urls import resolve
from shipmate import Context, Verdict


def verify_credentials(context: Context, credentials: dict[str, Any]) -> Verdict:
    """Read the test path; what goes wrong is raised, and its text becomes the reason that the person reads."""
    url = resolve(credentials, str(credentials.get("test_path") or ""))
    # Somebody waits in front of a screen: one more try, and soon.
    require_success(send(context.oauth2(credentials), "GET", url, Retries(count=1, longest_pause_seconds=2.0)))
    return {"verified": True}
