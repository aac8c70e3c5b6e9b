"""A CRM on this machine, whose contacts come in all kinds of pages."""

from typing import Any

from shipmate.emulator import Reply, Request, Server

URL = "https://crm.example.com"
KEY = "key-of-the-crm"


class Crm(Server):
    """Contacts below ``/v1``: read in pages, filtered by parameters or by an expression, and written."""

    def __init__(self) -> None:
        super().__init__(name="crm")
        self.contacts: dict[str, dict[str, Any]] = {}
        self.cap = 100
        """The most contacts of a page, whatever is asked for."""
        self.wants_key = True
        self.route("GET", "/v1/me", lambda request: Reply(200, {"id": "1"}))
        self.route("GET", "/v1/contacts", self._page)
        self.route("POST", "/v1/contacts", lambda request: Reply(201, self.add(**request.json())))
        self.route("PUT", "/v1/contacts", self._native)
        self.route("GET", "/v1/contacts/{id}", lambda request, id: self._one(id))
        self.route("PATCH", "/v1/contacts/{id}", self._change)
        self.route("DELETE", "/v1/contacts/{id}", self._delete)

    def answer(self, request: Request) -> Reply:
        """Return the reply of a route, 401 without the key."""
        is_known = not self.wants_key or request.header("X-Key") == KEY
        return super().answer(request) if is_known else Reply(401, {"message": "wrong key"})

    def add(self, **contact: Any) -> dict[str, Any]:
        """Add a contact, and return it as it is stored."""
        id = str(len(self.contacts) + 1)
        self.contacts[id] = {"id": id, **contact}
        return self.contacts[id]

    @property
    def paths(self) -> list[str]:
        """The requests so far: ``["GET /v1/contacts/7"]``."""
        return [f"{request.method} {request.path}" for request in self.requests]

    def _page(self, request: Request) -> Reply:
        asked = request.query
        found = [each for each in self.contacts.values() if _matches(each, asked)]
        size = min(int(asked.get("limit", "100")), self.cap)
        start = int(asked.get("after") or asked.get("offset") or (int(asked.get("page", "1")) - 1) * size)
        page = found[start : start + size]
        end = start + len(page)
        following = str(end) if end < len(found) else None
        return Reply(200, {"data": page, "next": following, "total": len(found)})

    def _one(self, id: str) -> Reply:
        return Reply(200, self.contacts[id]) if id in self.contacts else Reply(404, {"message": "no such contact"})

    def _change(self, request: Request, id: str) -> Reply:
        if id in self.contacts:
            self.contacts[id].update(request.json())
        return self._one(id)

    def _native(self, request: Request) -> Reply:
        body, field = request.json(), request.query["match"]
        for contact in self.contacts.values():
            if contact.get(field) == body[field]:
                contact.update(body)
                return Reply(200, contact)
        return Reply(201, self.add(**body))

    def _delete(self, request: Request, id: str) -> Reply:
        reply = self._one(id)
        self.contacts.pop(id, None)
        return Reply(204) if reply.status == 200 else reply


def _matches(contact: dict[str, Any], asked: Any) -> bool:
    """Return whether a contact has the values of the query: ``name=Ada``, ``age[gt]=29``."""
    for name, value in asked.items():
        field, _, operator = name.partition("[")
        if field not in ("id", "email", "name", "age", "tag"):
            continue
        own = contact.get(field)
        if operator == "" and str(own) != value:
            return False
        if operator == "gt]" and not (own is not None and float(own) > float(value)):
            return False
    return True
