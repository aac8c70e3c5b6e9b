"""The steps of a refresh, decided without I/O."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shipmate.errors import (
    ClientMisconfigured,
    EmitError,
    KeysNotSaved,
    ReauthorizationRequired,
    ShipmateError,
    TokenEndpointUnavailable,
)
from shipmate.oauth2 import refresh_flow
from shipmate.oauth2.credential import Credential
from shipmate.oauth2.seen_tokens import SeenTokens
from shipmate.oauth2.token_response import (
    Busy,
    Granted,
    Misconfigured,
    Refused,
    Uncertain,
    Unusable,
)
from shipmate.platform.secret import Secret

TERMS = refresh_flow.RefreshRules("account acc", "provider.example")
OLD = Credential({"access_token": "a0", "refresh_token": "r0"})
NEW = {"access_token": "a1", "refresh_token": "r1"}


class World:
    """Answers the steps of a flow from scripts, and remembers them."""

    def __init__(
        self,
        answers: list[Any] | None = None,
        stored: Callable[[int], refresh_flow.StoredTokens | None] = lambda reads: None,
        saves: list[Exception | None] | None = None,
    ) -> None:
        self.answers = answers or []
        self.stored = stored
        self.saves = saves if saves is not None else [None] * 9
        self.credential = OLD
        self.seen = SeenTokens()
        self.seen.add(OLD.keys)
        self.steps: list[str] = []
        self.waits: list[float] = []

    def run(self, steps: refresh_flow.Flow) -> Credential:
        try:
            step = next(steps)
            while True:
                step = steps.send(self.do(step))
        except StopIteration as end:
            result: Credential = end.value
            return result

    def do(self, step: refresh_flow.FlowStep) -> Any:
        self.steps.append(type(step).__name__)
        match step:
            case refresh_flow.ReadStored():
                return self.stored(self.steps.count("ReadStored"))
            case refresh_flow.AskProvider():
                answer = self.answers.pop(0)
                return answer, None
            case refresh_flow.AskPlatform():
                return self.answers.pop(0)
            case refresh_flow.Keep(credential):
                self.credential = credential
                self.seen.add(credential.keys)
            case refresh_flow.Save():
                return self.saves.pop(0)
            case refresh_flow.Wait(seconds):
                self.waits.append(seconds)
        return None

    def refresh(self, terms: refresh_flow.RefreshRules = TERMS) -> Credential:
        return self.run(refresh_flow.refresh(self.credential, self.seen, terms))


def stored(**keys: str) -> refresh_flow.StoredTokens:
    return refresh_flow.StoredTokens(keys)


def test_a_refresh_is_kept_in_memory_before_it_is_saved() -> None:
    """If saving fails or the process is stopped, the pair still exists."""
    world = World([Granted(NEW)])
    assert world.refresh().keys == NEW
    assert world.steps == ["ReadStored", "AskProvider", "Keep", "Save", "Keep"]
    assert not world.credential.is_unsaved


def test_stored_keys_that_are_newer_make_a_refresh_unnecessary() -> None:
    """Another process was first; its refresh token must not be spent."""
    world = World(stored=lambda reads: stored(access_token="a9", refresh_token="r9"))
    assert world.refresh().access_token == "a9"
    assert world.steps == ["ReadStored", "Keep"]


def test_every_access_refreshes_with_the_newer_stored_keys() -> None:
    """That policy renews the refresh token each time, but never with a spent one."""
    world = World([Granted(NEW)], stored=lambda reads: stored(access_token="a9", refresh_token="r9"))
    world.refresh(refresh_flow.RefreshRules("a", "p", adoption_suffices=False))
    assert world.steps == ["ReadStored", "Keep", "AskProvider", "Keep", "Save", "Keep"]


def test_stored_keys_that_are_spent_are_ignored() -> None:
    """A store that lags behind must not bring back a dead token."""
    world = World([Granted(NEW)], stored=lambda reads: refresh_flow.StoredTokens(OLD.keys))
    assert world.refresh().keys == NEW


def test_a_refused_token_is_a_tombstone_after_the_look_for_a_winner() -> None:
    """The winner of the race may not have saved yet, so it is looked for during a few seconds."""
    world = World([Refused("invalid_grant")], stored=lambda reads: refresh_flow.StoredTokens(OLD.keys))
    with pytest.raises(ReauthorizationRequired, match=r"provider\.example .*account acc.*invalid_grant.*[Ss]ign in"):
        world.refresh()
    assert world.credential.refusal
    assert 3 <= sum(world.waits) <= 6


def test_the_winner_of_the_race_is_found_when_it_saves_late() -> None:
    """The keys appear on the fourth look."""
    late = stored(access_token="a9", refresh_token="r9")
    world = World(
        [Refused("invalid_grant")], stored=lambda reads: late if reads >= 4 else refresh_flow.StoredTokens(OLD.keys)
    )
    assert world.refresh().access_token == "a9"
    assert world.credential.refusal is None


def test_a_refused_token_is_not_offered_again() -> None:
    """A thread that was still waiting for its 401 meanwhile is told the same."""
    world = World()
    world.credential = OLD.refused("gone")
    with pytest.raises(ReauthorizationRequired, match="gone"):
        world.refresh()
    assert world.steps == ["ReadStored"]


def test_with_nowhere_to_look_a_refusal_is_told_at_once() -> None:
    """Waiting would be for nothing."""
    world = World([Refused("invalid_grant")])
    with pytest.raises(ReauthorizationRequired):
        world.refresh()
    assert world.waits == []


def test_a_busy_endpoint_is_asked_three_times() -> None:
    """With growing pauses, or those that it asks for, up to ten seconds."""
    world = World([Busy("HTTP 429", 7), Busy("HTTP 503", 10), Granted(NEW)])
    world.refresh()
    assert world.waits == [7, 10]
    world = World([Busy("HTTP 429", 0), Busy("HTTP 503", 0.7), Granted(NEW)])
    world.refresh()
    assert world.waits == [0.5, 1.0]
    world = World([Busy("HTTP 429")] * 3)
    with pytest.raises(TokenEndpointUnavailable, match="HTTP 429"):
        world.refresh()
    assert world.waits == [0.5, 1.0]
    assert world.credential.refusal is None


def test_a_longer_pause_than_ten_seconds_is_left_to_a_later_message() -> None:
    """The error says how long it is."""
    world = World([Busy("HTTP 429", 12)])
    with pytest.raises(TokenEndpointUnavailable, match=r"HTTP 429.* 12 s"):
        world.refresh()
    assert world.waits == []


def test_errors_quote_the_words_of_the_provider() -> None:
    """They often say what to do."""
    for answer in (Refused("x", "gone"), Misconfigured("x", "gone"), Busy("x", 99, "gone"), Unusable("x", "gone")):
        with pytest.raises(ShipmateError, match="x: gone"):
            World([answer]).refresh()


def test_without_another_process_a_refusal_is_final_at_once() -> None:
    """A lock has kept all others out."""
    world = World([Refused("invalid_grant")], stored=lambda reads: refresh_flow.StoredTokens(OLD.keys))
    with pytest.raises(ReauthorizationRequired):
        world.refresh(replace(TERMS, awaits_winner=False))
    assert world.waits == []


def test_an_uncertain_outcome_is_tried_once_more_after_a_look_at_the_stored_keys() -> None:
    """Many providers accept the spent token again for a while."""
    world = World([Uncertain("HTTP 502"), Granted(NEW)])
    assert world.refresh().keys == NEW
    assert world.steps[:5] == ["ReadStored", "AskProvider", "Keep", "ReadStored", "Wait"]


def test_an_uncertain_outcome_that_another_process_resolved_is_adopted() -> None:
    """Its keys are live, ours are not."""
    newer = stored(access_token="a9", refresh_token="r9")
    world = World([Uncertain("x")], stored=lambda reads: newer if reads > 1 else refresh_flow.StoredTokens(OLD.keys))
    assert world.refresh().access_token == "a9"


def test_a_refusal_after_an_uncertain_outcome_says_that_it_is_unknown() -> None:
    """Also when the refusal comes with a later message."""
    world = World([Uncertain("HTTP 500"), Uncertain("HTTP 500")])
    with pytest.raises(TokenEndpointUnavailable):
        world.refresh()
    world.answers = [Refused("invalid_grant")]
    with pytest.raises(ReauthorizationRequired, match="unknown"):
        world.refresh()


def test_a_refused_client_leaves_no_tombstone() -> None:
    """Once the operator has corrected it, the same refresh token works."""
    world = World([Misconfigured("invalid_client")])
    with pytest.raises(ClientMisconfigured, match="invalid_client"):
        world.refresh()
    assert world.credential.refusal is None
    world.answers = [Unusable("odd"), Granted(NEW)]
    with pytest.raises(TokenEndpointUnavailable, match="odd"):
        world.refresh()
    assert world.refresh().keys == NEW


def test_without_a_refresh_token_nothing_is_asked() -> None:
    """There is nothing to ask with."""
    world = World()
    world.credential = Credential({"access_token": "a0"})
    with pytest.raises(ReauthorizationRequired, match="no refresh token"):
        world.refresh()
    assert world.steps == ["ReadStored"]


def test_an_account_without_keys_is_told_so() -> None:
    """It was perhaps only not handed over: there is nothing to sign in again for."""
    world = World()
    world.credential = Credential({})
    with pytest.raises(ReauthorizationRequired, match=r"has no keys for .*: sign in to get some"):
        world.refresh()


def test_other_grants_need_no_refresh_token_and_leave_no_tombstone() -> None:
    """The client itself is what is asked for."""
    world = World([Refused("invalid_grant"), Granted({"access_token": "a1"})])
    world.credential = Credential()
    terms = refresh_flow.RefreshRules("acc", "p", needs_refresh_token=False)
    with pytest.raises(ReauthorizationRequired):
        world.refresh(terms)
    assert world.refresh(terms).access_token == "a1"


def test_saving_is_tried_three_times() -> None:
    """A passing fault of the platform must not cost the connection."""
    world = World([Granted(NEW)], saves=[EmitError("x"), EmitError("x"), None])
    assert not world.refresh().is_unsaved
    assert world.steps.count("Save") == 3


def test_keys_that_cannot_be_saved_stay_in_memory_marked_as_unsaved() -> None:
    """The next use saves them first."""
    world = World([Granted(NEW)], saves=[EmitError("down"), OSError("down"), ValueError("s3cret")])
    with pytest.raises(KeysNotSaved, match="ValueError") as caught:
        world.refresh()
    assert "s3cret" not in str(caught.value)
    assert world.credential.is_unsaved
    assert world.credential.keys == NEW
    world.saves = [None]
    assert not world.run(refresh_flow.save(world.credential, TERMS)).is_unsaved


def test_recovery_adopts_a_new_sign_in_and_asks_nobody() -> None:
    """Only the stored keys are read."""
    world = World(stored=lambda reads: refresh_flow.StoredTokens(OLD.keys))
    world.credential = OLD.refused("gone")
    with pytest.raises(ReauthorizationRequired, match="gone"):
        world.run(refresh_flow.recover(world.credential, world.seen, TERMS))
    world.stored = lambda reads: stored(access_token="a9", refresh_token="r9")
    assert world.run(refresh_flow.recover(world.credential, world.seen, TERMS)).refusal is None
    assert "AskProvider" not in world.steps


def test_a_managed_secret_is_read_first_and_refreshed_only_if_unchanged() -> None:
    """The platform refreshes it for all containers."""
    world = World(stored=lambda reads: stored(access_token="m1"))
    assert world.run(refresh_flow.refresh_managed(OLD, world.seen, TERMS)).access_token == "m1"
    world = World([stored(access_token="m2")], stored=lambda reads: refresh_flow.StoredTokens(OLD.keys))
    assert world.run(refresh_flow.refresh_managed(OLD, world.seen, TERMS)).access_token == "m2"
    assert "Save" not in world.steps


def test_a_managed_secret_that_cannot_be_refreshed_is_a_tombstone() -> None:
    """The platform is not asked for every message."""
    world = World([Refused("HTTP 400")], stored=lambda reads: refresh_flow.StoredTokens(OLD.keys))
    with pytest.raises(ReauthorizationRequired):
        world.run(
            refresh_flow.refresh_managed(
                OLD, world.seen, refresh_flow.RefreshRules("secret s", "p", needs_refresh_token=False)
            )
        )
    assert world.credential.refusal
    world = World([Unusable("HTTP 503")], stored=lambda reads: refresh_flow.StoredTokens(OLD.keys))
    with pytest.raises(TokenEndpointUnavailable):
        world.run(refresh_flow.refresh_managed(OLD, world.seen, TERMS))
    assert world.credential.refusal is None


def test_a_refused_secret_is_taken_again_only_when_it_has_changed() -> None:
    """Also one that has the same tokens again, after the platform reported an error of it."""
    attributes = {"type": "oauth2", "credentials": {"access_token": "a0"}}
    broken = Secret.from_attributes("s", {**attributes, "state": "error", "error": "gone"})
    ready = Secret.from_attributes("s", {**attributes, "state": "ready"})
    world = World(stored=lambda reads: refresh_flow.StoredTokens(broken.keys, None, broken))
    with pytest.raises(ReauthorizationRequired, match="gone"):
        world.run(refresh_flow.refresh_managed(OLD, world.seen, TERMS))
    assert world.credential.refusal
    world.stored = lambda reads: refresh_flow.StoredTokens(ready.keys, None, ready)
    assert world.run(refresh_flow.recover_managed(world.credential, TERMS)).refusal is None
    with pytest.raises(ReauthorizationRequired):
        world.run(refresh_flow.recover_managed(replace(OLD, secret=ready).refused("x"), TERMS))


class Replicas(RuleBasedStateMachine):
    """Processes that share one account of a provider with rotation and reuse detection, with faults at any point.

    Each process runs its flows one step at a time under the platform's store, as replicas would that are
    locked against each other during a refresh.
    """

    @initialize(replicas=st.integers(1, 4))
    def start(self, replicas: int) -> None:
        """Sign in, and start the processes with the first keys."""
        self.issued = 0
        self.live_refresh = "r0"
        self.spent: set[str] = set()
        self.reused: list[str] = []
        self.platform: dict[str, str] = {"access_token": "a0", "refresh_token": "r0"}
        self.saving_works = True
        self.replicas = [
            World(stored=lambda reads: refresh_flow.StoredTokens(dict(self.platform))) for _ in range(replicas)
        ]

    def _provider(self, refresh_token: str | None) -> Any:
        if refresh_token != self.live_refresh:
            self.reused.append(str(refresh_token))
            return Refused("invalid_grant")
        self.issued += 1
        self.spent.add(self.live_refresh)
        self.live_refresh = f"r{self.issued}"
        return Granted({"access_token": f"a{self.issued}", "refresh_token": self.live_refresh})

    def _do(self, world: World) -> Callable[[refresh_flow.FlowStep], Any]:
        def do(step: refresh_flow.FlowStep) -> Any:
            match step:
                case refresh_flow.AskProvider(credential):
                    return self._provider(credential.refresh_token), None
                case refresh_flow.Save(credential):
                    if not self.saving_works:
                        return EmitError("down")
                    self.platform = {name: str(value) for name, value in credential.keys.items()}
                    return None
            return World.do(world, step)

        return do

    @rule(which=st.integers(0, 3))
    def expire(self, which: int) -> None:
        """A process meets a 401 and renews, or first saves what it could not save before."""
        world = self.replicas[which % len(self.replicas)]
        world.do = self._do(world)  # type: ignore[method-assign]
        try:
            if world.credential.is_unsaved:
                world.run(refresh_flow.save(world.credential, TERMS))
            world.run(refresh_flow.refresh(world.credential, world.seen, TERMS))
        except KeysNotSaved:
            assert not self.saving_works
        except ReauthorizationRequired:
            # Only when a replica holds the live pair for itself, because it could not save it.
            assert any(replica.credential.is_unsaved for replica in self.replicas)

    @rule()
    def sign_in(self) -> None:
        """A person signs in again."""
        self.issued += 1
        self.live_refresh = f"r{self.issued}"
        self.platform = {"access_token": f"a{self.issued}", "refresh_token": self.live_refresh}
        for world in self.replicas:
            world.seen.add(world.credential.keys)
            world.credential = world.credential.signed_in(self.platform, None)
            world.seen.add(self.platform)

    @precondition(lambda self: len(self.replicas) == 1)
    @rule()
    def break_saving(self) -> None:
        """The platform stops taking keys."""
        self.saving_works = False

    @rule()
    def mend_saving(self) -> None:
        """The platform takes keys again."""
        self.saving_works = True

    @invariant()
    def no_refresh_token_is_used_twice(self) -> None:
        """Under a lock, with the stored keys read first, reuse detection never strikes."""
        assert not getattr(self, "reused", [])

    @invariant()
    def the_live_pair_is_somewhere(self) -> None:
        """It is on the platform, or in the memory of a process that will save it."""
        if hasattr(self, "replicas"):
            held = [self.platform["refresh_token"]]
            held += [str(world.credential.refresh_token) for world in self.replicas if world.credential.is_unsaved]
            assert self.live_refresh in held


TestReplicas = Replicas.TestCase
TestReplicas.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
