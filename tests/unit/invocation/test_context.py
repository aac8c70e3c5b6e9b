"""What an author's function sees."""

import logging
from typing import Any

import pytest

from shipmate import OAuth2
from shipmate.invocation.context import Context

SECRET = "api-key-of-the-installation"


def context(**given: Any) -> Context:
    """Return a context with everything given or harmless."""
    parts: dict[str, Any] = {
        "log_fields": {"thread_id": "t", "message_id": "m", "parent_message_id": None},
        "open_oauth2": lambda options, cfg: (options, cfg),
        "open_session": lambda options, cfg: ("session", options, cfg),
        "api": lambda: "api",
        "attachments": lambda: "attachments",
        "flow_variables": {"region": "eu"},
        **given,
    }
    emit = parts.pop("emit", lambda event, value: None)
    return Context(emit, **parts)


def test_emit_hands_on_the_event_and_what_comes_back() -> None:
    emitted: list[tuple[str, Any]] = []
    made = context(emit=lambda event, value: emitted.append((event, value)))
    assert made.emit("end") is None
    made.emit("data", {"body": 1})
    assert emitted == [("end", None), ("data", {"body": 1})]


def test_the_logger_is_a_standard_one_with_trace_and_the_ids(caplog: pytest.LogCaptureFixture) -> None:
    made = context()
    assert isinstance(made.logger, logging.Logger)
    assert made.logger is made.logger
    with caplog.at_level(1, logger="component"):
        made.logger.trace("hello")
    assert caplog.records[0].name == "component"
    assert caplog.records[0].levelno == 5


def test_oauth2_opens_a_session_with_the_options_given_at_once_or_held_together() -> None:
    cfg: dict[str, Any] = {"oauth": {}}
    assert context().oauth2(cfg, refresh="on_401") == ({"refresh": "on_401"}, cfg)
    assert OAuth2("https://provider.example/token", refresh="on_401").session(context(), cfg) == (
        {"token_url": "https://provider.example/token", "refresh": "on_401"},
        cfg,
    )


def test_session_opens_a_session_for_any_account() -> None:
    assert context().session({"apiKey": "k"}, query="key={apiKey}") == (  # type: ignore[comparison-overlap]
        "session",
        {"query": "key={apiKey}"},
        {"apiKey": "k"},
    )


def test_flow_variables_can_only_be_read() -> None:
    variables = {"region": "eu"}
    seen = context(flow_variables=variables).flow_variables
    assert seen == {"region": "eu"}
    with pytest.raises(TypeError):
        seen["region"] = "us"  # type: ignore[index]


def test_api_and_attachments_are_made_when_asked_for() -> None:
    def missing() -> Any:
        raise LookupError("not here")

    made = context(api=missing)
    assert made.attachments == "attachments"
    with pytest.raises(LookupError):
        _ = made.api


def test_nothing_public_shows_what_the_context_was_made_with() -> None:
    def api(key: str = SECRET) -> str:
        return "client"

    made = context(api=api)
    assert not hasattr(made, "__dict__")
    shown = [repr(made), str(dir(made)), *(repr(getattr(made, name)) for name in dir(made) if not name.startswith("_"))]
    assert not any(SECRET in text for text in shown)
