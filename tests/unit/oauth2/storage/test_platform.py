"""Where a container keeps the keys of accounts: at the platform, each account's where it belongs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

from shipmate.errors import KeysNotSaved, MissingSetting, PlatformUnavailable
from shipmate.oauth2.storage.platform import PlatformTokenStore

NEW = {"oauth": {"access_token": "s3cret-new"}}


class Accounts:
    """A platform that records the accounts it is given."""

    def __init__(self) -> None:
        self.updates: list[tuple[str, Mapping[str, Any]]] = []

    def update_account(self, account: str, keys: Mapping[str, Any]) -> None:
        self.updates.append((account, keys))


class Locks:
    """Records which names are locked, and whether they are released."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.held = 0

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self.names.append(name)
        self.held += 1
        yield
        self.held -= 1


def no_platform() -> NoReturn:
    """Stand in for a container that does not know the platform."""
    raise MissingSetting("ELASTICIO_API_URI is missing")


@pytest.mark.parametrize(("given", "saved"), [(None, "own"), ("own", "own"), ("other", "other")])
def test_keys_are_saved_at_the_account_that_they_belong_to(given: str | None, saved: str) -> None:
    """Keys without an account are the step's own; another account's never overwrite them."""
    platform = Accounts()
    keys = PlatformTokenStore("own", platform=lambda: platform)
    keys.check(given)
    keys.save(NEW, given)
    assert platform.updates == [(saved, NEW)]


def test_a_cfg_without_an_account_can_still_have_a_session_of_another_account() -> None:
    """The session names its account, so its keys have a place."""
    platform = Accounts()
    keys = PlatformTokenStore(None, platform=lambda: platform)
    keys.check("other")
    keys.save(NEW, "other")
    assert platform.updates == [("other", NEW)]


@pytest.mark.parametrize(
    "act", [lambda keys: keys.check(None), lambda keys: keys.save(NEW, None)], ids=["check", "save"]
)
def test_keys_without_any_account_are_refused_before_the_platform_is_called(
    act: Callable[[PlatformTokenStore], object],
) -> None:
    """A refresh whose outcome cannot be saved must not start: it would spend the refresh token."""
    with pytest.raises(KeysNotSaved, match="_account") as raised:
        act(PlatformTokenStore(None, platform=no_platform))
    assert "s3cret" not in str(raised.value)


def test_what_the_platform_says_against_new_keys_is_passed_on() -> None:
    """Who has emitted them learns why they are not safe."""

    def down() -> NoReturn:
        raise PlatformUnavailable("PUT /v1/accounts/own did not succeed")

    with pytest.raises(PlatformUnavailable):
        PlatformTokenStore("own", platform=down).save(NEW, None)


@pytest.mark.parametrize("account", [None, "own"])
def test_own_keys_are_read_from_the_step_as_it_is_now(account: str | None) -> None:
    """Another container may have refreshed since this one started."""
    configs = iter([{"oauth": {"access_token": "1"}}, {"oauth": {"access_token": "2"}}])
    keys = PlatformTokenStore("own", platform=no_platform, read_config=lambda: next(configs))
    assert [keys.read(account), keys.read(account)] == [
        {"oauth": {"access_token": "1"}},
        {"oauth": {"access_token": "2"}},
    ]


def test_keys_that_cannot_be_read_are_none_and_not_those_of_somebody_else() -> None:
    """The step's configuration says nothing about other accounts, and a service call has no step."""
    step = PlatformTokenStore("own", platform=no_platform, read_config=lambda: {"oauth": {"access_token": "own"}})
    service = PlatformTokenStore("own", platform=no_platform)
    assert [step.read("other"), service.read("own"), service.read(None)] == [None, None, None]


def test_containers_lock_each_account_apart_and_do_not_publish_its_id() -> None:
    """The name of a lock is seen by everybody who looks at the broker."""
    locks = Locks()
    keys = PlatformTokenStore("account-own", platform=no_platform, lock=locks)
    for account in (None, "account-own", "account-other"):
        with keys.lock(account):
            assert locks.held == 1
    own, same, other = locks.names
    assert own == same != other
    assert all(name.startswith("refresh.") and "account" not in name for name in locks.names)
    assert locks.held == 0


@pytest.mark.parametrize(
    "keys", [PlatformTokenStore("own", platform=no_platform), PlatformTokenStore(None, platform=no_platform)]
)
def test_without_a_broker_nothing_is_locked(keys: PlatformTokenStore) -> None:
    """A service call runs alone."""
    with keys.lock(None):
        pass


def test_without_an_account_nothing_is_locked() -> None:
    """There is no name to agree on."""
    locks = Locks()
    with PlatformTokenStore(None, platform=no_platform, lock=locks).lock(None):
        assert locks.names == []


def test_a_step_on_a_transport_without_locks_is_unlocked() -> None:
    """Other containers may refresh at the same moment; a service call and a step with a lock go on as they did."""
    step = PlatformTokenStore("own", platform=no_platform, read_config=dict)
    locked = PlatformTokenStore("own", platform=no_platform, read_config=dict, lock=Locks())
    service = PlatformTokenStore("own", platform=no_platform)
    assert [step.is_unlocked, locked.is_unlocked, service.is_unlocked] == [True, False, False]
