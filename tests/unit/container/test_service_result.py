"""The address that takes a result: what is in it, what is taken out of it, and what is no address."""

import base64

import pytest

from shipmate.container.service_result import ResultEndpoint
from shipmate.errors import BadSetting, MissingSetting

URL = "ELASTICIO_POST_RESULT_URL"


@pytest.mark.parametrize(
    ("url", "bare", "pair"),
    [
        ("http://us%40er:p%3Aw@host/res/1", "http://host/res/1", b"us@er:p:w"),
        ("http://user:p:w@host:8080/res?a=b#c", "http://host:8080/res?a=b#c", b"user:p:w"),
        ("https://user:a+b%2Bc@host", "https://host", b"user:a+b+c"),
        ("http://us@er:w@host/u:w@x", "http://host/u:w@x", b"us@er:w"),
        ("http://%C3%BC:%FF@host/", "http://host/", b"\xc3\xbc:\xff"),
        ("http://user:w@[::1]:80/", "http://[::1]:80/", b"user:w"),
        (" http://user:w@host/\n", "http://host/", b"user:w"),
        ("http://user@host/a", "http://host/a", b"user:"),
        ("http://user:@host/a", "http://host/a", b"user:"),
        ("http://:w@host/a", "http://host/a", b":w"),
    ],
)
def test_user_and_password_become_a_header(url: str, bare: str, pair: bytes) -> None:
    """Contract 10.3, without J-6: decoded byte for byte, and gone from the address; one alone is sent as well."""
    place = ResultEndpoint.from_environ({URL: url})
    assert (place.url, place.authorization()) == (bare, "Basic " + base64.b64encode(pair).decode())
    assert "w'" not in repr(place)


@pytest.mark.parametrize("url", ["http://host/a@b", "https://host?a=%41"])
def test_an_address_without_either_is_used_as_it_is(url: str) -> None:
    """Contract 10.3."""
    place = ResultEndpoint.from_environ({URL: url})
    assert (place.url, place.authorization()) == (url, None)


@pytest.mark.parametrize(
    "url", ["s3cret", "ftp://u:s3cret@host/", "http://u:s3cret@", "http://u:s3cret@[::1", "http://u:s3cret@host:x/"]
)
def test_what_is_no_address_is_refused_and_not_shown(url: str) -> None:
    """It may be a password all the same: DEF-18."""
    with pytest.raises(BadSetting, match=URL) as refused:
        ResultEndpoint.from_environ({URL: url})
    assert "s3cret" not in str(refused.value)
    with pytest.raises(MissingSetting, match="is missing"):
        ResultEndpoint.from_environ({URL: ""})


def test_patience_is_that_of_the_platforms_api() -> None:
    """Contract 10.1, with the defaults of contract 2.4: DEF-13."""
    assert (ResultEndpoint("http://host").attempts, ResultEndpoint("http://host").delay_ms) == (3, 100)
    settings = {"ELASTICIO_API_REQUEST_RETRY_ATTEMPTS": "7", "ELASTICIO_API_REQUEST_RETRY_DELAY": "0"}
    place = ResultEndpoint.from_environ({URL: "http://host", **settings})
    assert (place.attempts, place.delay_ms) == (7, 0)
