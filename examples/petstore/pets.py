"""The pets of a shop: the functions that component.json names follow from these declarations."""

from collections.abc import Mapping
from typing import Any

from shipmate import Context
from shipmate.kit import Api, Field, Resource, Write, listing

api = Api("https://petstore.elastic.io/v2", header="api-key: {apiKey}", verify="/user/me", title="Petstore")


def statuses(context: Context, cfg: Mapping[str, Any]) -> dict[str, str]:
    """Return the choices of a pet's status, as the shop has them now."""
    found = api.connect(context, cfg).get("/pet/statuses").json()
    return {status: status.capitalize() for status in found}


pets = Resource(
    api,
    "/pet",
    title="Pet",
    fields=[
        Field("id", "integer", title="ID", read_only=True),
        Field("name", required=True),
        Field("status", enum=["available", "pending", "sold"]),
        Field("photoUrls", title="Photo URLs", items="string"),
    ],
    # {status} is a field of the step; requests encode what a person chooses there.
    list="GET /pet/findByStatus?status={status}",
    settings={
        "status": {
            "label": "Pet Status",
            "viewClass": "SelectView",
            "required": True,
            "model": statuses,
            "prompt": "Select Pet Status",
        }
    },
    # The shop replaces a pet as a whole: an update reads it first, so that what a message lacks stays.
    write=Write(update="PUT /pet"),
    # The shop has no times to poll on: each run reads the pets and emits those that it has not seen.
    changes=listing(id="id"),
)
