"""The emulated provider: revocation, metadata and arguments."""

import pytest
import requests

from shipmate.emulator import OAuth2Provider
from tests.unit.emulator.token_endpoint import (
    CLIENT,
    JWT_BEARER,
    TIMEOUT,
    error,
    post,
    refresh,
)


class TestOtherEndpoints:
    def test_a_client_revokes_its_own_tokens_only(self, provider: OAuth2Provider) -> None:
        own, foreign = provider.issue(), provider.issue(client_id="public")
        for token in (own["refresh_token"], foreign["refresh_token"], "unknown"):
            assert post(provider, {"token": token} | CLIENT, "/revoke").status_code == 200
        assert not provider.is_valid(own["access_token"])
        assert provider.is_valid(foreign["access_token"])
        assert error(post(provider, CLIENT, "/revoke")) == (400, "invalid_request")

    def test_the_metadata_names_endpoints_and_methods(self, provider: OAuth2Provider) -> None:
        found = requests.get(provider.url + "/.well-known/oauth-authorization-server", timeout=TIMEOUT).json()
        assert found["issuer"] == provider.url
        assert found["token_endpoint"] == provider.token_url
        assert "client_secret_basic" in found["token_endpoint_auth_methods_supported"]
        assert JWT_BEARER in found["grant_types_supported"]

    def test_without_clients_there_is_a_demo_client(self) -> None:
        with OAuth2Provider() as provider:
            token = provider.issue()["refresh_token"]
            assert refresh(provider, token, client_id="demo-client", client_secret="demo-secret").ok

    def test_a_misspelt_rule_is_an_error(self) -> None:
        with pytest.raises(TypeError, match="rotatoin"):
            OAuth2Provider(rotatoin=True)
