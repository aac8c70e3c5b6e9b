"""Requests to OAuth2 APIs with tokens that stay alive.

``api`` has the class that authors import, and opens sessions. ``session`` sends requests with the live token, and
``expired_answer`` tells when it has expired. ``refresh_flow`` decides the steps of a refresh without I/O; ``refresher``
does them with ``token_request``, ``token_endpoint`` and ``token_response``; ``managed_secrets`` does them for secrets
of the platform. ``accounts`` holds the live credentials of the process, ``credential`` has the rules for one of them:
its ``keys``, their ``expiry``, and ``seen_tokens``. ``options`` are the author's, ``services`` are the run mode's, and
``storage`` keeps tokens between runs.
"""
