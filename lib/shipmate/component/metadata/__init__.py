"""The metadata of functions: JSON schemas of input and output, differences of values from them, and samples."""

from shipmate.component.metadata.differences import problems, schema_problems, sentence, slips, validator
from shipmate.component.metadata.samples import sample
from shipmate.component.metadata.schemas import Schema, read_schema, schema_of, thawed, to_draft4

__all__ = [
    "Schema",
    "problems",
    "read_schema",
    "sample",
    "schema_of",
    "schema_problems",
    "sentence",
    "slips",
    "thawed",
    "to_draft4",
    "validator",
]
