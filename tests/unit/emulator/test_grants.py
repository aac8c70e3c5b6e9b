"""Tokens of the emulated provider: how they rotate, expire and are revoked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from shipmate.emulator import Fault, OAuth2Provider, OAuth2Refusal
from tests.unit.emulator.token_endpoint import (
    Clock,
    error,
    refresh,
)


class TestRefresh:
    def test_a_refresh_gives_a_new_pair_and_spends_the_old_token(self, provider: OAuth2Provider) -> None:
        old = provider.issue("read write")
        answer = refresh(provider, old["refresh_token"])
        new = answer.json()
        assert answer.headers["Cache-Control"] == "no-store"
        assert set(new) == {"access_token", "refresh_token", "token_type", "expires_in", "scope"}
        assert (new["token_type"], new["expires_in"], new["scope"]) == ("Bearer", 3600, "read write")
        assert new["refresh_token"] != old["refresh_token"]
        assert provider.is_valid(old["access_token"])
        assert provider.is_valid(new["access_token"])
        assert provider.refreshes == 1
        assert provider.token_requests[0].form["refresh_token"] == old["refresh_token"]

    def test_a_spent_token_that_comes_back_revokes_its_family_only(self, provider: OAuth2Provider) -> None:
        old, other = provider.issue(), provider.issue()
        new = refresh(provider, old["refresh_token"]).json()
        assert error(refresh(provider, old["refresh_token"])) == (400, "invalid_grant")
        assert not provider.is_valid(new["access_token"])
        assert error(refresh(provider, new["refresh_token"])) == (400, "invalid_grant")
        assert refresh(provider, other["refresh_token"]).ok
        assert provider.refreshes == 2

    def test_without_reuse_detection_the_newest_token_lives_on(self, make: Callable[..., OAuth2Provider]) -> None:
        provider = make(reuse_detection=False)
        old = provider.issue()
        new = refresh(provider, old["refresh_token"]).json()
        assert error(refresh(provider, old["refresh_token"])) == (400, "invalid_grant")
        assert refresh(provider, new["refresh_token"]).ok

    def test_a_spent_token_is_good_for_its_grace_uses(self, make: Callable[..., OAuth2Provider]) -> None:
        provider = make(grace_uses=1)
        token = provider.issue()["refresh_token"]
        assert [refresh(provider, token).status_code for _ in range(3)] == [200, 200, 400]

    def test_without_rotation_the_answer_has_no_refresh_token(self, make: Callable[..., OAuth2Provider]) -> None:
        provider = make(rotation=False)
        token = provider.issue()["refresh_token"]
        for _ in range(3):
            assert "refresh_token" not in refresh(provider, token).json()

    def test_a_refresh_can_kill_earlier_access_tokens(self, make: Callable[..., OAuth2Provider]) -> None:
        provider = make(kills_access_token=True)
        old, other = provider.issue(), provider.issue()
        new = refresh(provider, old["refresh_token"]).json()
        valid = [provider.is_valid(each["access_token"]) for each in (old, other, new)]
        assert valid == [False, True, True]

    def test_a_scope_may_shrink_but_not_grow(self, provider: OAuth2Provider) -> None:
        token = refresh(provider, provider.issue("a b")["refresh_token"], scope="b").json()
        assert token["scope"] == "b"
        assert error(refresh(provider, token["refresh_token"], scope="c")) == (400, "invalid_scope")
        assert refresh(provider, token["refresh_token"]).json()["scope"] == "a b"

    def test_unknown_foreign_and_missing_tokens_are_refused(self, provider: OAuth2Provider) -> None:
        foreign = provider.issue(client_id="public")
        assert error(refresh(provider, "nonsense")) == (400, "invalid_grant")
        assert error(refresh(provider, foreign["refresh_token"])) == (400, "invalid_grant")
        assert error(refresh(provider, "")) == (400, "invalid_request")

    def test_another_process_can_refresh_first(self, provider: OAuth2Provider) -> None:
        old = provider.issue()
        new = provider.refresh(old["refresh_token"])
        assert provider.is_valid(new["access_token"])
        assert provider.token_requests == []
        with pytest.raises(OAuth2Refusal, match="used before"):
            provider.refresh(old["refresh_token"])

    def test_of_many_refreshes_at_once_one_wins(self, make: Callable[..., OAuth2Provider]) -> None:
        provider = make(reuse_detection=False)
        token = provider.issue()["refresh_token"]
        with ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(lambda _: refresh(provider, token).status_code, range(16)))
        assert sorted(statuses) == [200] + [400] * 15

    def test_an_answer_can_be_lost_after_the_rotation(self, provider: OAuth2Provider) -> None:
        provider.script("/token", Fault(drop="before", after_processing=True))
        token = provider.issue()["refresh_token"]
        with pytest.raises(requests.ConnectionError):
            refresh(provider, token)
        assert provider.refreshes == 1
        assert error(refresh(provider, token)) == (400, "invalid_grant")


class TestLife:
    def test_tokens_expire_by_time(self, make: Callable[..., OAuth2Provider], clock: Clock) -> None:
        provider = make(access_token_life_seconds=60)
        token = provider.issue()
        assert token["expires_in"] == 60
        clock.now += 59
        assert provider.is_valid(token["access_token"])
        clock.now += 1
        assert provider.use(token["access_token"])[0] == "expired"

    def test_tokens_expire_by_count(self, make: Callable[..., OAuth2Provider]) -> None:
        provider = make(access_token_life_uses=2)
        token = provider.issue()["access_token"]
        assert [provider.use(token)[0] for _ in range(3)] == ["valid", "valid", "expired"]

    def test_tokens_expire_on_demand(self, provider: OAuth2Provider) -> None:
        one, two = provider.issue(expired=True), provider.issue()
        assert [provider.is_valid(each["access_token"]) for each in (one, two)] == [False, True]
        provider.expire_access_tokens()
        assert not provider.is_valid(two["access_token"])
        assert refresh(provider, two["refresh_token"]).ok

    def test_a_response_may_lack_expires_in_and_have_further_members(self, make: Callable[..., OAuth2Provider]) -> None:
        silent = make(sends_expires_in=False, extra={"instance_url": "https://na1.test"})
        assert set(silent.issue()) == {"access_token", "token_type", "refresh_token", "instance_url"}
        moving = make(extra=lambda number: {"instance_url": f"https://na{number}.test", "expires_in": "3600.0"})
        urls = [moving.issue()["instance_url"], moving.issue()["instance_url"]]
        assert urls == ["https://na1.test", "https://na2.test"]

    def test_revoking_takes_one_token_a_grant_or_everything(self, provider: OAuth2Provider) -> None:
        one, two, three = (provider.issue() for _ in range(3))
        provider.revoke(one["access_token"])
        provider.revoke(two["refresh_token"])
        assert [provider.is_valid(each["access_token"]) for each in (one, two, three)] == [False, False, True]
        assert refresh(provider, one["refresh_token"]).ok
        assert error(refresh(provider, two["refresh_token"])) == (400, "invalid_grant")
        provider.revoke()
        assert not provider.is_valid(three["access_token"])
