"""Verifies credentials as they themselves say."""

import os


def verify_credentials(context, credentials):
    """Return, raise or exit what ``do`` says."""
    do = credentials.get("do")
    if do == "raise":
        raise ValueError("wrong password")
    if do == "exit":
        raise SystemExit(1)
    if do == "keys":
        context.emit("updateKeys", {"oauth": {"access_token": "verified-token"}})
    if do == "call":
        context.oauth2(credentials).get(os.environ["TEST_API"] + "/me").raise_for_status()
    return credentials.get("return")
