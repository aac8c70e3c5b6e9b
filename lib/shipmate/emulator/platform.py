"""The platform's HTTP API: step data, accounts, secrets, startup data, object storage and posted results."""

import base64
import copy
import json
import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from shipmate.emulator.grants import OAuth2Refusal
from shipmate.emulator.http import Answer, Server
from shipmate.emulator.journal import Journal, Reply, Request
from shipmate.emulator.oauth2 import OAuth2Provider
from shipmate.emulator.storage import Maester, Steward

# The platform stores these members of a token response; all others go to undefined_params. Source: contract §12.
_TOKEN_MEMBERS = frozenset({"access_token", "refresh_token", "expires_in", "scope", "token_type", "id_token"})
_CREDENTIAL_MEMBERS = _TOKEN_MEMBERS | {"additional_params", "undefined_params", "fields"}


class Platform(Server):
    """The platform's API and object storage, as a container uses them. Source: contract §9, §10.3, §12.

    Args:
        accounts: Keys of legacy credentials by account id, ``{"account": {"oauth": {...}}}``. A step whose config has
            ``_account`` gets the keys of this account.
        steps: Step data by flow and step: ``{"flow": {"step": {"config": {...}, "snapshot": {...}}}}``.
        secrets: Credentials of secrets by id, or their attributes (``{"type": ..., "credentials": {...}}``), of the
            types oauth2, basic, api_key and noauth. ``shipmate login --secret`` writes a file with such attributes.
        auth_clients: The auth clients by id: ``{"crm": {"type": "oauth2"}}``; a secret names its own by ``auth_client``
            among its attributes. A client of this type is made for secrets that name none.
        provider: Refreshes the secrets. The platform shares its journal unless `journal` is given.
        persist_to: JSON file that keeps accounts and secrets; its content overrides the arguments.
        username: User of the API; ``key`` is the password.
        workspace_id: The only workspace.
    """

    def __init__(
        self,
        *,
        accounts: Mapping[str, Mapping[str, Any]] | None = None,
        steps: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
        secrets: Mapping[str, Mapping[str, Any]] | None = None,
        auth_clients: Mapping[str, Mapping[str, Any]] | None = None,
        provider: OAuth2Provider | None = None,
        persist_to: Path | None = None,
        username: str = "runtime@example.com",
        key: str = "platform-api-key",
        workspace_id: str = "workspace",
        name: str = "platform",
        journal: Journal | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(name=name, journal=journal or (provider.journal if provider else None), port=port)
        self.username, self.key, self.workspace_id = username, key, workspace_id
        self.provider = provider
        self.persist_to = persist_to
        self.steps = {flow: {step: dict(data) for step, data in each.items()} for flow, each in (steps or {}).items()}
        self.accounts = {account: copy.deepcopy(dict(keys)) for account, keys in (accounts or {}).items()}
        self.secrets = {secret: _attributes(secret, given) for secret, given in (secrets or {}).items()}
        self.auth_clients = {client: dict(given) for client, given in (auth_clients or {}).items()}
        self.answers_with_lists = False
        """Whether the answer to a refresh has a list of one secret, as the documentation of the API says."""
        self.startup_data: dict[str, Any] = {}
        self.results: list[Any] = []
        self._lock = threading.RLock()
        self._restore()
        self.maester = Maester(self, "/object-storage", "object-storage-token")
        self.steward = Steward(self)
        self._routes_of_the_api()

    @property
    def result_url(self) -> str:
        """The address for the result of a service, with user and key."""
        host = urlsplit(self.url).netloc
        return f"http://{quote(self.username, safe='')}:{quote(self.key, safe='')}@{host}/results/1"

    def environ(self, flow_id: str = "flow", step_id: str = "step") -> dict[str, str]:
        """Return the environment variables of a container that point to this platform."""
        values = {
            "API_URI": self.url,
            "API_USERNAME": self.username,
            "API_KEY": self.key,
            "WORKSPACE_ID": self.workspace_id,
            "FLOW_ID": flow_id,
            "STEP_ID": step_id,
            "OBJECT_STORAGE_URI": self.maester.url,
            "OBJECT_STORAGE_TOKEN": self.maester.token,
        }
        return {f"ELASTICIO_{name}": value for name, value in values.items()}

    def step_data(self, flow: str, step: str) -> dict[str, Any] | None:
        """Return the data of a step, with the keys of its account in ``config``, or None."""
        with self._lock:
            data = self.steps.get(flow, {}).get(step)
            if data is None:
                return None
            config = dict(data.get("config") or {})
            keys = self.accounts.get(config.get("_account", ""), {})
            return copy.deepcopy({"id": step, "is_passthrough": False, **data, "config": {**config, **keys}})

    def update_account(self, account: str, keys: Mapping[str, Any]) -> bool:
        """Merge keys into those of an account, member by member; return whether the account exists."""
        with self._lock:
            if account not in self.accounts:
                return False
            self.accounts[account].update(copy.deepcopy(dict(keys)))
            self._persist()
        return True

    def change_secret(self, secret: str, **attributes: Any) -> None:
        """Change attributes of a secret, or create it, as a person does: ``credentials={...}``, ``type="basic"``.

        The secret is ready afterwards, unless ``state="error"`` says something else.
        """
        with self._lock:
            self.secrets[secret] = _attributes(
                secret, {**self.secrets.get(secret, {"credentials": {}}), "state": "ready", **attributes}
            )
            if self.secrets[secret]["state"] != "error":
                self.secrets[secret].pop("error", None)
            self._persist()

    def break_secret(self, secret: str, error: str) -> None:
        """Put a secret into the state ``error``, as the platform does when a refresh has failed."""
        self.change_secret(secret, state="error", error=error)

    def _routes_of_the_api(self) -> None:
        secrets = "/v2/workspaces/{workspace}/secrets"
        startup = "/sailor-support/hooks/task/{flow}/startup/data"
        self._private("GET", "/v1/tasks/{flow}/steps/{step}", self._get_step)
        self._private("GET", "/v1/accounts/{account}", self._get_account)
        self._private("PUT", "/v1/accounts/{account}", self._put_account)
        self._private("GET", secrets, self._list_secrets)
        self._private("GET", secrets + "/{key}", self._get_secret)
        self._private("GET", "/v2/auth-clients", lambda request: self._list_auth_clients())
        self._private("POST", secrets + "/{key}/refresh", self._refresh_secret)
        self._private("POST", startup, self._post_startup)
        self._private("GET", startup, self._get_startup)
        self._private("DELETE", startup, self._delete_startup)
        self._private("POST", "/v2/resources/storage/signed-url", lambda request: Reply(200, self.steward.signed()))
        self.route("POST", "/results/{key}", self._post_result)

    def _private(self, method: str, pattern: str, answer: Answer) -> None:
        def checked(request: Request, **names: str) -> Reply:
            if request.header("Authorization") != self._authorization():
                return Reply(401, {"error": "wrong user or key"}, {"WWW-Authenticate": "Basic"})
            return answer(request, **names)

        self.route(method, pattern, checked)

    def _authorization(self) -> str:
        return "Basic " + base64.b64encode(f"{self.username}:{self.key}".encode()).decode()

    def _get_step(self, request: Request, flow: str, step: str) -> Reply:
        data = self.step_data(flow, step)
        return _missing("step") if data is None else Reply(200, data)

    def _get_account(self, request: Request, account: str) -> Reply:
        with self._lock:
            keys = copy.deepcopy(self.accounts.get(account))
        return _missing("account") if keys is None else Reply(200, {"id": account, "keys": keys})

    def _put_account(self, request: Request, account: str) -> Reply:
        body = request.json()
        if not isinstance(body, dict) or not isinstance(body.get("keys"), dict):
            return Reply(400, {"error": 'expected {"keys": {...}}'})
        self.update_account(account, body["keys"])
        return self._get_account(request, account)

    def _list_secrets(self, request: Request, workspace: str) -> Reply:
        if workspace != self.workspace_id:
            return _missing("workspace")
        with self._lock:
            return Reply(200, {"data": [self._secret(key) for key in self.secrets], "meta": {}})

    def _get_secret(self, request: Request, workspace: str, key: str) -> Reply:
        with self._lock:
            if workspace != self.workspace_id or key not in self.secrets:
                return _missing("secret")
            return Reply(200, {"data": self._secret(key), "meta": {}})

    def _refresh_secret(self, request: Request, workspace: str, key: str) -> Reply:
        with self._lock:
            if workspace != self.workspace_id or key not in self.secrets:
                return _missing("secret")
            attributes = self.secrets[key]
            if self.provider is None or attributes["type"] != "oauth2":
                return Reply(400, {"errors": [{"title": "this secret cannot be refreshed"}]})
            credentials = attributes["credentials"]
            try:
                response = self.provider.refresh(credentials.get("refresh_token", ""))
            except OAuth2Refusal as error:
                attributes.update(state="error", error=error.description or error.code)
                return Reply(400, {"errors": [{"title": error.code, "detail": error.description}]})
            attributes["credentials"] = _stored_credentials({**credentials, **response})
            self._persist()
            secret = self._secret(key)
        return Reply(200, {"data": [secret] if self.answers_with_lists else secret, "meta": {}})

    def _list_auth_clients(self) -> Reply:
        with self._lock:
            clients = {self._auth_client(key): {"type": each["type"]} for key, each in self.secrets.items()}
            clients.update(self.auth_clients)
        data = [
            {"id": key, "type": "auth-client", "attributes": {"name": key, **each}} for key, each in clients.items()
        ]
        return Reply(200, {"data": data, "meta": {}})

    def _auth_client(self, secret: str) -> str:
        """Return the id of a secret's auth client."""
        attributes = self.secrets[secret]
        return str(attributes.get("auth_client") or f"{attributes['type']}-client")

    def _secret(self, key: str) -> dict[str, Any]:
        attributes = copy.deepcopy(self.secrets[key])
        return {
            "id": key,
            "type": "auth-secret",
            "links": {"self": f"/v2/workspaces/{self.workspace_id}/secrets/{key}"},
            "attributes": {name: each for name, each in attributes.items() if name not in ("auth_client", "oauth2")},
            "relationships": {
                "workspace": {"data": {"id": self.workspace_id, "type": "workspace"}},
                "auth_client": {"data": {"id": self._auth_client(key), "type": "auth-client"}},
            },
        }

    def _post_startup(self, request: Request, flow: str) -> Reply:
        state = request.json()
        with self._lock:
            if flow in self.startup_data:
                return Reply(409, {"error": "startup data exists already"})
            self.startup_data[flow] = state
        return Reply(201, {})

    def _get_startup(self, request: Request, flow: str) -> Reply:
        with self._lock:
            return Reply(200, self.startup_data[flow]) if flow in self.startup_data else _missing("startup data")

    def _delete_startup(self, request: Request, flow: str) -> Reply:
        with self._lock:
            if flow not in self.startup_data:
                return _missing("startup data")
            del self.startup_data[flow]
        return Reply(204)

    def _post_result(self, request: Request, key: str) -> Reply:
        # User and key are optional in the address, but must be correct if present. Source: contract §10.3.
        if request.header("Authorization") not in (None, self._authorization()):
            return Reply(401, {"error": "wrong user or key"})
        result = request.json()
        with self._lock:
            self.results.append(result)
        return Reply(200, {})

    def _restore(self) -> None:
        if self.persist_to is not None and self.persist_to.exists():
            stored = json.loads(self.persist_to.read_text())
            self.accounts.update(stored["accounts"])
            self.secrets.update(stored["secrets"])

    def _persist(self) -> None:
        if self.persist_to is None:
            return
        text = json.dumps({"accounts": self.accounts, "secrets": self.secrets}, indent=2)
        descriptor, temporary = tempfile.mkstemp(dir=self.persist_to.parent, prefix=self.persist_to.name)
        with os.fdopen(descriptor, "w") as file:  # only the owner may read what mkstemp creates
            file.write(text)
        os.replace(temporary, self.persist_to)


def _attributes(secret: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a secret from its credentials or from some of its attributes.

    Raises:
        ValueError: The fields of the form are beside the credentials, where the platform does not have them.
    """
    if "credentials" in given and "fields" in given:
        raise ValueError(f"secret {secret}: expected the fields of the form in credentials.fields, found another place")
    partial = dict(given) if "credentials" in given else {"credentials": given}
    attributes = {"name": secret, "state": "ready", "type": "oauth2", **copy.deepcopy(partial)}
    if attributes["type"] == "oauth2":
        attributes["credentials"] = _stored_credentials(attributes["credentials"])
    return attributes


def _stored_credentials(credentials: Mapping[str, Any]) -> dict[str, Any]:
    """Move the members that the platform does not know to ``undefined_params``."""
    stored = {name: value for name, value in credentials.items() if name in _CREDENTIAL_MEMBERS}
    others = {name: value for name, value in credentials.items() if name not in _CREDENTIAL_MEMBERS}
    if others:
        stored["undefined_params"] = {**stored.get("undefined_params", {}), **others}
    return stored


def _missing(what: str) -> Reply:
    return Reply(404, {"error": f"no such {what}"})
