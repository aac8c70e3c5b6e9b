"""Checks the credentials: reads the signed-in account from Graph."""

from dataclasses import replace
from typing import Any

from outlook.graph import Graph
from outlook.provider import POLICY
from shipmate import Context, Verdict


def verify_credentials(context: Context, credentials: dict[str, Any]) -> Verdict:
    """Read the account; the text of an exception becomes the reason that the user reads."""
    # A user waits for the result: one quick retry.
    graph = Graph.connect(context, credentials, replace(POLICY, attempts=2, budget_seconds=2.0))
    account = graph.get("/me", select="id,displayName,mail,userPrincipalName")
    context.logger.info("the account has answered", extra={"has_mail": bool(account.get("mail"))})
    return {"verified": True}
