"""Calls a protected API."""

import os


def process(context, msg, cfg, snapshot):
    """Return the API's answer."""
    response = context.oauth2(cfg).get(os.environ["TEST_API"] + "/me")
    response.raise_for_status()
    return {"body": {"answer": response.json(), "number": msg["body"].get("number")}}
