"""``$moment``: dates as moment 2.24 has them in English, without its time zone plug-in.

``moment`` is the value and its methods, on ``date``, which jsonata-python can use; ``parts`` are its getters and
setters. ``creation`` takes the arguments of ``$moment``, ``parsing`` reads texts, ``formats`` writes them, ``relative``
says how long ago something was. ``arithmetic`` moves times, ``weeks`` counts weeks, ``units`` knows names of units.
"""
