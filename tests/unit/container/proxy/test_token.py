"""The token of a container."""

from shipmate.container.proxy.token import claims_of, signed
from shipmate.settings import FlowSettings, ProxySettings, Secret

EXPECTED = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VybmFtZSI6InVzZXJAZXhhbXBsZS5jb20iLCJwYXNzd29yZCI6ImFwaS1rZXktMSIsInN0"
    "ZXBJZCI6InN0ZXBfMSIsImNsaWVudElkIjoiMTExMTExMTEtMjIyMi00MzMzLTg0NDQtNTU1NTU1NTU1NTU1IiwiZXhlY0lkIjoiZXhlYy0xIiwiY2"
    "9udGFpbmVySWQiOiJjb250LTEiLCJ3b3Jrc3BhY2VJZCI6IndzLTEiLCJ1c2VySWQiOiJ1c2VyLTEiLCJjb21wSWQiOiJjb21wLTEiLCJmdW5jdGlv"
    "biI6InVwc2VydCIsImlhdCI6MTc5MDAwMDAwMH0.VDtUSCT0sVydNyQCGnA7qxS2oesHsnwytwLE0c6wEmg"
)


def test_the_token_is_that_of_the_official_client() -> None:
    """Proxy 18.1, to the byte."""
    settings = ProxySettings(
        "http://proxy:5001", Secret("testProxySecret"), username="user@example.com", key=Secret("api-key-1")
    )
    flow = FlowSettings("flow-1", "exec-1", "step_1", "cont-1", "ws-1", "user-1", "comp-1", "upsert")
    claims = claims_of(settings, flow, client_id="11111111-2222-4333-8444-555555555555", issued_at=1_790_000_000)
    assert signed(claims, settings.jwt_secret) == EXPECTED
