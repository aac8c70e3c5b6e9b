"""A pet shop on this machine, with the requests that the component sends."""

from typing import Any

from shipmate.emulator import Reply, Request, Server

URL = "https://petstore.elastic.io"
KEY = "secret-of-the-shop"


class Petstore(Server):
    """A shop that answers to its key only."""

    def __init__(self) -> None:
        super().__init__(name="petstore")
        self.pets: dict[str, dict[str, Any]] = {}
        self.route("GET", "/v2/user/me", lambda request: Reply(200, {"name": "Ada"}))
        self.route("GET", "/v2/pet/statuses", lambda request: Reply(200, ["available", "sold"]))
        self.route("GET", "/v2/pet/findByStatus", self._find)
        self.route("POST", "/v2/pet", lambda request: Reply(201, self.add(**request.json())))
        self.route("PUT", "/v2/pet", self._replace)
        self.route("GET", "/v2/pet/{id}", lambda request, id: self._one(id))
        self.route("DELETE", "/v2/pet/{id}", self._delete)

    def answer(self, request: Request) -> Reply:
        """Return the reply of a route, 401 without the key."""
        return super().answer(request) if request.header("api-key") == KEY else Reply(401, {"message": "wrong key"})

    def add(self, **pet: Any) -> dict[str, Any]:
        """Add a pet, and return it with its id."""
        key = len(self.pets) + 1
        self.pets[str(key)] = {"status": "available", "photoUrls": [], **pet, "id": key}
        return self.pets[str(key)]

    def _find(self, request: Request) -> Reply:
        return Reply(200, [pet for pet in self.pets.values() if pet["status"] == request.query["status"]])

    def _one(self, id: str) -> Reply:
        return Reply(200, self.pets[id]) if id in self.pets else Reply(404, {"message": "no such pet"})

    def _replace(self, request: Request) -> Reply:
        pet = request.json()
        if str(pet["id"]) not in self.pets:
            return Reply(404, {"message": "no such pet"})
        self.pets[str(pet["id"])] = pet
        return Reply(200, pet)

    def _delete(self, request: Request, id: str) -> Reply:
        found = self._one(id)
        self.pets.pop(id, None)
        return Reply(204) if found.status == 200 else found
