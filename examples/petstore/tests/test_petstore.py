"""The functions of the component, with a shop on this machine."""

import pytest

from petstore import KEY, URL, Petstore
from shipmate.testing import ComponentUnderTest, component_suite


def shop_with_a_pet() -> Petstore:
    """Return a shop with one pet."""
    shop = Petstore()
    shop.add(name="Rex")
    return shop


TestComponent = component_suite(
    credentials={"apiKey": KEY},
    serve={URL: shop_with_a_pet},
    samples={
        "getPetsByStatus": {"cfg": {"status": "available"}},
        "lookupObjects": {"cfg": {"status": "available"}},
        "lookupObjectById": {"msg": {"body": {"idValue": 1}}},
        "updateObject": {"msg": {"body": {"idValue": 1, "name": "Rover"}}},
        "deleteObjectById": {"msg": {"body": {"idValue": 1}}},
        "makeRawRequest": {"msg": {"body": {"method": "GET", "url": "/pet/1"}}},
    },
)


def test_a_pet_is_created_and_found(component: ComponentUnderTest, shop: Petstore, cfg: dict[str, str]) -> None:
    """The shop gives it an id, by which it is found."""
    created = component.run("createPet", {"body": {"name": "Rex"}}, cfg).message["body"]
    found = component.run("lookupObjectById", {"body": {"idValue": created["id"]}}, cfg).message["body"]

    assert found == created == {"id": 1, "name": "Rex", "status": "available", "photoUrls": []}


def test_an_update_keeps_what_the_message_lacks(
    component: ComponentUnderTest, shop: Petstore, cfg: dict[str, str]
) -> None:
    """The shop replaces a pet as a whole."""
    shop.add(name="Rex", photoUrls=["https://example.com/rex.jpg"])
    done = component.run("updateObject", {"body": {"idValue": 1, "status": "sold"}}, cfg)

    assert done.message["body"] == shop.pets["1"]
    assert (shop.pets["1"]["name"], shop.pets["1"]["status"]) == ("Rex", "sold")


def test_only_new_pets_are_polled(component: ComponentUnderTest, shop: Petstore, cfg: dict[str, str]) -> None:
    """The snapshot says which pets are known."""
    cfg = {**cfg, "status": "available"}
    shop.add(name="Rex")
    first = component.run("getPetsByStatus", cfg=cfg)
    shop.add(name="Bella")
    second = component.run("getPetsByStatus", cfg=cfg, snapshot=first.snapshots[-1])

    assert [message["body"]["name"] for message in first.data] == ["Rex"]
    assert [message["body"]["name"] for message in second.data] == ["Bella"]


@pytest.mark.parametrize(("strategy", "expected"), [("emitNothing", []), ("emitEmpty", [{}])])
def test_a_deletion_of_nothing_does_what_the_step_says(
    component: ComponentUnderTest, shop: Petstore, cfg: dict[str, str], strategy: str, expected: list[object]
) -> None:
    """It is an error unless a person has chosen something else."""
    done = component.run("deleteObjectById", {"body": {"idValue": 7}}, {**cfg, "ifNotFound": strategy})
    failed = component.run("deleteObjectById", {"body": {"idValue": 7}}, cfg)

    assert [message["body"] for message in done.data] == expected
    assert failed.errors[0]["message"] == "Pet: nothing found with this id"


def test_the_choices_come_from_the_shop(component: ComponentUnderTest, shop: Petstore, cfg: dict[str, str]) -> None:
    """The select model is a function of the component."""
    assert component.call("getPetsByStatus", "statuses", cfg) == {"available": "Available", "sold": "Sold"}


def test_a_wrong_key_is_refused(component: ComponentUnderTest, shop: Petstore) -> None:
    """The reason says it without the key."""
    verdict = component.verify({"apiKey": "wrong"})

    assert (verdict["verified"], "401" in verdict["reason"]) == (False, True)
