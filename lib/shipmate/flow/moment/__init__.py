"""``$moment``: dates as moment 2.24 has them in English, without its time zone plug-in.

``moment`` is the value and its methods, ``parsing`` reads texts, ``formats`` writes them, ``relative`` says how long ago
something was, ``weeks`` counts weeks and ``units`` knows the names of units.
"""
