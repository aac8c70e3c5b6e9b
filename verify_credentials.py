"""Checks the credentials: reads a path that needs a valid sign-in."""

from typing import Any

from rest.answers import require_success
from rest.sending import Retries, send
from rest.urls import hosts, resolve
from shipmate import Context, Verdict


def verify_credentials(context: Context, credentials: dict[str, Any]) -> Verdict:
    """Read the test path; the text of an exception becomes the reason that the user reads."""
    url = resolve(credentials, str(credentials.get("test_path") or ""))
    # A user waits for the result: one quick retry.
    api = context.oauth2(credentials, hosts=hosts(credentials))
    require_success(send(api, "GET", url, Retries(count=1, longest_pause_seconds=2.0)))
    return {"verified": True}
