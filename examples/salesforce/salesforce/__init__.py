"""Code that the actions and triggers of this component share.

``client`` sends requests and ``errors`` reads refusals; ``soql`` writes queries and ``query`` reads their pages;
``describe`` reads the fields of an object, ``schemas`` and ``choices`` turn them into metadata and select models.
"""
