"""The credential of a request, and its place in the request."""

from typing import NamedTuple


class Proof(NamedTuple):
    """The text that proves who sends a request, and its place; without header and parameter nothing is sent."""

    header: str
    """The name of the header, ``""`` for another place."""
    value: str
    parameter: str = ""
    """The name of the parameter of the query."""
