"""Requests to OAuth2 APIs with tokens that stay alive.

``api`` has the class that authors import, and opens sessions. ``session`` sends requests, and ``token_auth`` puts the
token into them; ``replay`` sends a body a second time. ``flow`` decides the steps of a refresh without I/O;
``refresher`` does them with ``token_request``, ``token_endpoint`` and ``token_response``; ``managed`` does them for
secrets of the platform. ``accounts`` holds the live credentials of the process, ``credential`` has the rules for one of
them. ``options`` are the author's, ``services`` are the run mode's, and ``storage`` keeps tokens between runs.
"""
