"""Trigger: emit the events of a calendar that were created or changed.

Graph's delta query covers only a fixed range of dates, and returns each occurrence of a series. So this trigger reads
events by the time of their last change: without a range, and a series is one event. It finds cancelled events, but no
deleted ones.
"""

from datetime import UTC, datetime
from typing import Any

from outlook.containers import calendars
from outlook.fields import graph_moment, moment_of, text_of
from outlook.graph import Graph, plain
from outlook.keys import identified
from outlook.polling import poll
from outlook.urls import path_of
from outlook.watermark import Watermark, identity_of
from shipmate import Context, Message, message
from shipmate.kit import rebounding
from shipmate.kit.values import flag

__all__ = ["calendars", "process"]


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the events that have changed since the snapshot, or, without one, since the time in ``start``."""
    since = moment_of(cfg, "start") or graph_moment(datetime.now(UTC))
    calendar = text_of(cfg, "calendar")
    place = ("me", "calendars", calendar, "events") if calendar else ("me", "calendar", "events")
    progress = Watermark.resume(snapshot, path_of(*place), since, _preferences(cfg))
    known = set(progress.ahead)
    with rebounding(context):
        graph = Graph.connect(context, cfg)
        poll(context, graph, progress, snapshot=snapshot, make=_message)
    if ahead := set(progress.ahead) - known:
        context.logger.warning(
            "%d events have a time of change in the future: the position stays before it", len(ahead)
        )


def _message(event: dict[str, Any]) -> Message:
    return identified(message(plain(event)), identity_of(event))


def _preferences(cfg: dict[str, Any]) -> tuple[str, ...]:
    zone = text_of(cfg, "time_zone").strip()
    if '"' in zone or not zone.isprintable():
        raise ValueError("time_zone: expected a name such as Europe/Berlin, found something else")
    chosen = (f'outlook.timezone="{zone}"',) if zone else ()
    return (*chosen, 'outlook.body-content-type="text"') if flag(cfg, "plain_text") else chosen
