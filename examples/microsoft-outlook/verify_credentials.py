"""Tells whether the credentials work, by asking Graph who has signed in."""

from typing import Any

from outlook.graph import Graph
from outlook.patience import Patience
from shipmate import Context, Verdict


def verify_credentials(context: Context, credentials: dict[str, Any]) -> Verdict:
    """Read the account; what goes wrong is raised, and its text becomes the reason that the person reads."""
    # Somebody waits in front of a screen: one more try, and soon.
    graph = Graph.connect(context, credentials, Patience(attempts=2, longest_pause_seconds=2.0))
    account = graph.get("/me", select="id,displayName,mail,userPrincipalName")
    context.logger.info("the account has answered", extra={"has_mail": bool(account.get("mail"))})
    return {"verified": True}
