"""Checks the credentials: reads a path that needs a valid sign-in with access to the API."""

from typing import Any

from salesforce.client import Salesforce
from shipmate import ApiError, Context, Verdict


def verify_credentials(context: Context, credentials: dict[str, Any]) -> Verdict:
    """Read the list of resources; the text of an exception becomes the reason that the user reads."""
    client = Salesforce(context, credentials)
    try:
        client.get()
    except ApiError as error:
        reason = f"this Salesforce has no version {client.version} of the API ({error})"
        return {"verified": False, "reason": reason if error.status == 404 else str(error)}
    return {"verified": True}
