"""One try of a component's functions: its surroundings are emulated, and what it does is bounded and recorded."""

import contextlib
import ctypes
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from unittest import mock
from urllib.parse import urlsplit

from shipmate.component import Function, load, metadata
from shipmate.emulator import OAuth2Provider, Platform, Reply, Server
from shipmate.errors import DescriptorError
from shipmate.testing.api import Answer, EmulatedApi, RefusingApi, answers_of, behind
from shipmate.testing.emissions import Emissions
from shipmate.testing.isolation import only_component
from shipmate.testing.provider import routes_to, sample_variables
from shipmate.testing.routes import Route, Routes
from shipmate.testing.samples import Sample, Samples
from shipmate.testing.subject import ComponentUnderTest

_T = TypeVar("_T")

_GIVE_UP_SECONDS: Final = 2.0
_NOWHERE: Final = "https://default.invalid"
"""For servers that are reached by another way than this."""
_ANY_ANSWER: Final = {"id": "1", "name": "sample"}


class TookTooLong(Exception):
    """A function did not end within its time."""


class _Stop(SystemExit):
    """Raised in a thread that is to end."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the author says about the surroundings of the component; see `shipmate.testing.component_suite`."""

    samples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    credentials: Mapping[str, Any] | None = field(default=None, repr=False)
    answers: Mapping[str, Any] = field(default_factory=dict)
    serve: Mapping[str, Server | Callable[[], Server]] = field(default_factory=dict)
    expired: Reply | None = None
    timeout_seconds: float = 10.0


class Trial:
    """A component among emulated servers; a context manager is `trial`."""

    def __init__(self, root: Path, surroundings: Surroundings, routes: Routes) -> None:
        """Read the descriptor; nothing runs yet.

        Raises:
            DescriptorError: It cannot be used.
        """
        self.subject = ComponentUnderTest(root, routes)
        self.samples = Samples(self.subject.descriptor, surroundings.samples, surroundings.credentials)
        self.provider = OAuth2Provider({"client": "secret"})
        self.given = surroundings
        self.apis: list[EmulatedApi] = []
        self.printed = io.StringIO()
        """What the functions have printed, which in a container is part of the log."""

    def sample(self, function: Function) -> Sample:
        """Return the inputs for a function, without keys."""
        return self.samples.of(function)

    def serve(self, function: Function | None, failure: Reply | None = None) -> None:
        """Put an emulated API in the place of all hosts.

        Args:
            function: Whose ``out`` metadata an answer is made from, where the author gives none.
            failure: What it answers instead, to all that it would let through.
        """
        otherwise = answers_of(self.given.answers, self._answer_for(function))
        self._add(None, otherwise, failure)
        for url, server in self.given.serve.items():
            # Started, since answers may have its address in them; requests reach it through the emulated API.
            made = self.subject.serve(url, server if isinstance(server, Server) else server())
            self._add(url, behind(made), failure)
        for route in routes_to(self.apis[0], self.subject.descriptor, os.environ):
            self.subject.routes.add(Route(route.url, self.apis[0].url))

    def refuse(self, status: int) -> RefusingApi:
        """Put an API that refuses everything in the place of all hosts, and return it."""
        api = RefusingApi(status)
        self.subject.serve(_NOWHERE, api)
        self.subject.routes.default = api.url
        for route in routes_to(api, self.subject.descriptor, os.environ):
            self.subject.routes.add(Route(route.url, api.url))
        return api

    def run(self, function: Function, cfg: Mapping[str, Any]) -> Emissions:
        """Run a function on its sample with a configuration.

        Raises:
            TookTooLong: It did not end in time.
        """
        sample = self.sample(function)
        return self._bounded(lambda: self.subject.run(function.id, sample.msg, cfg, sample.snapshot))

    def call(self, function: Function, name: str, cfg: Mapping[str, Any]) -> Any:
        """Return what a model of a function answers; raises also `TookTooLong`."""
        return self._bounded(lambda: self.subject.call(function.id, name, cfg))

    def verify(self, cfg: Mapping[str, Any]) -> dict[str, Any]:
        """Return the verdict of ``verify_credentials``; raises also `TookTooLong`."""
        return self._bounded(lambda: self.subject.verify(cfg))

    @property
    def requests(self) -> int:
        """How many requests have reached the emulated servers."""
        return sum(len(api.requests) for api in self.apis)

    def _add(self, url: str | None, answer: Answer, failure: Reply | None) -> None:
        api = EmulatedApi(
            self.provider,
            answer if failure is None else lambda request: failure,
            expired=self.given.expired,
            has_oauth2=self.samples.token_field is not None,
            journal=self.provider.journal,
        )
        self.subject.serve(url or _NOWHERE, api)
        self.apis.append(api)
        if url is None:
            self.subject.routes.default = api.url

    def _answer_for(self, function: Function | None) -> Any:
        schema = metadata.schema_of(self.subject.descriptor, function, "out") if function is not None else None
        return metadata.sample(schema) if schema else _ANY_ANSWER

    def _bounded(self, action: Callable[[], _T]) -> _T:
        """Return the outcome of an action on a thread of its own, as functions run in a container."""
        outcome: list[_T] = []
        failure: list[BaseException] = []

        def work() -> None:
            try:
                outcome.append(action())
            except BaseException as error:  # handed over to the thread that waits
                failure.append(error)

        thread = threading.Thread(target=work, name="shipmate-trial", daemon=True)
        with contextlib.redirect_stdout(self.printed), contextlib.redirect_stderr(self.printed):
            thread.start()
            thread.join(self.given.timeout_seconds)
            if thread.is_alive():
                place = _place_of(thread, self.subject.root)
                self.subject.close()  # which most functions that ask again and again do not survive
                _end(thread, min(_GIVE_UP_SECONDS, self.given.timeout_seconds))
                raise TookTooLong(f"did not end within {self.given.timeout_seconds:g} seconds{place}")
        if failure:
            raise failure[0]
        return outcome[0]


def _place_of(thread: threading.Thread, root: Path) -> str:
    """Return where in the component a thread is, empty when it is elsewhere."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(root):
            return f", at {file.relative_to(root)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def _end(thread: threading.Thread, patience_seconds: float) -> None:
    """Wait for the end of a thread, and force it when it next runs Python code: it must not go on in other tests."""
    thread.join(patience_seconds)
    if thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Stop))
        thread.join(_GIVE_UP_SECONDS)


@contextmanager
def trial(root: Path, surroundings: Surroundings) -> Iterator[Trial]:
    """Make a trial whose modules, environment and network are its own, and undo all that at the end.

    Raises:
        DescriptorError: The descriptor cannot be used.
    """
    routes = Routes()
    made = Trial(root, surroundings, routes)
    variables = sample_variables(made.subject.descriptor, os.environ)
    with ExitStack() as stack:
        stack.callback(made.subject.close)
        platform = stack.enter_context(Platform())
        routes.own.add(urlsplit(platform.url).netloc)
        # At its lowest level a log has most to hide.
        stack.enter_context(mock.patch.dict(os.environ, {**variables, **platform.environ(), "LOG_LEVEL": "trace"}))
        stack.enter_context(only_component(root))
        stack.enter_context(routes.installed())
        yield made


def function_ids(root: Path) -> list[str]:
    """Return the ids of the component's functions, none when its descriptor cannot be used."""
    try:
        return list(load(root).functions)
    except DescriptorError:
        return []
