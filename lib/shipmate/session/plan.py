"""The options of ``context.session``, checked, and what follows from them and from the descriptor."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from shipmate.errors import ApiError, InvalidOption
from shipmate.oauth2.options import ClientOptions, OAuth2Options, option_names
from shipmate.oauth2.services import OAuth2Services
from shipmate.session.pace import Paces
from shipmate.session.policy import Policy
from shipmate.session.ways import KINDS, NONE, Kind, Way, way_from, ways_in
from shipmate.wording import did_you_mean_or_list

if TYPE_CHECKING:
    import requests

_log: Final = logging.getLogger("shipmate.session")
_MOST_PLANS: Final = 64
_MOST_NOTED: Final = 1000
_OWN: Final = ("auth", "basic", "policy", "query", "read_error")


ReadError = Callable[["requests.Response"], ApiError]
"""Returns the error for an answer with an error status."""


class SessionOptions(OAuth2Options, total=False):
    """The keyword arguments of ``context.session``: ``{"query": "api_key={apiKey}"}``, and those of OAuth2."""

    auth: Kind | list[Kind] | tuple[Kind, ...]
    query: str
    basic: str
    policy: Policy
    read_error: ReadError


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """What holds for all sessions with the same options."""

    ways: tuple[Way, ...]
    """The ways to prove the account; exactly one must be filled in."""
    options: ClientOptions
    """The options of OAuth2, of which hosts and limits hold for every way."""
    policy: Policy
    read_error: ReadError | None = None
    """Reads the errors of an API with codes of its own."""
    unplaced: str = ""
    """A credential field with a secret whose place in requests is unknown; ``""`` without one."""

    @property
    def oauth2_field(self) -> str | None:
        """The credential field with the keys, None if a token is got without any."""
        return self.options.field if self.options.needs_refresh_token else None


@dataclass(slots=True)
class SessionServices:
    """The services that a run mode provides to all sessions of the process."""

    oauth2: OAuth2Services
    view_classes: Mapping[str, Any]
    """The view class of each credential field."""
    auth_client_types: tuple[str, ...] = ()
    """``authClientTypes`` of the descriptor: the types of secrets that the component accepts."""
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the process is stopping: pauses end, and nothing is sent again."""
    paces: Paces = field(default_factory=Paces)
    kept: dict[str, Any] = field(default_factory=dict, repr=False)
    """What callers keep as long as the process runs, by the name of the caller."""
    _noted: set[str] = field(default_factory=set, repr=False)
    _plans: dict[tuple[object, ...], SessionPlan] = field(default_factory=dict, repr=False)

    def note_field(self, problem: str) -> None:
        """Log that a value of a form is not used as it is, once for each value."""
        if problem not in self._noted and len(self._noted) < _MOST_NOTED:
            self._noted.add(problem)
            _log.warning("a field of the account or the step has a wrong value: %s", problem)

    def plan(self, options: Mapping[str, Any]) -> SessionPlan:
        """Return the plan for the options of an author.

        Raises:
            InvalidOption: An option does not exist or has an invalid value.
        """
        try:
            key = tuple(options.items())
            if (known := self._plans.get(key)) is not None:
                return known
        except TypeError:  # a list or a dict, which may change
            return self._new_plan(options)
        plan = self._new_plan(options)
        if len(self._plans) < _MOST_PLANS:  # a function may create other options for each message
            self._plans[key] = plan
        return plan

    def _new_plan(self, options: Mapping[str, Any]) -> SessionPlan:
        known = sorted({*_OWN, *option_names()})
        for name in options:
            if name not in known:
                raise InvalidOption(f"context.session has no option {name!r}{did_you_mean_or_list(name, known)}")
        policy = options.get("policy", Policy())
        if not isinstance(policy, Policy):
            raise InvalidOption(f"option policy of context.session: expected a Policy, found {type(policy).__name__}")
        read_error = options.get("read_error")
        if read_error is not None and not callable(read_error):
            raise InvalidOption("option read_error of context.session: expected a function, found another value")
        of_oauth2 = {name: value for name, value in options.items() if name not in _OWN}
        templates = {name: options[name] for name in ("query", "basic") if name in options}
        if "{access_token}" not in str(of_oauth2.get("header", "{access_token}")):
            templates["header"] = of_oauth2.pop("header")
        ways = self._ways(options, templates)
        unplaced = "" if ways else self._unplaced()
        return SessionPlan(ways, self.oauth2.options(of_oauth2), policy, read_error, unplaced)

    def _ways(self, options: Mapping[str, Any], templates: Mapping[str, Any]) -> tuple[Way, ...]:
        has_oauth2 = bool(self.oauth2.defaults) or "token_url" in options
        ways = {way.kind: way for way in ways_in(self.view_classes, has_oauth2=has_oauth2)}
        if "auth" not in options and "oauth2" in ways:
            # Further fields of an OAuth2 account, a key for example, are about something else unless the author says.
            ways = {"oauth2": ways["oauth2"]}
        if "header" in templates or "query" in templates:
            ways.pop("api_key", None)
            ways.pop("bearer", None)
        for option in ("header", "query", "basic"):
            if option in templates:
                way = way_from(option, templates[option])
                ways[way.kind] = way
        if "auth" not in options:
            return tuple(ways.values())
        wanted = (options["auth"],) if isinstance(options["auth"], str) else options["auth"]
        if not isinstance(wanted, list | tuple) or not wanted or not all(kind in KINDS for kind in wanted):
            raise InvalidOption(
                f"option auth of context.session: expected some of {', '.join(KINDS)}, found {wanted!r}"
            )
        ways["none"] = NONE
        for kind in wanted:
            if kind not in ways:
                raise InvalidOption(
                    f"option auth of context.session: expected credential fields for {kind}, found none with a known "
                    "name: name them by header, query or basic"
                )
        return tuple(ways[kind] for kind in wanted)

    def _unplaced(self) -> str:
        """Return a credential field with a secret, ``""`` without one."""
        return next((name for name, kind in self.view_classes.items() if kind == "PasswordFieldView"), "")
