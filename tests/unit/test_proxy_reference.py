"""What ``docs/reference/sailor-proxy.md`` says about the sailor proxy."""

import base64
import hashlib
import hmac
import json
import re
from pathlib import Path

import pytest

from shipmate.container.messages.cipher import Cipher
from shipmate.settings import StepSettings
from tests.unit.test_platform_reference import Noted, mandatory

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "sailor-proxy.md").read_text(encoding="utf-8")
CIPHER = Cipher("testCryptoPassword", "iv=any16_symbols")


def section(number: str) -> str:
    """Return the text of a section, with its subsections."""
    level = "##" if "." not in number else "###"
    text = re.split(rf"^{level} {re.escape(number)}[. ]", TEXT, maxsplit=1, flags=re.MULTILINE)[1]
    return re.split(rf"^#{{2,{len(level)}}} ", text, maxsplit=1, flags=re.MULTILINE)[0]


def needed() -> dict[str, str]:
    """Return an environment with the mandatory variables of the proxy."""
    names = re.findall(r"`([A-Z_]+)`", section("2.1").partition("\n\n-")[0])
    always = {name: value for name, value in mandatory().items() if not name.startswith("ELASTICIO_AMQP_")}
    return {**always, **{f"ELASTICIO_{name}": "x" * 16 for name in names}, "ELASTICIO_SAILOR_PROXY_URI": "http://p:1"}


def test_the_page_has_every_variable_that_a_step_on_the_proxy_reads() -> None:
    """The variables of section 2.1 suffice for a start, and all others are in sections 2.2 and 2.3."""
    environ = Noted(needed())
    StepSettings.from_environ(environ)
    listed = set(re.findall(r"\b[A-Z][A-Z_]+\b", section("2.1") + section("2.2") + section("2.3"))) | {
        *("FLOW_ID", "EXEC_ID", "STEP_ID", "CONTAINER_ID", "WORKSPACE_ID", "USER_ID", "COMP_ID", "FUNCTION"),
        *("API_URI", "API_USERNAME", "API_KEY", "AMQP_URI"),
    }
    names = {name.removeprefix("ELASTICIO_") for name in environ.names if not name.startswith("SHIPMATE_")}

    assert len(names) > 30
    assert names - listed == set()


def test_the_variables_that_are_not_used_are_not_read() -> None:
    """Section 2.4; the address of the broker is looked at for the choice only."""
    environ = Noted(needed())
    StepSettings.from_environ(environ)
    unused = set(re.findall(r"`([A-Z_]+[A-Z])`", section("2.4"))) - {"AMQP_URI"}

    assert len(unused) > 5
    assert {name for name in unused if f"ELASTICIO_{name}" in environ.names} == set()


def test_the_defaults_of_the_page_are_those_of_the_settings() -> None:
    """A variable that is set to the page's default changes nothing."""
    rows = re.findall(r"^\| `(PROXY_[A-Z_]+)` \| \w+ \| ([\w .]+) \|", section("2.2"), re.MULTILINE)
    given = {f"ELASTICIO_{name}": "" if value == "no limit" else value for name, value in rows}

    assert len(given) == 10
    assert StepSettings.from_environ({**needed(), **given}) == StepSettings.from_environ(needed())


def test_the_token_of_the_page_has_its_signature() -> None:
    """Section 18.1: HS256 with the UTF-8 bytes of the secret."""
    (block,) = re.findall(r"^```text\n(.*?)^```", section("18.1"), re.DOTALL | re.MULTILINE)
    header, claims, signature = "".join(block.split()).split(".")
    digest = hmac.new(b"testProxySecret", f"{header}.{claims}".encode(), hashlib.sha256).digest()

    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == signature
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "HS256", "typ": "JWT"}
    listed = re.findall(r'"(\w+)":(?!"(?:HS256|JWT))', section("3"))
    assert list(json.loads(base64.urlsafe_b64decode(claims + "=="))) == listed


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("18.2", [{"body": {"hello": "world"}}]),
        ("18.3", [{"body": {"hello": "world"}, "headers": {}}] * 2),
        ("18.4", ["Test error", {"body": {"hello": "world"}}]),
        ("18.5", [{"statusCode": 200, "body": "Ok", "headers": {"content-type": "text/plain"}}, {"p": 1}]),
    ],
)
def test_the_bodies_of_the_page_can_be_decrypted(number: str, expected: list[object]) -> None:
    """Base64 and hexadecimal; an error has its text as the member ``message``."""
    text = re.sub(r"(?<=[\w+/])(?<!```text)\n(?=[\w+/]+=*\n```)", "", section(number))
    bodies = [
        *(
            CIPHER.decode(each.encode(), 1)
            for each in re.findall(r"(?<![\w+/=])([\w+/]{40,}={0,2})(?![\w+/=])", text)
            if not is_hex(each)
        ),
        *(CIPHER.decode(bytes.fromhex(each), 2) for each in re.findall(r"\b[0-9a-f]{32,}\b", text)),
    ]
    found = [json.loads(body) for body in bodies]
    assert [each.get("message", each) for each in found] == expected


def is_hex(text: str) -> bool:
    """Tell whether a text is hexadecimal digits in lower case."""
    return re.fullmatch(r"[0-9a-f]+", text) is not None
