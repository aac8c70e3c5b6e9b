"""A client of HTTP/2 without sockets and threads: bytes in, bytes out.

``frames`` cuts frames out of bytes and writes them, ``header_encoder`` and ``header_decoder`` do so with headers.
``exchange`` is one request with its answer, ``connection`` has all of them on one connection, with their flow control.

Source: RFC 9113, RFC 7541; docs/decisions/0007-own-frames.md says why this is not hyper-h2.
"""
