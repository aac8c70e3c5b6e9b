"""The platform's API for one run of a flow: step data, accounts in key files, secrets, and snapshots that are kept."""

import json
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any, Final

from shipmate.emulator import Journal, Platform, Reply, Request
from shipmate.errors import BadInput, KeysNotSaved
from shipmate.flow.folder import replace_file
from shipmate.flow.graph import Flow, Node
from shipmate.flow.on_disk import OnDisk
from shipmate.oauth2.storage.file import TokenFile

SNAPSHOTS: Final = "snapshots.json"
OBJECTS: Final = "objects"
"""The folder of the object storage, which lasts as long as the run."""


class NoJournal(Journal):
    """Forgets each request: a flow may run for days."""

    def record(self, server: str, method: str, target: str, headers: Message, body: bytes) -> Request:
        """Return the request without keeping it."""
        path, _, query_string = target.partition("?")
        return Request(0, server, method, path, query_string, headers, body)


class FlowPlatform(Platform):
    """The platform of one flow. Keys are read from their files at each use, and written back when a step saves them."""

    def __init__(self, flow: Flow, folder: Path, *, key: str, is_fresh: bool = False) -> None:
        """Read the accounts, and the snapshots of earlier runs.

        Args:
            flow: The flow.
            folder: The folder that keeps snapshots.
            key: The password of the API.
            is_fresh: Whether to forget the snapshots.

        Raises:
            BadInput: The file of an account, or that of the snapshots, cannot be read.
        """
        self._files = {name: TokenFile(path) for name, path in flow.accounts.items()}
        if is_fresh:
            (folder / SNAPSHOTS).unlink(missing_ok=True)
        self._snapshots = SnapshotFile(folder / SNAPSHOTS)
        super().__init__(
            accounts={name: _read(file) for name, file in self._files.items()},
            secrets=flow.secrets,
            key=key,
            journal=NoJournal(),
        )
        objects = folder / OBJECTS
        shutil.rmtree(objects, ignore_errors=True)  # those of a run that was killed
        objects.mkdir(mode=0o700, parents=True)
        self.maester.objects = OnDisk(
            objects, lambda stored: stored.data, lambda stored, data: replace(stored, data=data)
        )
        self.steward.files = OnDisk(objects, lambda file: file[0], lambda file, data: (data, file[1]))
        self._objects = objects
        self.flow = flow
        self.on_keys: Callable[[Mapping[str, Any]], object] = lambda _: None
        """Called with new keys of an account, before a step gets them."""
        self.steps = {flow.id: {node.id: self._data(node) for node in flow.nodes}}

    def _data(self, node: Node) -> dict[str, Any]:
        config = dict(node.fields)
        if node.account is not None:
            config["_account"] = node.account
        if node.secret is not None:
            config["secretId"] = node.secret
        return {
            "config": config,
            "snapshot": self._snapshots.of(node.id),
            "variables": dict(self.flow.variables),
            "is_passthrough": node.has_passthrough,
            "comp_id": node.component,
            "function": node.function,
        }

    def step_data(self, flow: str, step: str) -> dict[str, Any] | None:
        """Return the data of a step, with the keys that its account's file has now."""
        data = self.steps.get(flow, {}).get(step)
        if data is not None and (account := data["config"].get("_account")) in self._files:
            self._refresh(account)
        return super().step_data(flow, step)

    def update_account(self, account: str, keys: Mapping[str, Any]) -> bool:
        """Merge keys into those of an account, in its file first; return whether the account exists.

        Raises:
            KeysNotSaved: The file cannot be replaced; the step is not to use the new keys.
        """
        self.on_keys(keys)
        if account in self._files:
            self._files[account].save(keys)
        return super().update_account(account, keys)

    def keep_snapshot(self, step: str, event: str, value: Any) -> None:
        """Keep the snapshot that a step has emitted, or the part of it that changes."""
        data = self.steps[self.flow.id].get(step)
        if data is None:
            return
        with self._lock:
            before = data["snapshot"]
            if event == "updateSnapshot" and isinstance(value, dict):
                value = {**(before if isinstance(before, dict) else {}), **value}
            data["snapshot"] = value
            self._snapshots.keep(step, value)

    def forget_objects(self) -> None:
        """Delete the content of the object storage."""
        shutil.rmtree(self._objects, ignore_errors=True)

    def save_snapshots(self) -> None:
        """Write the snapshots that have changed."""
        self._snapshots.save()

    def _get_account(self, request: Request, account: str) -> Reply:
        if account in self._files:
            self._refresh(account)
        return super()._get_account(request, account)

    def _put_account(self, request: Request, account: str) -> Reply:
        try:
            return super()._put_account(request, account)
        except KeysNotSaved as error:
            return Reply(500, {"error": str(error)})

    def _refresh(self, account: str) -> None:
        """Read the keys of an account: a sign-in may have replaced them while the flow runs."""
        try:
            keys = self._files[account].read()
        except KeysNotSaved:  # somebody edits the file: the last keys are still the best ones
            return
        self.on_keys(keys)
        with self._lock:
            self.accounts[account] = keys


class SnapshotFile:
    """The snapshots of a flow between two runs; written as a whole, and seldom."""

    def __init__(self, path: Path) -> None:
        """Read the file if it exists.

        Raises:
            BadInput: It is not an object in JSON.
        """
        self._path = path
        self._lock = threading.Lock()
        self._is_changed = False
        self._values: dict[str, Any] = {}
        if path.exists():
            try:
                self._values = dict(json.loads(path.read_text()))
            except (OSError, ValueError, TypeError):
                problem = f"expected the snapshots of an earlier run in {path}, found other content"
                raise BadInput(f"{problem}; --fresh forgets them") from None

    def of(self, step: str) -> Any:
        """Return the snapshot of a step, an empty object without one."""
        return self._values.get(step, {})

    def keep(self, step: str, value: Any) -> None:
        """Replace the snapshot of a step; `save` writes it."""
        with self._lock:
            self._values[step] = value
            self._is_changed = True

    def save(self) -> None:
        """Write the file if a snapshot has changed.

        Raises:
            OSError: The file cannot be written.
        """
        with self._lock:
            if not self._is_changed:
                return
            text, self._is_changed = json.dumps(self._values, indent=2), False
        replace_file(self._path, text)


def _read(file: TokenFile) -> dict[str, Any]:
    try:
        return file.read()
    except KeysNotSaved as error:
        raise BadInput(str(error)) from None
