"""Checks the credentials: reads the signed-in account from Graph."""

from typing import Any

from outlook.graph import Graph
from outlook.patience import Patience
from shipmate import Context, Verdict


def verify_credentials(context: Context, credentials: dict[str, Any]) -> Verdict:
    """Read the account; the text of an exception becomes the reason that the user reads."""
    # A user waits for the result: one quick retry.
    graph = Graph.connect(context, credentials, Patience(attempts=2, longest_pause_seconds=2.0))
    account = graph.get("/me", select="id,displayName,mail,userPrincipalName")
    context.logger.info("the account has answered", extra={"has_mail": bool(account.get("mail"))})
    return {"verified": True}
