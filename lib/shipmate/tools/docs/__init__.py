"""A component's documentation, made from its descriptor.

``page`` says what is told of a component, ``properties`` what of its metadata, ``markdown`` how that is written, and
``readme`` puts it into a file beside what people have written there.
"""

from shipmate.tools.docs.page import section
from shipmate.tools.docs.readme import README, is_current, write

__all__ = ["README", "is_current", "section", "write"]
