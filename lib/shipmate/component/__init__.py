"""A component: its descriptor as frozen facts, and its modules with the author's functions."""

from shipmate.component.descriptor import DESCRIPTOR, Component, Function, load, read_json
from shipmate.component.modules import VERIFIER, Modules

__all__ = ["DESCRIPTOR", "VERIFIER", "Component", "Function", "Modules", "load", "read_json"]
