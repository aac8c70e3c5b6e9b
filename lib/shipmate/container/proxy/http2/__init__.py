"""A client of HTTP/2 without sockets and threads: bytes in, bytes out.

``frames`` cuts frames out of bytes and writes them; ``header_encoder``, ``header_decoder`` and ``header_blocks`` do so
with headers. ``exchange`` is one request with its answer, ``bodies`` sends the bodies of requests as the windows allow,
and ``connection`` has all that happens on one connection.

Source: RFC 9113, RFC 7541; docs/decisions/0007-own-frames.md says why this is not hyper-h2.
"""
