"""A client of the emulated provider's token endpoint, for tests."""

import base64
from typing import Any
from urllib.parse import quote_plus

import requests

from shipmate.emulator import OAuth2Provider

TIMEOUT = 10
SECRET = "p:ä s+%"
CLIENT = {"client_id": "id", "client_secret": SECRET}
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GRANT = {"grant_type": "client_credentials"}


class Clock:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def post(provider: OAuth2Provider, form: dict[str, str], path: str = "/token", **options: Any) -> requests.Response:
    """Post a form."""
    return requests.post(provider.url + path, data=form, timeout=TIMEOUT, **options)


def refresh(provider: OAuth2Provider, refresh_token: str, **extra: str) -> requests.Response:
    """Refresh with the credentials in the form."""
    return post(provider, {"grant_type": "refresh_token", "refresh_token": refresh_token, **CLIENT, **extra})


def basic(client_id: str, secret: str) -> dict[str, str]:
    """Return the header for client credentials. Source: RFC 6749 §2.3.1."""
    joined = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(joined.encode()).decode()}


def error(response: requests.Response) -> tuple[int, str]:
    """Return the status and the code of an error response, which must not be cached."""
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, response.json()["error"]
