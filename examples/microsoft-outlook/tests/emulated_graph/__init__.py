"""Microsoft Graph as a real server on a local port, as far as this component speaks to it."""

from emulated_graph.mailbox import Mailbox
from emulated_graph.server import EmulatedGraph, OpenGraph
from emulated_graph.uploads import UploadHost

__all__ = ["EmulatedGraph", "Mailbox", "OpenGraph", "UploadHost"]
