"""One component with emulated surroundings; the time of its calls is limited, their output is recorded."""

import contextlib
import ctypes
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar
from unittest import mock
from urllib.parse import urlsplit

from shipmate.component import Function, Modules, load, metadata
from shipmate.emulator import Journal, OAuth2Provider, Platform, Reply, Server
from shipmate.errors import DescriptorError, ShipmateError
from shipmate.testing.api import Answer, EmulatedApi, RefusingApi, answers_of, behind
from shipmate.testing.emissions import Emissions
from shipmate.testing.isolation import only_component
from shipmate.testing.provider import routes_to, sample_variables
from shipmate.testing.routes import Route, Routes
from shipmate.testing.samples import SECRET_ID, Sample, Samples, sample_secret
from shipmate.testing.subject import ComponentUnderTest

_T = TypeVar("_T")

_GIVE_UP_SECONDS: Final = 2.0
_NO_URL: Final = "https://default.invalid"
"""URL of servers that have no route of their own: requests reach them by `Routes.default`."""
_SAMPLE_BODY: Final = {"id": "1", "name": "sample"}


class TookTooLong(Exception):
    """A function did not end in time."""


class _Stop(SystemExit):
    """Raised in a thread to end it."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The author's arguments of `shipmate.testing.component_suite`."""

    samples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    credentials: Mapping[str, Any] | None = field(default=None, repr=False)
    answers: Mapping[str, Any] = field(default_factory=dict)
    serve: Mapping[str, Server | Callable[[], Server]] = field(default_factory=dict)
    expired: Reply | None = None
    timeout_seconds: float = 10.0


class Trial:
    """A component with emulated surroundings; `trial` starts and stops them."""

    def __init__(self, root: Path, surroundings: Surroundings, routes: Routes) -> None:
        """Read the descriptor; no code of the component runs yet.

        Raises:
            DescriptorError: The descriptor cannot be used.
        """
        self.subject = ComponentUnderTest(root, routes)
        self.samples = Samples(self.subject.descriptor, surroundings.samples, surroundings.credentials)
        self.provider = OAuth2Provider({"client": "secret"})
        self.platform = Platform(provider=self.provider)
        self.surroundings = surroundings
        self.apis: list[EmulatedApi] = []
        self.worked: bool | None = None
        """Whether the sample run of the function succeeded; None without such a run."""
        self._schemas: dict[str, Mapping[str, Any]] = {}
        self.printed = io.StringIO()
        """The output of the functions, which is part of the log in a container."""

    def sample(self, function: Function) -> Sample:
        """Return the sample inputs of a function, without OAuth2 keys."""
        sample = self.samples.of(function)
        schema = self._schemas.get(function.id, {}).get("in") if self.samples.lacks_message(function) else None
        return replace(sample, msg={"headers": {}, "body": metadata.sample(schema)}) if schema else sample

    def keep_secret(self, kind: str) -> dict[str, Any]:
        """Let the platform keep a new secret of a type, and return its credentials."""
        attributes = sample_secret(kind, tokens=self.provider.issue())
        self.platform.change_secret(SECRET_ID, **attributes)
        return dict(attributes["credentials"])

    def serve(self, function: Function | None, failure: Reply | None = None) -> None:
        """Replace all hosts by an emulated API.

        Args:
            function: Its ``out`` metadata is the sample body of replies that the author does not give.
            failure: Replaces all replies to accepted requests.
        """
        if function is not None and function.id not in self._schemas:
            self._schemas[function.id] = self._declared_schemas(function)
        self._serve(self._sample_body(function), failure)

    def _serve(self, sample_body: Any, failure: Reply | None = None) -> None:
        self._add(None, answers_of(self.surroundings.answers, sample_body), failure)
        for url, server in self.surroundings.serve.items():
            # Started, since its replies may have its address; requests reach it through the emulated API.
            started = self.subject.serve(url, server if isinstance(server, Server) else server())
            self._add(url, behind(started), failure)
        own = [Route(url, "") for url in self.surroundings.serve]
        for route in routes_to(self.apis[0], self.subject.descriptor, os.environ):
            if all(each.apply(route.url) is None for each in own):
                self.subject.routes.add(Route(route.url, self.apis[0].url))

    def refuse(self, status: int) -> RefusingApi:
        """Replace all hosts by an API that refuses all credentials, and return it."""
        api = RefusingApi(status)
        self.subject.serve(_NO_URL, api)
        self.subject.routes.default = api.url
        for route in routes_to(api, self.subject.descriptor, os.environ):
            self.subject.routes.add(Route(route.url, api.url))
        return api

    def run(self, function: Function, cfg: Mapping[str, Any]) -> Emissions:
        """Run a function on its sample inputs with a configuration, and return its events.

        Raises:
            TookTooLong: It did not end in time.
        """
        sample = self.sample(function)
        return self._bounded(lambda: self.subject.run(function.id, sample.msg, cfg, sample.snapshot))

    def call(self, function: Function, name: str, cfg: Mapping[str, Any]) -> Any:
        """Return the result of a model function: ``get_meta_model`` or a select model.

        Raises:
            TookTooLong: It did not end in time.
            BaseException: The model function raised it.
        """
        return self._bounded(lambda: self.subject.call(function.id, name, cfg))

    def verify(self, cfg: Mapping[str, Any]) -> dict[str, Any]:
        """Return the verdict of ``verify_credentials``: ``{"verified": ..., "reason": ...}``.

        Raises:
            TookTooLong: It did not end in time.
            AuthorError: ``verify_credentials.py`` does not import, or has no such function.
        """
        return self._bounded(lambda: self.subject.verify(cfg))

    @property
    def requests(self) -> int:
        """The number of requests to the emulated servers."""
        return sum(len(api.requests) for api in self.apis)

    def _add(self, url: str | None, answer: Answer, failure: Reply | None) -> None:
        api = EmulatedApi(
            self.provider,
            answer if failure is None else lambda request: failure,
            expired=self.surroundings.expired,
            has_oauth2=self.samples.token_field is not None,
            tokens=answer if url is not None else None,
            journal=self.provider.journal,
        )
        self.subject.serve(url or _NO_URL, api)
        self.apis.append(api)
        if url is None:
            self.subject.routes.default = api.url

    def _sample_body(self, function: Function | None) -> Any:
        if function is None:
            return _SAMPLE_BODY
        schema = self._schemas.get(function.id, {}).get("out") or metadata.schema_of(
            self.subject.descriptor, function, "out"
        )
        if not schema:
            return _SAMPLE_BODY
        answer = getattr(self._target(function), "sample_answer", None)
        return answer(metadata.sample(schema)) if callable(answer) else metadata.sample(schema)

    def _declared_schemas(self, function: Function) -> Mapping[str, Any]:
        """Return the schemas of a function that follows from a declaration; none of others, which may need an API.

        The declaration may ask the API for them: what that leaves behind is forgotten before the check begins.
        """
        if not function.dynamic_metadata or not hasattr(self._target(function), "sample_answer"):
            return {}
        self._serve(_SAMPLE_BODY)
        cfg = self.samples.with_keys(self.samples.of(function).cfg, self.provider.issue())
        try:
            found = self.call(function, "get_meta_model", cfg)
        except Exception:  # the check of its metadata reports it
            found = {}
        self.apis.clear()
        self.provider.journal = Journal()
        self.subject.forget()
        return found if isinstance(found, Mapping) else {}

    def _target(self, function: Function) -> object:
        try:
            return Modules(self.subject.descriptor).target(function)
        except ShipmateError:  # another check reports it
            return None

    def _bounded(self, action: Callable[[], _T]) -> _T:
        """Return the result of an action on a thread, as functions run in a container; raise its exception.

        Raises:
            TookTooLong: It did not end in time; its thread has been ended.
        """
        outcome: list[_T] = []
        failure: list[BaseException] = []

        def work() -> None:
            try:
                outcome.append(action())
            except BaseException as error:  # raised again in the waiting thread
                failure.append(error)

        thread = threading.Thread(target=work, name="shipmate-trial", daemon=True)
        with contextlib.redirect_stdout(self.printed), contextlib.redirect_stderr(self.printed):
            thread.start()
            seconds = self.surroundings.timeout_seconds
            thread.join(seconds)
            if thread.is_alive():
                place = _place_of(thread, self.subject.root)
                self.subject.close()  # ends most functions that repeat a request for ever
                _end(thread, min(_GIVE_UP_SECONDS, seconds))
                raise TookTooLong(f"did not end within {seconds:g} seconds{place}")
        if failure:
            raise failure[0]
        return outcome[0]


def _place_of(thread: threading.Thread, root: Path) -> str:
    """Return the line of the component that a thread executes, ``, at actions/go.py:7``; empty if it is elsewhere."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(root):
            return f", at {file.relative_to(root)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def _end(thread: threading.Thread, patience_seconds: float) -> None:
    """Wait for the end of a thread, then raise `_Stop` in it: it must not run on during other tests."""
    thread.join(patience_seconds)
    if thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Stop))
        thread.join(_GIVE_UP_SECONDS)


@contextmanager
def trial(root: Path, surroundings: Surroundings) -> Iterator[Trial]:
    """Yield a trial with its own modules, environment and network, and restore those of the process at the end.

    Raises:
        DescriptorError: The descriptor cannot be used.
    """
    routes = Routes()
    started = Trial(root, surroundings, routes)
    variables = sample_variables(started.subject.descriptor, os.environ)
    with ExitStack() as stack:
        stack.callback(started.subject.close)
        platform = stack.enter_context(started.platform)
        routes.own.add(urlsplit(platform.url).netloc)
        if types := started.samples.secret_types:
            started.keep_secret(types[0])
        # At the lowest level, where the log is most likely to leak a secret.
        stack.enter_context(mock.patch.dict(os.environ, {**variables, **platform.environ(), "LOG_LEVEL": "trace"}))
        stack.enter_context(only_component(root))
        stack.enter_context(routes.installed())
        yield started


def function_ids(root: Path) -> list[str]:
    """Return the ids of the component's functions; an empty list if its descriptor cannot be used."""
    try:
        return list(load(root).functions)
    except DescriptorError:
        return []
