"""What a command is given to work on: ``values`` of its options, ``fixtures`` of the component, and ``variables``."""

from shipmate.inputs.fixtures import FIXTURES, fixture_names, read_fixture
from shipmate.inputs.values import Inputs, Source, gather, pointer, read, read_variables
from shipmate.inputs.variables import read_env_file

__all__ = [
    "FIXTURES",
    "Inputs",
    "Source",
    "fixture_names",
    "gather",
    "pointer",
    "read",
    "read_env_file",
    "read_fixture",
    "read_variables",
]
