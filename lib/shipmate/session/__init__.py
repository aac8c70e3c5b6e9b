"""Sessions for every kind of credential, and what to do when an API fails.

``api`` opens a session: ``plan`` holds the author's options, ``ways`` finds in the credential fields how an account
proves itself, ``session`` sends. ``policy`` decides when a request is sent again, ``pace`` keeps a rate, ``values`` and
``status_ranges`` read what people type into forms. ``errors`` says what becomes of an error of the API, ``exchange``
does it, and ``answers`` reads what the API says.
"""
