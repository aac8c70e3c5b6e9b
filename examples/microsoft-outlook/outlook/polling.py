"""Emits the items of a collection, each once, and a snapshot after the items of each page are safe."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from outlook.graph import Graph
from shipmate import Context, Message

_MOST_PAGES: Final = 1000


class Progress(Protocol):
    """The progress through a collection: a `Round` or a `Watermark`."""

    def read(self, graph: Graph) -> dict[str, Any]: ...
    def new(self, page: Mapping[str, Any]) -> list[dict[str, Any]]: ...
    def turn(self, page: Mapping[str, Any], emitted: list[dict[str, Any]]) -> bool: ...
    def snapshot(self) -> dict[str, Any]: ...


def poll(
    context: Context,
    graph: Graph,
    progress: Progress,
    *,
    snapshot: Mapping[str, Any],
    make: Callable[[dict[str, Any]], Message | None],
) -> None:
    """Read and emit page after page, to the last one.

    Args:
        context: The context of the call.
        graph: Graph.
        progress: The progress through the collection.
        snapshot: The snapshot of the call; an equal one is not emitted again.
        make: Returns the message of an item, None for an item that is not wanted.
    """
    kept = snapshot
    for _ in range(_MOST_PAGES):
        page = progress.read(graph)
        new = progress.new(page)
        for item in new:
            if (made := make(item)) is not None:
                context.emit("data", made)
        goes_on = progress.turn(page, new)
        if (current := progress.snapshot()) != kept:
            context.emit("snapshot", current)
            kept = current
        if not goes_on:
            return
    context.logger.info("there are more pages than one run reads; the next run goes on")
