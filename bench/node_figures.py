"""The resources that a RabbitMQ node uses."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import psutil

from shipmate.emulator import RabbitMQNode

_CONNECTION_PARTS: Final = ("connection_channels", "connection_other", "connection_readers", "connection_writers")
_NUMBER: Final = re.compile(r"\{(\w+), (\d+)\}")
"""A number in a property list of Erlang, with its name."""
_ACCEPTED: Final = re.compile(r"(\d\d):(\d\d):(\d\d\.\d+).* accepting AMQP connection")


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """The figures of a node at a moment."""

    rss_bytes: int
    """Resident memory, which RabbitMQ compares with its high watermark."""
    connection_bytes: int
    """Memory of connections and channels, as the node counts it, without buffers."""
    sockets: int
    """Open connections."""
    descriptors: int
    """Open files and sockets, as the kernel counts them."""
    processes: int
    """Erlang processes."""
    pid: int


def figures_of(node: RabbitMQNode) -> NodeFigures:
    """Return the figures of a running node; takes some hundredths of a second."""
    status = node.evaluate("[{process_count, erlang:system_info(process_count)} | rabbit:status()]")
    numbers = {name: int(number) for name, number in _NUMBER.findall(status)}
    process = psutil.Process(numbers["pid"])
    return NodeFigures(
        rss_bytes=int(process.memory_info().rss),
        connection_bytes=sum(numbers[part] for part in _CONNECTION_PARTS),
        sockets=numbers["sockets_used"],
        descriptors=process.num_fds(),
        processes=numbers["process_count"],
        pid=process.pid,
    )


def accepted(node: RabbitMQNode) -> list[float]:
    """Return when the node has accepted connections, in seconds of the day, from its log."""
    moments = []
    for log in sorted((node.folder / "log").glob("*.log")):
        with log.open(errors="replace") as lines:
            for line in lines:
                if (found := _ACCEPTED.search(line)) is not None:
                    hours, minutes, seconds = map(float, found.groups())
                    moments.append(hours * 3600 + minutes * 60 + seconds)
    return moments


def most_in(moments: Sequence[float], window_seconds: float) -> int:
    """Return the highest number of moments within a period.

    >>> most_in([0.1, 0.2, 0.9, 1.1, 1.15, 1.3], 1.0)
    4
    """
    ordered, first, most = sorted(moments), 0, 0
    for index, moment in enumerate(ordered):
        while moment - ordered[first] > window_seconds:
            first += 1
        most = max(most, index - first + 1)
    return most
