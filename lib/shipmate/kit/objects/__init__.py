"""Objects: an author declares an API and its resources, and has the functions that read and write them.

``api`` and ``resource`` are what an author writes, with ``fields``, ``paging``, ``filters`` and ``names``; a
``declaration`` holds the result. Each function has a file: ``raw_request``, ``lookup``, ``lookup_many``, ``write``,
``delete``, ``poll``. They send through a ``connection``, and read and write ``records``.
"""
