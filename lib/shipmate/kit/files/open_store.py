"""An API that keeps files, for the account of one call: metadata, downloads, deletions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from shipmate.errors import ApiError
from shipmate.jsonvalue import member_at
from shipmate.kit.files.declaration import Json, StoreDeclaration, filled
from shipmate.kit.files.transfer import StoredFile, refusal, to_attachment
from shipmate.urls import origin

if TYPE_CHECKING:
    import requests

    from shipmate.invocation.context import Context

_NOT_FOUND: Final = 404


class OpenStore:
    """A store for the account of one call."""

    def __init__(self, store: StoreDeclaration, context: "Context", cfg: Mapping[str, Any]) -> None:
        """Send nothing yet."""
        self._store = store
        self._context = context
        self._connected = store.api.connect(context, cfg)
        self.session = self._connected.session
        self._settings = {name: cfg.get(name) for name in store.settings}

    @property
    def emits_facts(self) -> bool:
        """Whether messages have the facts of a file, and not the API's own metadata."""
        return self._store.emits is None

    def url(self, template: str, values: Mapping[str, Any]) -> str:
        """Return the URL of a path with its values, percent-encoded.

        Raises:
            ValueError: A value is missing, or leads to another folder.
        """
        return self._connected.url(filled(template, {**self._settings, **values}))

    def followed(self, url: str, following: str) -> str:
        """Return the URL that an answer names as the next one.

        Raises:
            ApiError: It is that of another server.
        """
        before = origin(url)
        if before is not None and origin(following) != before:
            raise ApiError("the next page: expected a URL of the same server, found another")
        # Braces would be placeholders of the session.
        return following.replace("{", "%7B").replace("}", "%7D")

    def metadata(self, values: Mapping[str, Any]) -> Json | None:
        """Return the metadata of a file, None if there is no such file.

        Raises:
            ApiError: The API answers with another error than 404.
        """
        url = self.url(self._store.metadata, values)
        response = self.session.request("GET", url)
        return None if response.status_code == _NOT_FOUND else self.object_in("GET", url, response)

    def object_in(self, method: str, url: str, response: "requests.Response") -> Json:
        """Return the JSON object in an answer.

        Raises:
            ApiError: The answer is an error, or something else.
        """
        if response.status_code >= 400:
            raise refusal(method, url, response)
        try:
            found = response.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ApiError(f"{refusal(method, url, response)}: expected the metadata of a file, found something else")
        return found

    def delete(self, values: Mapping[str, Any]) -> bool:
        """Delete a file, and return whether there was one, be it that an earlier attempt has deleted it.

        Raises:
            ApiError: The API answers with another error than 404.
        """
        from shipmate.session.attempts import may_be_done  # requests: 97 ms

        url = self.url(self._store.delete, values)
        response = self.session.request("DELETE", url)
        if response.status_code >= 400 and response.status_code != _NOT_FOUND:
            raise refusal("DELETE", url, response)
        return response.status_code != _NOT_FOUND or may_be_done(response)

    def attach(self, found: Mapping[str, Any], values: Mapping[str, Any]) -> StoredFile:
        """Store the content of a file as an attachment.

        Raises:
            ApiError: The API answers with an error.
            IncompleteContent: The API did not send the whole file.
        """
        members, store = self._store.members, self._store
        kind = member_at(found, members.media_type) if members.media_type else None
        return to_attachment(
            self._context,
            self.session,
            self.url(store.content, values),
            name=str(member_at(found, members.name) or ""),
            content_type=kind if isinstance(kind, str) else None,
            max_bytes=store.max_bytes,
        )

    def values(self, found: Mapping[str, Any], path: str = "") -> Json:
        """Return the values for paths: ``{"path": "a/b.csv", "id": "7", "name": "b.csv"}``."""
        members = self._store.members
        known = path or (str(member_at(found, members.path) or "") if members.path else "")
        name = member_at(found, members.name)
        return {"path": known.strip("/"), "id": member_at(found, members.id), "name": name}

    def body(self, found: Mapping[str, Any], path: str = "") -> Json:
        """Return the body of a message about a file: the facts, or the API's own metadata if the store emits them."""
        return self.described(found, path) if self.emits_facts else dict(found)

    def described(self, found: Mapping[str, Any], path: str = "") -> Json:
        """Return the facts of a file: ``{"name": "b.csv", "path": "a/b.csv", "size": 12, ...}``."""
        members = self._store.members
        values = self.values(found, path)
        folder, _, last = values["path"].rpartition("/")
        body = {
            "id": values["id"],
            "name": values["name"] or last,
            "path": values["path"] or None,
            "directory": folder if values["path"] else None,
            "size": member_at(found, members.size),
            "modifyTime": member_at(found, members.modified),
            "contentType": member_at(found, members.media_type) if members.media_type else None,
        }
        return {name: value for name, value in body.items() if value is not None}

    def is_folder(self, found: Mapping[str, Any]) -> bool:
        """Tell whether metadata is that of a folder."""
        mark = member_at(dict(found), self._store.members.folder) if self._store.members.folder else None
        return mark is not None and mark is not False
