"""What the actions and triggers of this component share.

``client`` sends requests and ``answers`` understands what comes back; ``soql`` writes queries and ``query`` reads
their pages; ``describe`` tells what an object looks like, ``schemas`` and ``choices`` make metadata and select models
of that; ``settings`` reads the fields of a step.
"""
