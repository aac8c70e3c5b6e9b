"""Signing in as a person does: the command, a provider, and a browser that is an HTTP client or a real Chromium."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shipmate.emulator import DemoApi, Fault, OAuth2Provider, Platform, Reply, Request, Server
from tests.browser import Chromium, started
from tests.forked import COMMANDS, Process, start

SECRET = "the client's secret"
VERIFIER = """
def verify_credentials(context, credentials):
    return {"verified": context.oauth2(credentials).get(credentials["url"] + "/me").ok}
"""


class Command:
    """``shipmate login`` at work, after it has said which address it waits for."""

    def __init__(self, process: Process) -> None:
        """Read what it says, until it waits or has ended."""
        self.process = process
        self.err = ""
        self.url = ""
        assert process.stderr is not None
        for line in process.stderr:
            self.err += line
            if line.startswith("http"):
                self.url = line.strip()
            if line.startswith("Waiting at "):
                break

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the authorization request."""
        return dict(parse_qsl(urlsplit(self.url).query))

    def end(self) -> tuple[int, str, str]:
        """Wait for its end, and return its status and all that it printed."""
        out, err = self.process.communicate(timeout=15)
        self.err += err
        assert "Traceback" not in self.err
        return self.process.returncode, out, self.err


class Desk:
    """A component on disk whose descriptor names a provider."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment: dict[str, str] = {}
        self.oauth2: dict[str, Any] = {}
        self._started: list[Process] = []

    def close(self) -> None:
        """Kill what a failed test has left."""
        for process in self._started:
            with process:
                process.kill()

    def describe(self, **oauth2: Any) -> None:
        """Write the descriptor; a member that is None is left out."""
        self.oauth2 = {name: value for name, value in {**self.oauth2, **oauth2}.items() if value is not None}
        fields = {
            "region": {"label": "Region", "viewClass": "TextFieldView"},
            "login": {"label": "Account", "viewClass": "OAuthFieldView"},
        }
        credentials = {"fields": fields, **({"oauth2": self.oauth2} if self.oauth2 else {})}
        (self.root / "component.json").write_text(json.dumps({"title": "Test", "credentials": credentials}))

    def start(self, name: str, *arguments: str | Path) -> Process:
        """Start a command of the component."""
        measured = {key: value for key, value in os.environ.items() if key.startswith("COVERAGE")}
        environment = {"PATH": os.environ["PATH"], **measured, **self.environment}
        command = ("shipmate", name, "--component", self.root, *arguments)
        process = start(*command, loaded=COMMANDS, env=environment, cwd="/")
        self._started.append(process)
        return process

    def login(self, *arguments: str | Path) -> Command:
        """Start to sign in."""
        return Command(self.start("login", *arguments))

    def run(self, name: str, *arguments: str | Path) -> tuple[int, str, str]:
        """Run a command to its end."""
        process = self.start(name, *arguments)
        out, err = process.communicate(timeout=15)
        assert "Traceback" not in err
        return process.returncode, out, err

    @property
    def keys(self) -> Path:
        """The file that keys are saved to unless another one is named."""
        return self.root / "account.keys.json"

    def saved(self) -> Any:
        """Return what is in it."""
        return json.loads(self.keys.read_text())


@pytest.fixture
def provider() -> Iterator[OAuth2Provider]:
    """Return a provider that insists on PKCE."""
    with OAuth2Provider({"the-client": SECRET}, requires_pkce=True, extra={"instance_url": "https://eu.test"}) as made:
        yield made


@pytest.fixture
def desk(tmp_path: Path, provider: OAuth2Provider) -> Iterator[Desk]:
    """Return a component that signs in at the provider."""
    made = Desk(tmp_path / "component")
    made.root.mkdir()
    (made.root / "verify_credentials.py").write_text(VERIFIER)
    made.environment = {"CLIENT_ID": "the-client", "CLIENT_SECRET": SECRET}
    made.describe(
        client_id="{{CLIENT_ID}}",
        client_secret="{{CLIENT_SECRET}}",
        auth_uri=provider.authorize_url,
        token_uri=provider.token_url,
        revoke_uri=provider.url + "/revoke",
        scopes=["read", "write"],
        access_type="offline",
    )
    yield made
    made.close()


def browse(url: str, **options: Any) -> requests.Response:
    """Do what a browser does with an address; the provider agrees at once."""
    return requests.get(url, timeout=10, **options)


def callback_of(command: Command, **parameters: str) -> str:
    """Return the address that the provider would send the browser back to."""
    asked = command.parameters
    return f"{asked['redirect_uri']}?{urlencode({'state': asked['state'], **parameters})}"


@pytest.mark.usefixtures("measured")
def test_a_person_signs_in_and_the_whole_answer_is_saved(desk: Desk, provider: OAuth2Provider) -> None:
    """The main job: the keys are in the field of the descriptor, and work."""
    desk.environment["LOG_LEVEL"] = "debug"
    with DemoApi(provider) as api:
        desk.keys.write_text(json.dumps({"region": "eu", "url": api.url, "login": {"stale": 1}}))
        desk.keys.chmod(0o644)
        command = desk.login()
        page = browse(command.url)
        status, out, err = command.end()
        verdict = desk.run("verify")

    assert (status, page.status_code) == (0, 200)
    assert "Signed in" in page.text
    saved = desk.saved()
    assert saved["region"] == "eu"
    assert sorted(saved["login"]) == [
        "access_token", "expires_at", "expires_in", "instance_url", "refresh_token", "scope", "token_type",
    ]  # fmt: skip
    assert saved["login"]["scope"] == "read write"
    assert desk.keys.stat().st_mode & 0o777 == 0o600
    assert out.splitlines() == [
        f"Saved {', '.join(sorted(saved['login']))} under login in {desk.keys}",
        f"Try it: shipmate verify --component {desk.root}",
    ]
    assert verdict[:2] == (0, '{"verified": true}\n')
    code = parse_qs(urlsplit(page.url).query)["code"][0]
    assert '"logger": "urllib3' in err  # everything was logged that there is to log
    for secret in (SECRET, code, saved["login"]["access_token"], saved["login"]["refresh_token"]):
        assert secret not in out + err + page.text


def test_the_request_carries_what_the_descriptor_says_and_pkce(desk: Desk, provider: OAuth2Provider) -> None:
    """Extras of the provider go along; the address to come back to is the same in both requests."""
    command = desk.login()
    asked = command.parameters
    browse(command.url)
    assert command.end()[0] == 0

    assert asked["scope"] == "read write"
    assert asked["access_type"] == "offline"
    assert asked["response_mode"] == "query"
    assert asked["code_challenge_method"] == "S256"
    (exchange,) = provider.token_requests
    assert exchange.form["redirect_uri"] == asked["redirect_uri"]
    assert exchange.form["code_verifier"] not in command.url
    assert "revoke_uri" not in asked
    assert "client_secret" not in asked


def test_fields_that_are_given_as_json_fill_the_addresses_and_are_saved_with_the_keys(
    desk: Desk, provider: OAuth2Provider
) -> None:
    """A first sign-in needs no file."""
    desk.describe(auth_uri=provider.url + "/{{region}}")
    command = desk.login("--cfg", '{"region": "authorize"}')
    browse(command.url)

    assert command.end()[0] == 0
    assert desk.saved()["region"] == "authorize"
    assert desk.saved()["login"]["access_token"]


@pytest.mark.parametrize("way", ["basic", "post", "none", "private_key_jwt"])
def test_the_client_proves_itself_as_it_does_for_a_refresh(desk: Desk, way: str) -> None:
    """One code for both: what a refresh can do, a sign-in can."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    secret = None if way in ("none", "private_key_jwt") else SECRET
    public_keys = {"the-client": public.decode()}
    with OAuth2Provider({"the-client": secret}, client_auth=way, public_keys=public_keys) as provider:
        desk.describe(auth_uri=provider.authorize_url, token_uri=provider.token_url, client_auth=way)
        desk.environment["CLIENT_SECRET"] = private.decode() if way == "private_key_jwt" else SECRET
        command = desk.login()
        browse(command.url)

        assert command.end()[0] == 0
        assert provider.is_valid(desk.saved()["login"]["access_token"])


def test_only_the_right_answer_ends_the_wait(desk: Desk) -> None:
    """Favicons, other pages, methods and hosts, and answers with a foreign state, change nothing."""
    command = desk.login()
    here = command.parameters["redirect_uri"]
    home = here.removesuffix("/callback")
    good = callback_of(command, code="a-code")
    statuses = [
        browse(f"{home}/favicon.ico").status_code,
        browse(f"{home}/").status_code,
        requests.post(good, timeout=10).status_code,
        requests.head(good, timeout=10).status_code,
        browse(good, headers={"Host": "rebound.example.com"}).status_code,
        browse(f"{here}?code=a-code&state=foreign").status_code,
        browse(f"{here}?code=a-code").status_code,
        browse(f"{good}&state=twice").status_code,
    ]
    browse(command.url)

    assert statuses == [404, 404, 405, 405, 403, 400, 400, 400]
    status, _, err = command.end()
    assert status == 0
    assert err.count("ignored an answer that does not belong to this sign-in") == 3


def test_the_page_keeps_what_it_knows_to_itself(desk: Desk) -> None:
    """Its address has the code in it; and text from outside stays text."""
    command = desk.login()
    page = browse(callback_of(command, error="access_denied", error_description="<script>alert(1)</script>\x1b[31m"))
    status, _, err = command.end()

    assert status == 1
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert "&lt;script&gt;" in page.text
    assert "<script" not in page.text
    assert "\x1b" not in err


@pytest.mark.usefixtures("measured")
def test_a_refusal_is_one_line(desk: Desk, provider: OAuth2Provider) -> None:
    """What the provider says is what the person reads."""
    provider.approves = False
    command = desk.login()
    page = browse(command.url)
    status, out, err = command.end()

    assert (status, out) == (1, "")
    assert err.splitlines()[-1] == f"Error: sign-in failed at {provider.url}: access_denied: the user denied access"
    assert "the user denied access" in page.text
    assert not desk.keys.exists()


@pytest.mark.usefixtures("measured")
def test_an_answer_of_another_issuer_is_refused(desk: Desk, provider: OAuth2Provider) -> None:
    """A code that another provider has made must not be sent to this one."""
    command = desk.login()
    browse(callback_of(command, code="a-code", iss="https://evil.example.com"))
    status, _, err = command.end()

    assert status == 1
    assert "https://evil.example.com" in err.splitlines()[-1]
    assert provider.token_requests == []


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(400, {"error": "invalid_grant"}), "refuses the code: invalid_grant"),
        (Fault(401, {"error": "invalid_client"}), "refuses the client: invalid_client; check client_id"),
        (Fault(400, {"error": "invalid_request"}), "refuses the request: invalid_request"),
        (Fault(200, "<html>maintenance</html>"), "neither JSON nor a form"),
        (Fault(502, "<html>bad gateway</html>"), "HTTP 502"),
        (Fault(drop="before"), "the connection was closed before the answer was complete"),
    ],
    ids=lambda value: "" if isinstance(value, str) else None,
)
def test_a_failed_exchange_is_one_line_in_the_terminal_and_no_success_in_the_browser(
    desk: Desk, provider: OAuth2Provider, fault: Fault, expected: str
) -> None:
    """The page comes after the exchange, so that it can tell the truth."""
    provider.script("/token", fault)
    command = desk.login()
    page = browse(command.url)
    status, _, err = command.end()

    assert status == 1
    assert expected in err.splitlines()[-1]
    assert "Sign-in failed" in page.text
    assert not desk.keys.exists()


def test_a_provider_that_ignores_pkce_works_too(desk: Desk) -> None:
    """Older ones know neither the challenge nor the verifier, nor send an issuer."""
    with Server() as server:

        def authorize(request: Request) -> Reply:
            target = f"{request.query['redirect_uri']}?state={request.query['state']}&code=the-code"
            return Reply(302, None, {"Location": target})

        server.route("GET", "/authorize", authorize)
        server.route("POST", "/token", lambda _: Reply(200, "access_token=from-a-form&scope=read"))
        desk.describe(auth_uri=f"{server.url}/authorize?tenant=7", token_uri=f"{server.url}/token")
        command = desk.login()
        browse(command.url)
        status, out, err = command.end()

    assert status == 0
    assert command.url.startswith(f"{server.url}/authorize?tenant=7&")
    assert desk.saved() == {"login": {"access_token": "from-a-form", "scope": "read"}}
    assert "there is no refresh token" in err
    assert "Saved access_token, scope under login" in out


@pytest.mark.usefixtures("measured")
def test_nobody_comes_in_time(desk: Desk) -> None:
    """The message has the address that was waited at."""
    command = desk.login("--timeout", "0.2")
    status, _, err = command.end()

    assert status == 1
    assert f"within 0.2 s: waited at {command.parameters['redirect_uri']}" in err


def test_a_port_that_is_taken_is_named(desk: Desk) -> None:
    """An address that is registered exactly cannot move to another port."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, _, err = desk.run("login", "--port", str(port))

    assert status == 2
    assert err.startswith(f"Error: expected a free port, found address already in use: 127.0.0.1 port {port}")


def test_an_exact_address_is_used_exactly(desk: Desk, provider: OAuth2Provider) -> None:
    """Providers compare it letter by letter, and a browser may take either address of localhost."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    exact = f"http://localhost:{port}/oauth/done?tenant=7"
    command = desk.login("--redirect-uri", exact)
    page = browse(command.url)

    assert command.end()[0] == 0
    assert command.parameters["redirect_uri"] == exact
    assert page.url.startswith(f"{exact}&code=")
    assert provider.token_requests[0].form["redirect_uri"] == exact


def test_ctrl_c_ends_the_wait(desk: Desk) -> None:
    """With the status of an interrupted command, and nothing saved."""
    command = desk.login()
    command.process.send_signal(signal.SIGINT)

    assert command.end()[0] == 130
    assert not desk.keys.exists()


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("change", "arguments", "expected"),
    [
        ({"client_id": "{{NOT_SET}}"}, (), "NOT_SET is missing: set the environment variable for client_id of OAuth2"),
        ({}, ("--cfg", '{"secretId": "s-1"}'), "the platform keeps this secret"),
        ({}, ("--revoke-uri", "https://example.com"), "--revoke-uri needs --revoke"),
        ({"revoke_uri": None}, ("--revoke",), "expected a revocation endpoint"),
    ],
)
def test_what_prevents_a_sign_in_is_one_line(
    desk: Desk, change: dict[str, Any], arguments: tuple[str, ...], expected: str
) -> None:
    """It says where to look, and nothing was run."""
    desk.describe(**change)
    status, out, err = desk.run("login", *arguments)

    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert expected in err


def test_the_variable_browser_names_what_opens_the_address(desk: Desk, tmp_path: Path) -> None:
    """It counts even where no screen is."""
    script = tmp_path / "browser"
    script.write_text(f"#!{sys.executable}\nimport sys, urllib.request\nurllib.request.urlopen(sys.argv[1])\n")
    script.chmod(0o700)
    desk.environment |= {"BROWSER": str(script), "SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}

    assert desk.login().end()[0] == 0
    assert desk.saved()["login"]["refresh_token"]


def test_no_browser_is_opened_when_none_is_wanted(desk: Desk, tmp_path: Path) -> None:
    """The address is printed, and that is all."""
    opened = tmp_path / "opened"
    desk.environment["BROWSER"] = f"/usr/bin/touch {opened} #%s"
    command = desk.login("--no-browser", "--timeout", "0.1")

    assert command.end()[0] == 1
    assert command.url
    assert not opened.exists()


def test_somebody_at_another_machine_is_told_how_their_browser_comes_back(desk: Desk) -> None:
    """The loopback of the person's machine is not that of this one."""
    desk.environment |= {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22", "DISPLAY": ":10"}
    command = desk.login()
    port = command.parameters["redirect_uri"].split(":")[2].split("/")[0]
    browse(command.url)

    assert command.end()[0] == 0
    assert f"ssh -L {port}:127.0.0.1:{port}" in command.err


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_file_that_git_would_take_is_warned_of(desk: Desk) -> None:
    """Tokens in a repository are tokens of everybody."""
    subprocess.run(["/usr/bin/env", "git", "init", "--quiet", str(desk.root)], check=True)
    exposed = desk.login("--timeout", "0.1").end()[2]
    (desk.root / ".gitignore").write_text("*.keys.json\n")
    ignored = desk.login("--timeout", "0.1").end()[2]

    assert f"Warning: {desk.keys} is in a git repository, and git does not ignore it" in exposed
    assert "Warning" not in ignored


@pytest.mark.usefixtures("measured")
def test_keys_are_revoked_and_leave_the_file(desk: Desk, provider: OAuth2Provider) -> None:
    """The refresh token goes first: with it goes the grant."""
    keys = provider.issue()
    desk.keys.write_text(json.dumps({"region": "eu", "login": keys}))
    status, out, _ = desk.run("login", "--revoke")

    assert status == 0
    assert out == f"Revoked refresh_token and access_token, and removed login from {desk.keys}\n"
    assert desk.saved() == {"region": "eu"}
    sent = [each.form for each in provider.requests if each.path == "/revoke"]
    assert [(each["token"], each["token_type_hint"]) for each in sent] == [
        (keys["refresh_token"], "refresh_token"),
        (keys["access_token"], "access_token"),
    ]
    assert not provider.is_valid(keys["access_token"])


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("fault", "expected"),
    [(Fault(503), "gave no usable answer: HTTP 503"), (Fault(401, {"error": "invalid_client"}), "invalid_client")],
    ids=["busy", "refused"],
)
def test_keys_that_could_not_be_revoked_stay(desk: Desk, provider: OAuth2Provider, fault: Fault, expected: str) -> None:
    """Whoever removes them without that leaves a grant that nobody can revoke."""
    desk.keys.write_text(json.dumps({"login": provider.issue()}))
    provider.script("/revoke", fault)
    status, out, err = desk.run("login", "--revoke", "--revoke-uri", provider.url + "/revoke")

    assert (status, out) == (1, "")
    assert expected in err
    assert f"the keys are still in {desk.keys}" in err
    assert "refresh_token" in desk.saved()["login"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A browser for the tests of this module."""
    made = started()
    yield made
    made.close()


@pytest.mark.parametrize("address", ["http://127.0.0.1/callback", "http://localhost/"])
def test_a_person_clicks_allow_in_a_real_browser(
    desk: Desk, provider: OAuth2Provider, chromium: Chromium, tmp_path: Path, address: str
) -> None:
    """With its favicons, spare connections and redirects; the command opens it, and the person sees how it ended."""
    provider.asks = True
    desk.environment["BROWSER"] = str(chromium.command(tmp_path))
    command = desk.login("--redirect-uri", address)
    chromium.wait_until_opened()
    chromium.click("Allow")

    assert "The tokens are saved." in chromium.text("Signed in")
    assert command.end()[0] == 0
    assert provider.is_valid(desk.saved()["login"]["access_token"])


def test_a_person_clicks_deny_in_a_real_browser(
    desk: Desk, provider: OAuth2Provider, chromium: Chromium, tmp_path: Path
) -> None:
    """The command ends at once, and says who has decided that."""
    provider.asks = True
    desk.environment["BROWSER"] = str(chromium.command(tmp_path))
    command = desk.login()
    chromium.wait_until_opened()
    chromium.click("Deny")

    assert "the user denied access" in chromium.text("Sign-in failed")
    status, _, err = command.end()
    assert (status, err.splitlines()[-1][-22:]) == (1, "the user denied access")


def test_a_sign_in_fills_a_secret_of_the_emulated_platform(
    desk: Desk, provider: OAuth2Provider, tmp_path: Path
) -> None:
    """The client is in the file, as a person describes it to the platform; the component has none."""
    client, desk.oauth2 = desk.oauth2, {}
    desk.describe()
    file = tmp_path / "crm.keys.json"
    file.write_text(json.dumps({"name": "CRM", "oauth2": client, "credentials": {"fields": {"retries": "2"}}}))
    command = desk.login("--secret", file, "--set", "region=eu")
    browse(command.url)
    status, out, err = command.end()

    assert status == 0, err
    assert f"under credentials in {file}\nUse it: secrets: {{NAME: {file}}}" in out
    stored = json.loads(file.read_text())
    assert (stored["type"], stored["name"], stored["oauth2"]) == ("oauth2", "CRM", client)
    assert stored["credentials"]["fields"] == {"retries": "2", "region": "eu"}
    assert "expires_at" not in stored["credentials"]
    assert file.stat().st_mode & 0o777 == 0o600
    with DemoApi(provider) as api, Platform(secrets={"crm": stored}, provider=provider) as platform:
        desk.environment.update(platform.environ())
        cfg = json.dumps({"secretId": "crm", "url": api.url})
        assert desk.run("verify", "--cfg", cfg)[:2] == (0, '{"verified": true}\n')
        provider.revoke(stored["credentials"]["access_token"])
        assert desk.run("verify", "--cfg", cfg)[:2] == (0, '{"verified": true}\n')
        served = requests.get(
            f"{platform.url}/v2/workspaces/workspace/secrets/crm", auth=(platform.username, platform.key), timeout=10
        )
    attributes = served.json()["data"]["attributes"]
    assert sorted(attributes) == ["credentials", "name", "state", "type"]
    assert attributes["credentials"]["undefined_params"] == {"instance_url": "https://eu.test"}
    assert attributes["credentials"]["refresh_token"] != stored["credentials"]["refresh_token"]


@pytest.mark.parametrize(
    ("content", "arguments", "text"),
    [
        ({"type": "basic"}, [], "/type: expected 'oauth2'"),
        ({"credentials": []}, [], "/credentials: expected an object, found an array"),
        ({"oauth2": {"client_id": "1"}}, [], "crm.keys.json: /oauth2/auth_uri: expected the address"),
        ({}, ["--account", "other.json"], "--secret cannot be used with --account or --revoke"),
        ({}, ["--revoke"], "--secret cannot be used with --account or --revoke"),
    ],
)
def test_a_secret_that_cannot_be_filled_is_refused(
    desk: Desk, tmp_path: Path, content: Any, arguments: list[str], text: str
) -> None:
    """Before a browser opens."""
    file = tmp_path / "crm.keys.json"
    file.write_text(json.dumps(content))

    status, _, err = desk.run("login", "--secret", file, *arguments)
    assert status == 2
    assert text in err
    assert json.loads(file.read_text()) == content
