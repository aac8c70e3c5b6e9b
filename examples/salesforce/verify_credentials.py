"""Tells whether the credentials work, by reading what only a valid sign-in with access to the API may read."""

from typing import Any

from salesforce.answers import SalesforceError
from salesforce.client import Salesforce
from shipmate import Context, Verdict


def verify_credentials(context: Context, credentials: dict[str, Any]) -> Verdict:
    """Read the list of resources; what goes wrong is the reason that the person reads."""
    client = Salesforce(context, credentials)
    try:
        client.get()
    except SalesforceError as error:
        reason = str(error)
        if error.status == 404:
            reason = f"this Salesforce has no version {client.version} of the API ({reason})"
        return {"verified": False, "reason": reason}
    return {"verified": True}
