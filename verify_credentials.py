"""Checks the credentials: reads a path that needs a valid sign-in."""

from typing import Any

from rest.api import connect
from shipmate import Context, Policy, Verdict
from shipmate.kit.values import text


def verify_credentials(context: Context, credentials: dict[str, Any]) -> Verdict:
    """Read the test path; the text of an exception becomes the reason that the user reads."""
    # A user waits for the result: one quick retry.
    connect(context, credentials, Policy(attempts=2, longest_pause_seconds=2.0)).get(text(credentials, "test_path"))
    return {"verified": True}
