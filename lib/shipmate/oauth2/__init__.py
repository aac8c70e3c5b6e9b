"""Requests to OAuth2 APIs with tokens that stay alive.

``api`` is what authors import and what opens a session; ``session`` sends their requests through ``transport``, and
``replay`` remembers how to send a body again. ``flow`` decides the steps of a refresh without I/O and ``refresher``
does them, with ``token_request``, ``token_endpoint`` and ``token_response``. ``accounts`` holds the live credentials of
the process, ``credential`` is one of them, ``options`` are the author's, and ``storage`` keeps tokens between runs.
"""
