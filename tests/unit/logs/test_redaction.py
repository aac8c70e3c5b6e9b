"""The redactor: known secrets in all encodings, and text that looks like a secret."""

import base64
import html
import json
import logging
import re
import threading
import traceback
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from shipmate.logs import redaction
from shipmate.logs.redaction import Redactor, is_secret_name
from tests.unit.logs.canaries import CANARY, ODD_CANARY, Log, nested_error


def requests_url(secret: str) -> str:
    return str(requests.Request("GET", f"https://h/?a={secret.replace('#', '')}").prepare().url)


@pytest.mark.parametrize(
    "write",
    [
        str,
        repr,
        ascii,
        lambda secret: repr({"a": secret}),
        lambda secret: repr([secret + "'"]),
        lambda secret: repr(secret.encode()),
        json.dumps,
        lambda secret: json.dumps(secret, ensure_ascii=False),
        lambda secret: json.dumps(json.dumps({"a": secret})),
        lambda secret: json.dumps(secret).replace("/", "\\/"),
        quote,
        quote_plus,
        lambda secret: quote(secret, safe=""),
        lambda secret: quote(secret, safe="").lower() if secret.islower() else quote(secret, safe=""),
        requests_url,
        lambda secret: quote(quote(secret, safe=""), safe=""),
        lambda secret: quote(secret, safe="!'()*"),
        lambda secret: "".join(f"%{byte:02x}" for byte in secret.encode()),
        lambda secret: re.sub("....", r"\\u\g<0>", secret.encode("utf-16-be").hex()),
        lambda secret: "".join(f"\\x{byte:02x}" for byte in secret.encode()),
        lambda secret: json.dumps(secret).replace("&", "\\u0026"),
        html.escape,
        lambda secret: "".join(f"&#{ord(character)};" for character in secret),
        lambda secret: quote(json.dumps({"a": secret})),
        lambda secret: base64.encodebytes(f"{'x' * 50}:{secret}".encode()).decode(),
        lambda secret: json.dumps(base64.encodebytes(f"{'x' * 55}:{secret}".encode()).decode()),
        lambda secret: base64.b64encode(f"client:{quote_plus(secret)}".encode()).decode(),
        lambda secret: quote(base64.b64encode(f"a:{secret}".encode()).decode(), safe=""),
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: base64.b64encode(f"client:{secret}".encode()).decode(),
        lambda secret: base64.b64encode(f"client2:{secret}".encode()).decode(),
        lambda secret: base64.b64encode(f"a:{secret}!".encode()).decode(),
        lambda secret: base64.urlsafe_b64encode(f"a:{secret}!".encode()).decode(),
    ],
)
@pytest.mark.parametrize("secret", [CANARY, ODD_CANARY])
def test_secrets_are_recognised_however_they_are_written(write: Callable[[str], str], secret: str, either: Log) -> None:
    logging.getLogger("component").info("value: %s", write(secret), extra={"more": write(secret)})
    for handled in (either.stream.getvalue(), either.foreign.getvalue()):
        assert "***" in handled
        assert write(secret) not in handled
        for part in ("c4nary", "coal-mine", "übel", base64.b64encode(b"c4nary").decode().rstrip("=")):
            assert part not in handled


@given(st.text(min_size=8).filter(lambda text: len(text.encode("utf-8", "replace")) >= 8))
def test_any_secret_is_removed_from_text_and_json(secret: str) -> None:
    redactor = Redactor()
    redactor.add(secret)
    assert "***" in redactor.redact(f"<{secret}>")
    assert "***" in redactor.redact(json.dumps([secret]))
    assert "***" in redactor.redact(json.dumps({"a": secret}, ensure_ascii=False))


def test_short_values_and_nothing_are_ignored() -> None:
    redactor = Redactor()
    redactor.add("short", "", None, "sixsix")
    assert redactor.redact("short sixsix") == "short ***"


def test_secrets_are_collected_by_their_names() -> None:
    redactor = Redactor()
    redactor.add_mapping(
        {
            "oauth": {"access_token": "first-value", "token_type": "BearerType", "scope": "scope-value"},
            "apiKey": "second-value",
            "credentials": {"username": "public-user", "value": "third-value", "list": ["fourth-value"]},
            "privateKeys": "not-a-secret-name",
            "client_secret": {"nested": "fifth-value"},
            "password": 123456,
            "name": "public-name",
            "": {"auth": ["sixth-value"]},
            7: {"secret": "seventh-value"},
        }
    )
    text = (
        "first-value second-value third-value fourth-value fifth-value sixth-value seventh-value "
        "BearerType scope-value public-user public-name"
    )
    assert redactor.redact(text) == "*** " * 7 + "BearerType scope-value public-user public-name"


@pytest.mark.parametrize(
    "name",
    "token accessToken ACCESS_TOKEN refresh_token clientSecret password PASSWD apikey api-key X-API-Key privateKeyPem "
    "Authorization set-cookie client_assertion code_verifier ELASTICIO_API_KEY ELASTICIO_MESSAGE_CRYPTO_PASSWORD "
    "accesstoken tokenValue".split(),
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    "token_type tokenUrl secretId keyword monkey author oauth name expires_in passwordHint 123 password_at".split(),
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.no_cover
def test_the_first_secrets_are_kept_and_of_tokens_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_MOST_PERMANENT", 26)
    monkeypatch.setattr(redaction, "_MOST_TOKENS", 100)
    redactor = Redactor()
    redactor.add("api-key-of-the-process")
    for number in range(70):
        redactor.add(f"token-{number:05}-number", f"{number:05}-with-another-head")
    redactor.add(*(f"token-{number:05}-number" for number in range(60, 70)))
    assert redactor.redact("api-key-of-the-process token-00010-number") == "*** ***"
    assert redactor.redact("token-00069-number token-00020-number") == "*** ***"
    assert redactor.redact("token-00015-number") == "token-00015-number"
    assert redactor.redact("00015-with-another-head") == "00015-with-another-head"
    assert len(redactor._secrets) == 126


def test_secrets_that_start_alike_or_contain_each_other_are_distinguished() -> None:
    redactor = Redactor()
    redactor.add("common-start-a", "common-start-a-longer", "common-start-b")
    assert redactor.redact("common-start-a-longer|common-start-a|common-start-c") == "***|***|common-start-c"


def test_the_lines_of_a_key_are_secrets_of_their_own() -> None:
    redactor = Redactor()
    redactor.add("first line of a key\nsecond line of a key\nend")
    assert redactor.redact("  second line of a key\n  end") == "  ***\n  end"


@pytest.mark.no_cover
def test_adding_and_redacting_at_once_is_safe() -> None:
    redactor = Redactor()
    failures: list[BaseException] = []

    def add(part: int) -> None:
        for number in range(150):
            redactor.add(f"token-{part}-{number}-of-a-thread")

    def redact() -> None:
        try:
            for number in range(150):
                redactor.redact(f"x token-1-{number}-of-a-thread")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=add, args=(part,)) for part in range(3)] + [threading.Thread(target=redact)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ('{"Authorization": "Bearer abc", "x": 1}', '{"Authorization": "***", "x": 1}'),
        ("[('Authorization', 'Bearer abc'), ('b', 'c')]", "[('Authorization', '***'), ('b', 'c')]"),
        ("b'GET /\\r\\nAuthorization: Bearer abc\\r\\nHost: x'", "b'GET /\\r\\nAuthorization: ***\\r\\nHost: x'"),
        ("Cookie: a=b; c=d\nHost: x", "Cookie: ***\nHost: x"),
        ("set-cookie=a", "set-cookie=***"),
        ("X-Shopify-Access-Token: abc", "X-Shopify-Access-Token: ***"),
        ("sent bearer abcd, twice", "sent bearer ***, twice"),
        ("the bearer token is missing", "the bearer token is missing"),
        ("Basic dXNlcjpwYXNz", "Basic ***"),
        ("Basic authentication, basic abcdefghi, Basic", "Basic authentication, basic abcdefghi, Basic"),
        ("id eyJhbGciOi.eyJzdWIi.c2ln!", "id ***!"),
        ('{"access_token": "a b\\" c", "t": 1}', '{"access_token": "***", "t": 1}'),
        ('"{\\"id_token\\": \\"xyz\\", \\"a\\": 1}"', '"{\\"id_token\\": \\"***\\", \\"a\\": 1}"'),
        ("{'password': 'x', 'b': 1}", "{'password': '***', 'b': 1}"),
        ("{'client_secret': b'x'}", "{'client_secret': '***'}"),
        ("password=hunter2, user=bob", "password=***, user=bob"),
        ("a=1&refresh_token=x%20y&client_assertion=z", "a=1&refresh_token=***&client_assertion=***"),
        (
            "code=abc&grant_type=authorization_code&code_verifier=v",
            "code=***&grant_type=authorization_code&code_verifier=***",
        ),
        ("/cb?state=s&code=abc", "/cb?state=s&code=***"),
        ('{"code": "4/0AX4XfWhabcdefghijkl"}', '{"code": "***"}'),
        ("status code=500 code: 5", "status code=500 code: 5"),
        ('{"code": "reauthorization_required"}', '{"code": "reauthorization_required"}'),
        ("Token(api_key='abc', n=1)", "Token(api_key='***', n=1)"),
        ("amqp://user:pass@host:5672/x and http://tok@h", "amqp://***@host:5672/x and http://***@h"),
        ("https://h/?email=a@b.c", "https://h/?email=a@b.c"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----.", "-----BEGIN RSA PRIVATE KEY-----***."),
        ("token=None token == x token_type=Bearer", "token=None token == x token_type=Bearer"),
        ('"refresh_token": null, "secret": ""', '"refresh_token": null, "secret": ""'),
        ("No refresh token: sign in again", "No refresh token: sign in again"),
        ('{"name": "Authorization", "value": "Bearer abc"}', '{"name": "Authorization", "value": "***"}'),
        (
            '{"name": "password", "type": "text", "value": "hunter2"}',
            '{"name": "password", "type": "text", "value": "***"}',
        ),
        ('{"value": "hunter2", "name": "X-Api-Token"}', '{"value": "***", "name": "X-Api-Token"}'),
        ('{\\"key\\": \\"api_key\\", \\"value\\": \\"x\\"}', '{\\"key\\": \\"api_key\\", \\"value\\": \\"***\\"}'),
        ("amqp://user:p@ss@host/x", "amqp://***@host/x"),
        ('Authorization: Digest username="ada", response="0a9b"\nHost: a', "Authorization: ***\nHost: a"),
        ('{"h": "Authorization: Digest a=\\"b\\", c=\\"d\\"", "x": 1}', '{"h": "Authorization: ***", "x": 1}'),
        ('sent Digest username="ada", response="0a9b"', "sent Digest ***"),
        ("GET /a?key=abc&x=1", "GET /a?key=***&x=1"),
        ("/a?x=1&sig=a%3D&b=2 /a?x=1&amp;sig=a%3D", "/a?x=1&sig=***&b=2 /a?x=1&amp;sig=***"),
        ("to=https%3A%2F%2Fh%2F%3Faccess_token%3Dabc", "to=https%3A%2F%2Fh%2F%3Faccess_token%3D***"),
        ("apikey: abc123", "apikey: ***"),
        (
            "Ocp-Apim-Subscription-Key: abc123, client_secret: expected text",
            "Ocp-Apim-Subscription-Key: ***, client_secret: expected text",
        ),
        ("<password>hunter2</password>", "<password>***</password>"),
        ('<wsse:Password Type="x"><![CDATA[a<b]]></wsse:Password>', '<wsse:Password Type="x">***</wsse:Password>'),
        ("&lt;apiKey&gt;abc&lt;/apiKey&gt;", "&lt;apiKey&gt;***&lt;/apiKey&gt;"),
        ("<tokenType>Bearer</tokenType><a>b</a>", "<tokenType>Bearer</tokenType><a>b</a>"),
        ("sessionId=abc; path=/", "sessionId=***; path=/"),
    ],
)
def test_what_looks_like_a_secret_is_removed_and_other_text_stays(text: str, redacted: str) -> None:
    assert Redactor().redact(text) == redacted


@given(st.text(alphabet=st.sampled_from("tokenpassword=:\"'\\ {}&?eyJ.abc\n")))
def test_masked_text_is_masked_once_and_for_all(text: str) -> None:
    redactor = Redactor()
    once = redactor.redact(text)
    assert redactor.redact(once).count("***") >= once.count("***") - once.count("=***")


def test_values_keep_their_shape_without_secrets() -> None:
    redactor = Redactor()
    redactor.add(CANARY)
    value = {
        "a": [1, 1.5, None, True, CANARY, ("x",)],
        "token": "anything",
        "secret": "",
        CANARY: 1,
        "password": 5,
        6: 7,
    }
    assert redactor.redact_json(value) == {
        "a": [1, 1.5, None, True, "***", ["x"]],
        "token": "***",
        "secret": "",
        "***": 1,
        "password": 5,
        6: 7,
    }


def test_values_are_hidden_by_the_names_around_them() -> None:
    value = {
        "headers": [{"name": "Authorization", "value": "Bearer a"}, {"key": "api_key", "value": ["b"]}],
        "pairs": [["Cookie", "c"], ("Accept", "d")],
        "client_secret": {"nested": ["e"], "expires_at": "f"},
        "people": [{"name": "ada", "value": "g"}],
    }
    assert Redactor().redact_json(value) == {
        "headers": [{"name": "Authorization", "value": "***"}, {"key": "api_key", "value": ["***"]}],
        "pairs": [["Cookie", "***"], ["Accept", "d"]],
        "client_secret": {"nested": ["***"], "expires_at": "f"},
        "people": [{"name": "ada", "value": "g"}],
    }


def test_a_traceback_printed_by_anyone_can_be_redacted() -> None:
    redactor = Redactor()
    redactor.add(CANARY)
    text = "".join(traceback.format_exception(nested_error()))
    assert CANARY in text
    assert CANARY not in redactor.redact(text)


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"])
def test_the_headers_for_a_collector_of_traces_are_secrets(name: str) -> None:
    """Their names are the vendor's, and say nothing; values are percent-encoded."""
    redactor = Redactor()
    redactor.add_environment({name: "x-team=4f1d9c07ab, authorization=Basic%20YWRhOm5vdGhpbmc"})
    assert redactor.redact("found 4f1d9c07ab and (Basic YWRhOm5vdGhpbmc)") == "found *** and (***)"
