"""Generates the documentation of a component from its descriptor.

``page`` generates the whole page, ``properties`` the tables of metadata, ``markdown`` formats text, and ``readme``
writes the page into a file beside the text of its author.
"""

from shipmate.tools.docs.page import section
from shipmate.tools.docs.readme import README, is_current, write

__all__ = ["README", "is_current", "section", "write"]
